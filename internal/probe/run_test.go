package probe_test

import (
	"bufio"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/probe"
)

// What the edge takes away is named beside what the direct path answers.
func TestEdgeDiffers(t *testing.T) {
	t.Parallel()
	docs := documents(t, acme)
	direct := serve(t, gateway(t, docs, nil))
	for _, tc := range []struct {
		name   string
		fault  fault
		failed string
		want   []string
	}{
		{"ACAO stripped", del(all(isActual, ofAllowed, fresh), "Access-Control-Allow-Origin"), "actual_allowed", []string{"access-control-allow-origin"}},
		{"Vary stripped", del(without("Origin"), "Vary"), "no_origin", []string{"vary"}},
		{"ACAO doubled", add(all(isActual, ofAllowed, fresh), "Access-Control-Allow-Origin", allowed), "duplicate_lines", []string{"access-control-allow-origin"}},
		{"status", status(at("/busy"), 500), "error_answers", []string{"status"}},
		{"Vary reordered", set(without("Origin"), "Vary", "origin, accept-encoding"), "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			x := target(serve(t, gateway(t, docs, tc.fault)))
			x.Direct = "http://" + direct
			r := once(t, probe.Options{Targets: []probe.Target{x}, Source: sourceOf(t, acme)})
			var headers []string
			for _, c := range r.Targets[0].Cases {
				if c.Path == probe.Direct && (c.Verdict == probe.Fail || len(c.Differences) > 0) {
					t.Errorf("%s fails on the direct path", c.Case)
				}
				if string(c.Case) == tc.failed {
					for _, d := range c.Differences {
						headers = append(headers, d.Header)
					}
				} else if tc.failed == "" && len(c.Differences) > 0 {
					t.Errorf("%s: %v", c.Case, c.Differences)
				}
			}
			want := []string{}
			if tc.failed != "" {
				want = append(want, tc.failed)
			}
			if diff := cmp.Diff(want, with(r, probe.Fail)); diff != "" {
				t.Errorf("failed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, slices.Compact(headers)); diff != "" {
				t.Errorf("headers that differ (-want +got):\n%s\n%s", diff, text(t, r))
			}
		})
	}
}

// No answer is no wrong answer, and a dead path is given up.
func TestUnasked(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := 0
	refuses := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	r := once(t, probe.Options{Targets: []probe.Target{target(refuses)}, Source: sourceOf(t, acme)})
	if r.Counts.Fail != 0 || r.Counts.Pass != 0 || r.Counts.Unasked < 14 {
		t.Errorf("counts %+v\n%s", r.Counts, text(t, r))
	}
	mu.Lock()
	defer mu.Unlock()
	if asked != 3 {
		t.Errorf("%d requests to a server that answers none", asked)
	}
}

// A server that is silent costs the time-out.
func TestTimeout(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	silent := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(func() { close(stop) })
	r := once(t, probe.Options{
		Targets: []probe.Target{target(silent)}, Source: sourceOf(t, acme), Cases: []string{"no_origin"}, Timeout: 20 * time.Millisecond,
	})
	if c := r.Targets[0].Cases[0]; c.Verdict != probe.Unasked || !strings.Contains(c.Reason, "no answer within 20ms") {
		t.Errorf("%+v", c)
	}
}

// Answers without an end and without bounds are not waited for.
func TestBounds(t *testing.T) {
	t.Parallel()
	docs := documents(t, acme)
	inner := gateway(t, docs, nil)
	endless := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		for isActual(r) {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	r := once(t, probe.Options{Targets: []probe.Target{target(endless)}, Source: sourceOf(t, acme)})
	if r.Counts.Fail+r.Counts.Unasked > 0 {
		t.Errorf("an endless body:\n%s", text(t, r))
	}
	large := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			w.Header().Add("X-Large", strings.Repeat("x", 4096))
		}
	}))
	r = once(t, probe.Options{Targets: []probe.Target{target(large)}, Source: sourceOf(t, acme), Cases: []string{"no_origin"}})
	if c := r.Targets[0].Cases[0]; c.Verdict != probe.Unasked {
		t.Errorf("400 KiB of headers: %+v", c)
	}
}

