package app

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// Limits of the admin server. Profiles take their time, so answers have no limit.
const (
	adminHeaderTimeout = 5 * time.Second
	adminIdleTimeout   = time.Minute
	adminHeaderBytes   = 16 << 10
)

// adminServer serves health, readiness and profiles over plain HTTP.
func (a *App) adminServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.serveHealth)
	mux.HandleFunc("GET /readyz", a.serveReadiness)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: adminHeaderTimeout,
		IdleTimeout:       adminIdleTimeout,
		MaxHeaderBytes:    adminHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
}

// serveHealth answers as long as the process does: restart it when this fails.
func (a *App) serveHealth(w http.ResponseWriter, _ *http.Request) {
	a.writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"alive"})
}

// Readiness is the answer of /readyz: 200 when Ready, 503 otherwise.
type Readiness struct {
	// Ready: the listeners are up, there is a document to decide by, and the process is not draining.
	Ready bool `json:"ready"`
	// Draining: the process was told to stop.
	Draining bool `json:"draining"`
	// Streams is the number of requests in flight.
	Streams int `json:"streams"`
	// Files is the number of files that the tenants in force come from.
	Files int `json:"files"`
	// Tenants is the number of tenants in force.
	Tenants int `json:"tenants"`
	// LoadedAt is when the tenants in force last changed.
	LoadedAt time.Time `json:"loaded_at,omitzero"`
	// Kept names the files of which an older version is in force.
	Kept []string `json:"kept,omitempty"`
	// Problems are what is wrong with the files as they are now. The last good version of
	// what they broke is in force, so they do not make the process unready.
	Problems []string `json:"problems,omitempty"`
}

func (a *App) readiness() Readiness {
	report := a.registry.Status()
	draining := a.draining.Load()
	r := Readiness{
		Ready:    a.running.Load() && report.Ready() && !draining,
		Draining: draining,
		Streams:  a.service.Active(),
		Files:    report.Files,
		Tenants:  report.Tenants,
		LoadedAt: report.LoadedAt,
		Kept:     report.Kept,
	}
	for i := range report.Problems {
		r.Problems = append(r.Problems, report.Problems[i].String())
	}
	return r
}

func (a *App) serveReadiness(w http.ResponseWriter, _ *http.Request) {
	r := a.readiness()
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	a.writeJSON(w, status, r)
}

func (a *App) writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		a.log.Debug("an admin answer was not taken", "error", err)
	}
}

func addressText(addr net.Addr) string {
	if addr == nil {
		return "none"
	}
	return addr.String()
}
