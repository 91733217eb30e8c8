package probe_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/probe"
)

// Kinds of requests that a fault is made for.
func isPreflight(r *http.Request) bool { return r.Header.Get("Access-Control-Request-Method") != "" }
func isActual(r *http.Request) bool    { return !isPreflight(r) && r.URL.Path == path }
func ofAllowed(r *http.Request) bool   { return r.Header.Get("Origin") == allowed }
func fresh(r *http.Request) bool       { return r.Header.Get("If-None-Match") == "" }

// grantedPreflight is the one that every policy of the tests allows.
func grantedPreflight(r *http.Request) bool {
	return isPreflight(r) && ofAllowed(r) && r.Header.Get("Access-Control-Request-Headers") == "content-type,x-trace"
}

// ofDenied is the random look-alike.
func ofDenied(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return strings.HasSuffix(origin, ".test") && !strings.HasSuffix(origin, ".evil.test")
}

type when func(*http.Request) bool

func all(conditions ...when) when {
	return func(r *http.Request) bool {
		return !slices.ContainsFunc(conditions, func(c when) bool { return !c(r) })
	}
}

func set(w when, name, value string) fault {
	return func(r *http.Request, _ *int, h http.Header) {
		if w(r) {
			h.Set(name, value)
		}
	}
}

func add(w when, name, value string) fault {
	return func(r *http.Request, _ *int, h http.Header) {
		if w(r) {
			h.Add(name, value)
		}
	}
}

func del(w when, name string) fault {
	return func(r *http.Request, _ *int, h http.Header) {
		if w(r) {
			h.Del(name)
		}
	}
}

func status(w when, code int) fault {
	return func(r *http.Request, s *int, _ http.Header) {
		if w(r) {
			*s = code
		}
	}
}

// reflects grants everything to whoever asks.
func reflects(w when) fault {
	return func(r *http.Request, s *int, h http.Header) {
		if !w(r) {
			return
		}
		h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		h.Set("Access-Control-Allow-Credentials", "true")
		if isPreflight(r) {
			*s = http.StatusNoContent
			if h.Get("Access-Control-Allow-Methods") == "" {
				h.Set("Access-Control-Allow-Methods", r.Header.Get("Access-Control-Request-Method"))
				h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
			}
		}
	}
}

func anything(*http.Request) bool { return true }

func at(p string) when { return func(r *http.Request) bool { return r.URL.Path == p } }

func from(origin string) when {
	return func(r *http.Request) bool { return r.Header.Get("Origin") == origin }
}

func without(name string) when { return func(r *http.Request) bool { return r.Header.Get(name) == "" } }

// mutation is a server that is wrong in one way, and the cases that must see it.
type mutation struct {
	name  string
	fault fault
	want  []probe.Name
	// exactOnly: who only says what browsers need does not mind.
	exactOnly bool
}