// Every request says that it is a probe; none follows a redirect, has a cookie or an unsafe method.
func TestRequests(t *testing.T) {
	t.Parallel()
	inner := gateway(t, documents(t, acme), func(r *http.Request, status *int, h http.Header) {
		h.Set("Set-Cookie", "session=1")
		if isActual(r) {
			*status = http.StatusFound
			h.Set("Location", "/elsewhere")
		}
	})
	var mu sync.Mutex
	seen := 0
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen++
		mu.Unlock()
		if got := r.UserAgent(); got != "corsgate-probe/1.2.3" {
			t.Errorf("User-Agent %q", got)
		}
		if !slices.Contains(probe.Names(), r.Header.Get(probe.MarkHeader)) || r.Header.Get("Cookie") != "" || r.Host != host {
			t.Errorf("headers %v of %s", r.Header, r.Host)
		}
		if r.Method != http.MethodGet && r.Method != http.MethodOptions || r.URL.Path == "/elsewhere" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		inner.ServeHTTP(w, r)
	}))
	r := once(t, probe.Options{Targets: []probe.Target{target(addr)}, Source: sourceOf(t, acme)})
	if r.Counts.Fail > 0 {
		t.Errorf("redirects are decorated, too:\n%s", text(t, r))
	}
	n := 0
	for _, c := range r.Targets[0].Cases {
		n += c.Requests
	}
	t.Logf("%d requests a run", n)
	if seen != n || n < 25 {
		t.Errorf("%d requests came, %d are reported", seen, n)
	}
}

