package decision

import (
	"context"
	"net/http"
	"testing"

	rscors "github.com/rs/cors"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// decider answers one question as often as it is told to, and keeps what a server keeps
// between requests.
type decider interface {
	decide()
	// answer is what the last decide led to.
	answer() answer
}

// answer is what a browser is told.
type answer struct {
	status  int         // 0: the request goes on
	headers http.Header // with canonical names
}

// listing writes the headers of decisions into memory that it reuses.
type listing struct {
	status  int
	headers []policy.Header
}

func (l *listing) write(d *policy.Decision) {
	if d.Answered() {
		l.status, l.headers = d.AppendReply(l.headers[:0])
		return
	}
	l.status, l.headers = 0, d.AppendGrants(l.headers[:0])
}

func (l *listing) answer() answer {
	a := answer{status: l.status, headers: http.Header{}}
	for _, h := range l.headers {
		a.headers.Add(h.Name, h.Value)
	}
	return a
}

// byPolicy has the policy at hand.
type byPolicy struct {
	listing
	policy *policy.Policy
	r      policy.Request
}

func (s *byPolicy) decide() {
	d := s.policy.Decide(&s.r)
	s.write(&d)
}

// byTenant looks the policy up.
type byTenant struct {
	listing
	registry tenant.Registry
	r        policy.Request
}

func (s *byTenant) decide() {
	v := s.registry.Lookup(context.Background(), tenant.Key{Authority: s.r.Authority, Path: "/v1/orders/7"})
	res := v.Decide(&s.r, policy.UnknownRefuse)
	s.write(&res.Decision)
}

// byHandler asks a middleware.
type byHandler struct {
	handler http.Handler
	r       *http.Request
	w       writer
}

func (s *byHandler) decide() {
	s.w.reset()
	s.handler.ServeHTTP(&s.w, s.r)
}

func (s *byHandler) answer() answer { return answer{status: s.w.status, headers: s.w.header.Clone()} }

// writer is a response that can be emptied.
type writer struct {
	header http.Header
	status int
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(p []byte) (int, error) { return len(p), nil }
func (w *writer) WriteHeader(status int)      { w.status = status }

func (w *writer) reset() {
	clear(w.header)
	w.status = 0
}

// nothing is the application behind a middleware.
type nothing struct{}

func (nothing) ServeHTTP(http.ResponseWriter, *http.Request) {}

// request is q as net/http gives it to handlers.
func (q *question) request(tb testing.TB) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), q.r.Method, "https://"+q.r.Authority+"/v1/orders/7", http.NoBody)
	if err != nil {
		tb.Fatalf("%s: %v", q.name, err)
	}
	for name, value := range map[string]string{
		"Origin": q.r.Origin, "Access-Control-Request-Method": q.r.RequestMethod, "Access-Control-Request-Headers": q.r.RequestHeaders,
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	return r
}

// side is one way to decide.
type side struct {
	impl string
	of   func(q *question) decider
}

const rsCORS = "rscors"

// sides are all ways, for all policies of [specs].
func sides(tb testing.TB) []side {
	tb.Helper()
	policies := map[string]*policy.Policy{}
	peers := map[string]http.Handler{}
	for name, s := range specs() {
		policies[name] = compile(tb, s)
		peers[name] = rscors.New(rscors.Options{
			AllowedOrigins: s.Origins, AllowedMethods: s.Methods, AllowedHeaders: s.RequestHeaders, ExposedHeaders: s.ExposeHeaders,
			AllowCredentials: s.Credentials, MaxAge: int(s.MaxAge.Seconds()),
		}).Handler(nothing{})
	}
	handled := func(q *question, h http.Handler) decider {
		return &byHandler{handler: h, r: q.request(tb), w: writer{header: http.Header{}}}
	}
	all := []side{
		{rsCORS, func(q *question) decider { return handled(q, peers[q.policy]) }},
		{"http", func(q *question) decider { return handled(q, middleware{policies[q.policy], nothing{}}) }},
		{"policy", func(q *question) decider { return &byPolicy{policy: policies[q.policy], r: q.r} }},
	}
	for _, r := range registries(tb, documents(tb)) {
		all = append(all, side{r.impl, func(q *question) decider { return &byTenant{registry: r, r: q.r} }})
	}
	return all
}