func mutations() []mutation {
	const acao, acac, acam, acah = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"
	one := func(name string, f fault, want ...probe.Name) mutation {
		return mutation{name: name, fault: f, want: want}
	}
	exact := func(name string, f fault, want ...probe.Name) mutation {
		return mutation{name: name, fault: f, want: want, exactOnly: true}
	}
	actual := all(isActual, ofAllowed, fresh)
	return []mutation{
		one("nothing", func(*http.Request, *int, http.Header) {}),
		one("preflight without ACAO", del(grantedPreflight, acao), probe.PreflightAllowed),
		one("preflight with a star", set(grantedPreflight, acao, "*"), probe.PreflightAllowed),
		one("preflight without ACAC", del(grantedPreflight, acac), probe.PreflightAllowed),
		one("preflight with ACAC True", set(grantedPreflight, acac, "True"), probe.PreflightAllowed),
		one("preflight without the method", set(grantedPreflight, acam, "DELETE"), probe.PreflightAllowed),
		one("preflight with a star for methods and credentials", set(grantedPreflight, acam, "*"), probe.PreflightAllowed),
		one("preflight without a header", set(grantedPreflight, acah, "content-type"), probe.PreflightAllowed),
		exact("preflight with more methods", set(grantedPreflight, acam, "PUT, DELETE, PATCH"), probe.PreflightAllowed),
		one("preflight redirected", status(grantedPreflight, 307), probe.PreflightAllowed),
		exact("preflight with another success", status(grantedPreflight, 200), probe.PreflightAllowed),
		one("preflight without Vary", del(grantedPreflight, "Vary"), probe.PreflightAllowed),
		exact("preflight with less Vary", set(grantedPreflight, "Vary", "Origin"), probe.PreflightAllowed),
		one("preflight offers the private network", set(grantedPreflight, "Access-Control-Allow-Private-Network", "true"), probe.PreflightAllowed),
		one("preflight of a stranger granted", reflects(all(isPreflight, ofDenied)), probe.PreflightOrigin),
		one("preflight of a stranger with a list", set(all(isPreflight, ofDenied), acam, "PUT"), probe.PreflightOrigin),
		exact("preflight of a stranger is 200", status(all(isPreflight, ofDenied), 200), probe.PreflightOrigin),
		one("method granted", reflects(all(isPreflight, ofAllowed, without("Access-Control-Request-Headers"))), probe.PreflightMethod),
		one("header granted", reflects(func(r *http.Request) bool {
			return isPreflight(r) && ofAllowed(r) && strings.HasPrefix(r.Header.Get("Access-Control-Request-Headers"), "x-")
		}), probe.PreflightHeader),
		one("answer without ACAO", del(actual, acao), probe.ActualAllowed),
		one("answer with a star", set(actual, acao, "*"), probe.ActualAllowed),
		one("answer with another origin", set(actual, acao, "https://www.acme.example"), probe.ActualAllowed),
		one("answer without ACAC", del(actual, acac), probe.ActualAllowed),
		one("answer without Vary", del(actual, "Vary"), probe.ActualAllowed),
		one("answer with the application's Vary only", set(actual, "Vary", "Accept-Encoding"), probe.ActualAllowed),
		one("answer with Vary of everything", set(actual, "Vary", "*")),
		one("answer with Vary in another case", set(actual, "Vary", "accept-encoding,ORIGIN")),
		exact("answer with what belongs on preflights", set(actual, acam, "PUT"), probe.ActualAllowed),
		one("stranger's answer with a star", set(all(isActual, ofDenied), acao, "*"), probe.ActualDenied),
		one("stranger's answer reflected", reflects(all(isActual, ofDenied)), probe.ActualDenied),
		one("stranger's answer with credentials alone", set(all(isActual, ofDenied), acac, "true"), probe.ActualDenied),
		one("stranger's answer without Vary", del(all(isActual, ofDenied), "Vary"), probe.ActualDenied),
		one("no Origin, no Vary", del(without("Origin"), "Vary"), probe.NoOrigin),
		one("no Origin, and a star", set(without("Origin"), acao, "*"), probe.NoOrigin),
		one("404 is bare", del(func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/corsgate-probe-") }, acao), probe.ErrorAnswers),
		one("401 is bare", del(at("/private"), acao), probe.ErrorAnswers),
		one("503 has no Vary", del(at("/busy"), "Vary"), probe.ErrorAnswers),
		one("503 is another", status(at("/busy"), 500), probe.ErrorAnswers),
		one("null in an answer", reflects(all(isActual, from("null"))), probe.NullOrigin),
		one("null in a preflight", reflects(all(isPreflight, from("null"))), probe.NullOrigin),
		one("the end is compared", reflects(from("https://evilapp.acme.example")), probe.LookalikeOrigins),
		one("the start is compared", reflects(from(allowed+".evil.test")), probe.LookalikeOrigins),
		one("subdomains pass", reflects(from("https://evil.app.acme.example")), probe.LookalikeOrigins),
		one("a dot is any character", reflects(from("https://appxacme.example")), probe.LookalikeOrigins),
		one("the scheme is ignored", reflects(from("http://app.acme.example")), probe.LookalikeOrigins),
		one("the port is ignored", reflects(from(allowed+":8443")), probe.LookalikeOrigins),
		one("the last dot is ignored", reflects(from(allowed+".")), probe.LookalikeOrigins),
		one("nothing is exposed", del(anything, "Access-Control-Expose-Headers"), probe.ExposedHeaders),
		one("the exposed header is missing", del(anything, "X-Request-Id"), probe.ExposedHeaders),
		exact("more is exposed", set(actual, "Access-Control-Expose-Headers", "x-request-id, x-secret"), probe.ExposedHeaders),
		one("a star is exposed with credentials", set(actual, "Access-Control-Expose-Headers", "*"), probe.ExposedHeaders),
		one("ACAO twice", add(actual, acao, allowed), probe.DuplicateLines),
		one("ACAC twice in a preflight", add(grantedPreflight, acac, "true"), probe.DuplicateLines),
		one("Vary names Origin twice", add(actual, "Vary", "origin"), probe.DuplicateLines),
		one("Vary in two lines", add(actual, "Vary", "X-Other")),
		one("304 is bare", func(r *http.Request, s *int, h http.Header) {
			if *s == http.StatusNotModified {
				h.Del(acao)
			}
		}, probe.NotModified),
		one("preflights live too long", set(grantedPreflight, "Access-Control-Max-Age", "86400"), probe.MaxAge),
		one("preflights live as browsers like", del(grantedPreflight, "Access-Control-Max-Age"), probe.MaxAge),
		one("everybody is reflected", reflects(func(r *http.Request) bool { return r.Header.Get("Origin") != "" }),
			probe.PreflightOrigin, probe.PreflightMethod, probe.PreflightHeader, probe.ActualDenied, probe.NullOrigin, probe.LookalikeOrigins),
		one("the application's star gets out", set(func(r *http.Request) bool { return !isPreflight(r) }, acao, "*"),
			probe.ActualAllowed, probe.ActualDenied, probe.NoOrigin, probe.ErrorAnswers, probe.NullOrigin, probe.LookalikeOrigins, probe.NotModified),
	}
}

// The table: each fault is seen by the cases that are meant for it, and by no other.
func TestMutations(t *testing.T) {
	t.Parallel()
	docs := documents(t, acme)
	age := 600 * time.Second
	seen := map[string]bool{"public_policy": true, "propagation": true} // which have tests of their own
	for _, m := range mutations() {
		for _, name := range m.want {
			seen[string(name)] = true
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, gateway(t, docs, m.fault))
			check := func(how string, want []probe.Name, o probe.Options) {
				t.Helper()
				r := once(t, o)
				expected := []string{}
				for _, name := range want {
					expected = append(expected, string(name))
				}
				slices.Sort(expected)
				if diff := cmp.Diff(expected, with(r, probe.Fail)); diff != "" {
					t.Errorf("%s: failed cases (-want +got):\n%s\n%s", how, diff, text(t, r))
				}
				if r.Counts.Unasked > 0 {
					t.Errorf("%s: not everything was asked\n%s", how, text(t, r))
				}
			}
			check("by the document", m.want, probe.Options{Targets: []probe.Target{target(addr)}, Source: sourceOf(t, acme)})
			loose := target(addr)
			loose.Expect = &probe.Expect{
				AllowedOrigins: []string{allowed}, Methods: []string{"PUT"}, Headers: []string{"X-Trace", "Content-Type"}, Credentials: true, MaxAge: &age,
			}
			want := m.want
			if m.exactOnly {
				want = nil
			}
			check("by flags", want, probe.Options{Targets: []probe.Target{loose}})
		})
	}
	for _, name := range probe.Names() {
		if !seen[name] {
			t.Errorf("no fault is meant for %s", name)
		}
	}
}

