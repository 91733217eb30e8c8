package app

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/corsgate/corsgate/internal/config"
)

// Limits of the admin server. A connection carries one request, so the time-outs bound how long it can hold its place.
const (
	adminReadTimeout  = 5 * time.Second  // for the request
	adminWriteTimeout = 10 * time.Second // for the answer; a profile has its seconds besides
	adminHeaderBytes  = 16 << 10
	// adminConnections is how many descriptors the admin pages can take from the port that Envoy uses.
	adminConnections = 64
	// adminSilent is how many of them may be without a request.
	adminSilent = 32
)

// adminServer serves health, readiness, metrics, denials and, if asked for, profiles over plain HTTP.
func (a *App) adminServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.serveHealth)
	mux.HandleFunc("GET /readyz", a.serveReadiness)
	mux.Handle("GET /metrics", a.telemetry.Metrics())
	mux.HandleFunc("GET /denials", a.telemetry.ServeDenials)
	if a.cfg.AdminProfiles {
		mux.Handle("GET /debug/pprof/", profiles())
	} else {
		mux.HandleFunc("GET /debug/pprof/", serveNoProfiles)
	}
	server := &http.Server{
		Handler:        a.knownHosts(mux),
		ReadTimeout:    adminReadTimeout,
		WriteTimeout:   adminWriteTimeout,
		MaxHeaderBytes: adminHeaderBytes,
		ConnState:      new(silent).follow,
		ErrorLog:       slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	// Otherwise a connection could hold its place by a request now and then.
	server.SetKeepAlivesEnabled(false)
	return server
}

// limitAdmin bounds the connections to the admin pages that are open at once; further ones wait.
func limitAdmin(l net.Listener) net.Listener { return netutil.LimitListener(l, adminConnections) }

// silent are the connections that have not sent a request yet, oldest first. Of too many the oldest is closed, so that
// however many are opened and left alone, a request that is sent at once is answered.
type silent struct {
	mu    sync.Mutex
	conns []net.Conn
}

// follow is the hook of the server for changes of its connections.
func (s *silent) follow(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state != http.StateNew {
		s.conns = slices.DeleteFunc(s.conns, func(other net.Conn) bool { return other == c })
		return
	}
	s.conns = append(s.conns, c)
	if len(s.conns) > adminSilent {
		_ = s.conns[0].Close() // nothing was said on it that could be lost
		s.conns = slices.Delete(s.conns, 0, 1)
	}
}

// knownHosts answers requests for names that are ours. A page of a stranger can have its own name lead to our address (DNS
// rebinding); its browser then lets it read what we answer, and names the stranger in Host. An address leads nowhere else, and
// no browser leaves the host out.
func (a *App) knownHosts(pages http.Handler) http.Handler {
	known := append([]string{"", "localhost"}, a.cfg.AdminHosts...)
	if address, err := config.ParseAddress(a.cfg.AdminListen); err == nil {
		known = append(known, address.Host())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		if _, err := netip.ParseAddr(host); err != nil && !slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, host) }) {
			http.Error(w, "The host of this request is not known here. Use an IP address or localhost, or start corsgate with the name in --admin-host.",
				http.StatusMisdirectedRequest)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// hostname is the host of an authority, without its port and the dot of the root.
func hostname(authority string) string {
	host, _, err := net.SplitHostPort(authority)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(authority, "["), "]")
	}
	return strings.TrimSuffix(host, ".")
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
