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

// adminServer serves health, readiness, metrics, denials and profiles over plain HTTP.
func (a *App) adminServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.serveHealth)
	mux.HandleFunc("GET /readyz", a.serveReadiness)
	mux.Handle("GET /metrics", a.telemetry.Metrics())
	mux.HandleFunc("GET /denials", a.telemetry.ServeDenials)
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