// A public policy has questions of its own, and others do not apply.
func TestPublic(t *testing.T) {
	t.Parallel()
	docs := documents(t, public)
	for _, m := range []mutation{
		{name: "right", fault: nil},
		{name: "no Origin, no star", fault: del(without("Origin"), "Access-Control-Allow-Origin")},
		{name: "no Origin, an origin", fault: set(without("Origin"), "Access-Control-Allow-Origin", allowed), want: []probe.Name{probe.NoOrigin}},
		{
			name: "credentials", fault: set(func(r *http.Request) bool { return isActual(r) && fresh(r) }, "Access-Control-Allow-Credentials", "true"),
			want: []probe.Name{probe.ActualAllowed, probe.PublicPolicy},
		},
		{name: "null is denied", fault: del(from("null"), "Access-Control-Allow-Origin"), want: []probe.Name{probe.NullOrigin}},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, gateway(t, docs, m.fault))
			for how, o := range map[string]probe.Options{
				"document": {Targets: []probe.Target{target(addr)}, Source: sourceOf(t, public)},
				"flags": {Targets: []probe.Target{func() probe.Target {
					x := target(addr)
					x.Expect = &probe.Expect{Public: true, Methods: []string{"PUT"}}
					return x
				}()}},
			} {
				r := once(t, o)
				want := []string{}
				for _, name := range m.want {
					want = append(want, string(name))
				}
				if diff := cmp.Diff(want, with(r, probe.Fail)); diff != "" {
					t.Errorf("%s: failed cases (-want +got):\n%s\n%s", how, diff, text(t, r))
				}
				for _, name := range []string{"actual_denied", "lookalike_origins", "preflight_origin_denied"} {
					if !slices.Contains(with(r, probe.Skip), name) {
						t.Errorf("%s: %s was not skipped", how, name)
					}
				}
			}
		})
	}
}
