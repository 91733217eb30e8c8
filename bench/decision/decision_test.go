package decision

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/rs/cors"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

const (
	app       = "https://app.acme.example"
	evil      = "https://evil.example"
	authority = "api.acme.example"
)

// origins are n listed origins, and a pattern.
func origins(n int) []string {
	list := []string{"https://*.preview.acme.example"}
	for i := range n - 2 {
		list = append(list, fmt.Sprintf("https://shop-%05d.customers.example", i))
	}
	return append(list, app)
}

func spec(n int) policy.Spec {
	return policy.Spec{
		Origins: origins(n), Methods: []string{"PUT", "DELETE"}, Credentials: true,
		RequestHeaders: []string{"content-type", "authorization", "x-a", "x-b", "x-c", "x-d", "x-e", "x-f"},
		ExposeHeaders:  []string{"x-request-id"},
	}
}

// input is one request, and whether it is to be allowed.
type input struct {
	name    string
	request policy.Request
	allowed bool
}

func actual(origin string) policy.Request {
	return policy.Request{Method: "GET", Scheme: "https", Authority: authority, Origin: origin}
}

func preflight(origin, method, headers string) policy.Request {
	r := actual(origin)
	r.Method, r.RequestMethod, r.RequestHeaders = "OPTIONS", method, headers
	return r
}

func inputs() []input {
	return []input{
		{"actual_allowed", actual(app), true},
		{"actual_denied", actual(evil), false},
		{"actual_pattern", actual("https://pr-7.preview.acme.example"), true},
		{"preflight", preflight(app, "PUT", ""), true},
		{"preflight_1_header", preflight(app, "PUT", "content-type"), true},
		{"preflight_8_headers", preflight(app, "PUT", "authorization,content-type,x-a,x-b,x-c,x-d,x-e,x-f"), true},
		{"preflight_denied_origin", preflight(evil, "PUT", "content-type"), false},
		{"preflight_denied_method", preflight(app, "PATCH", ""), false},
		{"preflight_denied_header", preflight(app, "PUT", "x-unknown"), false},
		{"hostile_60KB_one_name", preflight(app, "PUT", strings.Repeat("x-a,", 15<<10)), false},
		{"hostile_60KB_commas", preflight(app, "PUT", strings.Repeat(",", 60<<10)), false},
		{"hostile_8KB_origin", actual("https://" + strings.Repeat("a", 8<<10) + ".example"), false},
		{"hostile_labels", actual("https://" + strings.Repeat("a.", 120) + "preview.acme.example.evil"), false},
	}
}

// way is one way to a decision.
type way struct {
	impl string
	// decide returns whether a request is allowed, and writes the headers.
	decide func(r *policy.Request) bool
}

// ours is the policy alone.
func ours(tb testing.TB, n int) way {
	p, err := policy.Compile(spec(n))
	if err != nil {
		tb.Fatal(err)
	}
	var headers []policy.Header
	return way{"policy", func(r *policy.Request) bool {
		d := p.Decide(r)
		headers = write(&d, headers[:0])
		return d.Outcome == policy.Allowed
	}}
}

func write(d *policy.Decision, headers []policy.Header) []policy.Header {
	if d.Answered() {
		_, headers = d.AppendReply(headers)
		return headers
	}
	return d.AppendGrants(headers)
}

// whole is the way from the authority.
func whole(tb testing.TB, n, tenants int) way {
	registry := registry(tb, n, tenants)
	var headers []policy.Header
	return way{"lookup", func(r *policy.Request) bool {
		view := registry.Lookup(tenant.Key{Authority: r.Authority, Path: "/v1/orders/7"})
		res := view.Decide(r, policy.UnknownRefuse)
		headers = write(&res.Decision, headers[:0])
		return res.Outcome == policy.Allowed
	}}
}

func hostOf(i int) string {
	if i == 0 {
		return authority
	}
	return fmt.Sprintf("api.t%06d.example", i)
}

func registry(tb testing.TB, n, tenants int) *tenant.Snapshot {
	tb.Helper()
	quoted := `"` + strings.Join(origins(n), `","`) + `"`
	records := make([]*tenant.Record, 0, tenants)
	for i := range tenants {
		doc, err := tenant.Parse("bench", fmt.Appendf(nil, `{id: t%d, hosts: [%s], policy: {origins: [%s], methods: [PUT, DELETE], credentials: true,
			request_headers: [content-type, authorization, x-a, x-b, x-c, x-d, x-e, x-f], expose_headers: [x-request-id]}}`, i, hostOf(i), quoted))
		if err != nil {
			tb.Fatal(err)
		}
		records = append(records, doc.Record)
	}
	s, problems := tenant.NewSnapshot(records, tenant.Options{})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return s
}