// Both versions of HTTP, over TLS: names are checked as those of the URL, wherever the connection leads.
func TestTLS(t *testing.T) {
	t.Parallel()
	var versions sync.Map
	inner := gateway(t, documents(t, strings.ReplaceAll(acme, host, "example.com")), nil) // the name in the certificate of httptest
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		versions.Store(r.Proto, true)
		inner.ServeHTTP(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for version, proto := range map[string]string{"1.1": "HTTP/1.1", "2": "HTTP/2.0", "auto": "HTTP/2.0"} {
		versions.Clear()
		addr := s.Listener.Addr().String()
		x := probe.Target{URL: "https://example.com" + path, Connect: addr, Direct: "https://" + addr, CAFile: ca, HTTP: version}
		r := once(t, probe.Options{Targets: []probe.Target{x}, Source: sourceOf(t, strings.ReplaceAll(acme, host, "example.com"))})
		if r.Counts.Fail+r.Counts.Unasked > 0 {
			t.Errorf("HTTP %s:\n%s", version, text(t, r))
		}
		for v := range versions.Range {
			if v != proto {
				t.Errorf("HTTP %s was asked by %v", version, v)
			}
		}
		for _, c := range r.Targets[0].Cases {
			if c.Verdict == probe.Pass && (c.TLS <= 0 || c.FirstByte <= 0 || c.Duration < c.FirstByte || c.FirstByte < c.TLS+c.Connect) {
				t.Errorf("HTTP %s, %s: connect %v, TLS %v, first byte %v, all %v", version, c.Case, c.Connect, c.TLS, c.FirstByte, c.Duration)
			}
		}
	}
	for name, edit := range map[string]func(*probe.Target){
		"unknown authority": func(x *probe.Target) { x.CAFile = "" },
		"another name":      func(x *probe.Target) { x.URL = "https://other.example/" },
	} {
		x := probe.Target{URL: "https://example.com" + path, Connect: s.Listener.Addr().String(), CAFile: ca, Expect: &probe.Expect{AllowedOrigins: []string{allowed}}}
		edit(&x)
		if r := once(t, probe.Options{Targets: []probe.Target{x}}); r.Counts.Unasked == 0 || r.Counts.Pass+r.Counts.Fail > 0 {
			t.Errorf("%s: %+v", name, r.Counts)
		}
		x.CAFile, x.InsecureSkipVerify = "", true
		if r := once(t, probe.Options{Targets: []probe.Target{x}}); r.Counts.Unasked > 0 {
			t.Errorf("%s, any certificate: %+v", name, r.Counts)
		}
	}
}

// HTTP/2 keeps lines apart, too.
func TestDuplicatesHTTP2(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(gateway(t, documents(t, acme), add(all(isActual, ofAllowed), "Access-Control-Allow-Origin", allowed)))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	x := target(s.Listener.Addr().String())
	x.URL, x.HTTP, x.InsecureSkipVerify = "https://"+host+path, "2", true
	r := once(t, probe.Options{Targets: []probe.Target{x}, Source: sourceOf(t, acme)})
	if diff := cmp.Diff([]string{"duplicate_lines"}, with(r, probe.Fail)); diff != "" || r.Counts.Unasked > 0 {
		t.Errorf("failed (-want +got):\n%s\n%s", diff, text(t, r))
	}
}

// Header lines are seen as they came, also those that no server of ours would write.
func TestRawLines(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\naccess-control-allow-ORIGIN:  " + allowed + " \r\n" +
					"Access-Control-Allow-Origin: *\r\nVary: Origin\r\nvary: ,origin,, \r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); group.Wait() })
	x := target(l.Addr().String())
	x.Expect = &probe.Expect{AllowedOrigins: []string{allowed}}
	r := once(t, probe.Options{Targets: []probe.Target{x}, Cases: []string{"duplicate_lines", "actual_allowed"}})
	if diff := cmp.Diff([]string{"duplicate_lines"}, with(r, probe.Fail)); diff != "" {
		t.Errorf("failed (-want +got):\n%s\n%s", diff, text(t, r))
	}
	if got := text(t, r); !strings.Contains(got, "access-control-allow-origin: "+allowed+" | *") || !strings.Contains(got, "vary names origin once") {
		t.Errorf("the lines are not shown:\n%s", got)
	}
}

// A document that cannot be had, or that says nothing for sure, is no wrong answer.
func TestDocuments(t *testing.T) {
	t.Parallel()
	addr := serve(t, gateway(t, documents(t, acme), nil))
	for name, doc := range map[string]string{
		"mode SHADOW":     strings.Replace(acme, "policy:", "mode: SHADOW\npolicy:", 1),
		"mode OFF":        strings.Replace(acme, "policy:", "mode: \"OFF\"\npolicy:", 1),
		"has no tenant":   strings.Replace(acme, host, "other.example", 1),
		"allows no origi": "id: acme\nhosts: [api.acme.example]\npolicy: {}\n",
	} {
		r := once(t, probe.Options{Targets: []probe.Target{target(addr)}, Source: sourceOf(t, doc)})
		if got := text(t, r); !strings.Contains(got, name) {
			t.Errorf("%s: not said\n%s", name, got)
		}
		if name != "allows no origi" && (r.Counts.Unasked == 0 || r.Counts.Fail+r.Counts.Pass > 0) {
			t.Errorf("%s: %+v", name, r.Counts)
		}
	}
	// A route has its own policy, and wildcards are asked with a name of their own.
	doc := acme + "routes:\n- path_prefix: /v1\n  policy: {origins: [\"https://*.preview.acme.example\", \"http://localhost:*\"], methods: [\"*\"]}\n"
	addr = serve(t, gateway(t, documents(t, doc), nil))
	x := target(addr)
	x.Expose, x.ErrorPaths = nil, []string{"/v1/nothing=404"}
	r := once(t, probe.Options{Targets: []probe.Target{x}, Source: sourceOf(t, doc)})
	if r.Counts.Fail+r.Counts.Unasked > 0 || !strings.Contains(r.Targets[0].Expected, "routes[0].policy") {
		t.Errorf("%s", text(t, r))
	}
	if !slices.Contains(with(r, probe.Skip), "preflight_method_denied") {
		t.Errorf("a policy of all methods refuses none:\n%s", text(t, r))
	}
}
