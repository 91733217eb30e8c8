package demo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func newTestSite(t *testing.T) http.Handler {
	t.Helper()
	s := &site{
		role: roleAllowed, origin: "http://app.localhost:10001", other: "http://evil.localhost:10002",
		api: "http://api.localhost:10000", journal: &journal{},
		document: &shownDocument{view: documentView{Revision: 2, Content: "id: shop"}, changed: make(chan struct{})},
	}
	h, err := s.handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSiteServesOnlyItsOwnHosts(t *testing.T) {
	h := newTestSite(t)
	for host, want := range map[string]int{
		"app.localhost:10001":           http.StatusOK,
		"127.0.0.1:10001":               http.StatusOK,
		"localhost:10001":               http.StatusOK,
		"rebound.example:10001":         http.StatusMisdirectedRequest,
		"app.localhost:10001.example":   http.StatusMisdirectedRequest,
		"app.localhost":                 http.StatusMisdirectedRequest,
		"evil.localhost:10002":          http.StatusMisdirectedRequest,
		"127.0.0.1.nip.io.example:1001": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/decisions", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %s: status %d, want %d", host, w.Code, want)
		}
	}
}

func TestSiteAnswers(t *testing.T) {
	h := newTestSite(t)
	for _, c := range []struct {
		path     string
		status   int
		contains string
	}{
		{"/", 200, "demo.js"},
		{"/demo.js", 200, "corsgateDemo"},
		{"/rows.js", 200, "null-origin"},
		{"/frame.html", 200, "frame.js"},
		{"/config", 200, `"api":"http://api.localhost:10000"`},
		{"/decisions", 200, "[]"},
		{"/document?after=0", 200, "id: shop"},
		{"/document?after=x", 400, "revision"},
		{"/tenants.yaml", 404, ""},
		{"/../pages.go", 404, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.localhost:10001/", http.NoBody)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.path, "?")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if c.path == "/../pages.go" && w.Code/100 == 3 {
			continue // the mux cleans such a path first
		}
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.contains) {
			t.Errorf("%s: %d %q, want %d with %q", c.path, w.Code, w.Body, c.status, c.contains)
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: other origins could read it by %s", c.path, name)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'; connect-src 'self' http://api.localhost:10000;") {
			t.Errorf("%s: content security policy %q", c.path, csp)
		}
	}
}

func TestShopGetsCORSWrong(t *testing.T) {
	h := shop()
	get := func(path string, cookies ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		for _, c := range cookies {
			name, _, _ := strings.Cut(c, ";")
			r.Header.Add("Cookie", name)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	first := get("/v1/session")
	if got := first.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("the demo needs an application that says %q, this one says %q", "*", got)
	}
	given := first.Header().Values("Set-Cookie")
	if len(given) != 1 {
		t.Fatalf("a new visitor got the cookies %q", given)
	}
	again := get("/v1/session", given...)
	if got := again.Header().Values("Set-Cookie"); len(got) != 0 || !strings.Contains(again.Body.String(), "ada") {
		t.Errorf("a known visitor got %s and the cookies %q", again.Body, got)
	}
	if got := get("/v1/fail").Code; got != http.StatusInternalServerError {
		t.Errorf("/v1/fail answered %d", got)
	}
}
