package demo

import (
	"context"
	"embed"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed pages
var pageFiles embed.FS

// documentWait is how long the page's question for a newer document is held.
const documentWait = 10 * time.Second

// The roles of the two origins.
const (
	roleAllowed = "allowed"
	roleForeign = "foreign"
)

// site is one of the two origins that serve the page.
type site struct {
	role   string
	origin string
	other  string
	// api is the origin of the gateway.
	api      string
	journal  *journal
	document *shownDocument
}

// handler serves the page and what it asks of its own origin. None of it has
// CORS headers: only this page may read it.
func (s *site) handler() (http.Handler, error) {
	files, err := fs.Sub(pageFiles, "pages")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"role": s.role, "api": s.api, "other": s.other})
	})
	mux.HandleFunc("GET /decisions", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.journal.recent())
	})
	mux.HandleFunc("GET /document", s.serveDocument)
	return s.guard(mux), nil
}

// serveDocument answers with the tenants file, as soon as it is newer than what
// the page has.
func (s *site) serveDocument(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	if err != nil {
		http.Error(w, "after must be a revision", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), documentWait)
	defer cancel()
	writeJSON(w, http.StatusOK, s.document.newer(ctx, after))
}

// guard refuses hosts that are not the site's own or loopback, so that no page
// elsewhere can reach the demo by a name that it points at this machine, and
// keeps the page from loading anything but itself and the gateway.
func (s *site) guard(next http.Handler) http.Handler {
	own := strings.TrimPrefix(s.origin, "http://")
	policy := "default-src 'self'; connect-src 'self' " + s.api + "; base-uri 'none'; form-action 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if r.Host != own && (err != nil || host != "127.0.0.1" && host != "localhost") {
			http.Error(w, "not a host of this demo", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