// peer is rs/cors with the same policy.
func peer(n int) way {
	s := spec(n)
	c := cors.New(cors.Options{
		AllowedOrigins: s.Origins, AllowedMethods: []string{"GET", "HEAD", "POST", "PUT", "DELETE"}, AllowedHeaders: s.RequestHeaders,
		ExposedHeaders: s.ExposeHeaders, AllowCredentials: true,
	})
	handler := c.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := &writer{header: http.Header{}}
	made := map[*policy.Request]*http.Request{}
	return way{"rs_cors", func(r *policy.Request) bool {
		req := made[r]
		if req == nil {
			req = requestOf(r)
			made[r] = req
		}
		clear(w.header)
		handler.ServeHTTP(w, req)
		return w.header["Access-Control-Allow-Origin"] != nil
	}}
}

func requestOf(r *policy.Request) *http.Request {
	req := &http.Request{Method: r.Method, Host: r.Authority, Header: http.Header{"Origin": {r.Origin}}}
	if r.RequestMethod != "" {
		req.Header["Access-Control-Request-Method"] = []string{r.RequestMethod}
	}
	if r.RequestHeaders != "" {
		req.Header["Access-Control-Request-Headers"] = []string{r.RequestHeaders}
	}
	return req
}

// writer keeps nothing but headers.
type writer struct{ header http.Header }

// Header implements [http.ResponseWriter].
func (w *writer) Header() http.Header { return w.header }

// Write implements [http.ResponseWriter].
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(int) {}

// TestSameVerdicts: what is compared in speed gives the same answers.
func TestSameVerdicts(t *testing.T) {
	// rs/cors passes empty elements of a list, however many; ours bounds them, since no browser sends any.
	exceptions := map[string]bool{"rs_cors hostile_60KB_commas": true}
	for _, n := range []int{3, 1000} {
		for _, w := range []way{ours(t, n), whole(t, n, 10), peer(n)} {
			for _, in := range inputs() {
				got := w.decide(&in.request)
				if exceptions[w.impl+" "+in.name] {
					continue
				}
				if got != in.allowed {
					t.Errorf("%s with %d origins, %s: allowed %t, want %t", w.impl, n, in.name, got, in.allowed)
				}
			}
		}
	}
}

func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{3, 10_000} {
		if n > 500 {
			b.Logf("%d origins", n)
		}
		for _, w := range []way{ours(b, n), whole(b, n, 1), peer(n)} {
			for _, in := range inputs() {
				b.Run(fmt.Sprintf("origins=%d/in=%s/impl=%s", n, in.name, w.impl), func(b *testing.B) {
					r := in.request
					w.decide(&r)
					b.ReportAllocs()
					for b.Loop() {
						w.decide(&r)
					}
				})
			}
		}
	}
}

// BenchmarkScale shows how the lookup grows: one busy tenant, and all in turn.
func BenchmarkScale(b *testing.B) {
	for _, tenants := range []int{1, 1000, 100_000} {
		s := registry(b, 5, tenants)
		keys := make([]tenant.Key, tenants)
		for i := range keys {
			keys[i] = tenant.Key{Authority: hostOf(i), Path: "/"}
		}
		for _, stride := range []int{0, 7919} {
			name := map[int]string{0: "one", 7919: "all"}[stride]
			b.Run(fmt.Sprintf("tenants=%d/asked=%s", tenants, name), func(b *testing.B) {
				r := actual(app)
				at := 0
				b.ReportAllocs()
				for b.Loop() {
					view := s.Lookup(keys[at])
					view.Decide(&r, policy.UnknownRefuse)
					at = (at + stride) % tenants
				}
			})
		}
	}
}

// BenchmarkMemory reports the live bytes of a tenant.
func BenchmarkMemory(b *testing.B) {
	for _, tenants := range []int{1000, 20_000} {
		for _, n := range []int{2, 5, 100} {
			b.Run(fmt.Sprintf("tenants=%d/origins=%d", tenants, n), func(b *testing.B) {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				var s *tenant.Snapshot
				for b.Loop() {
					s = registry(b, n, tenants)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(tenants), "B/tenant")
				runtime.KeepAlive(s)
			})
		}
	}
}
