package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// fetchCase is one fetch of a page in Chromium and what the page may see of the answer.
type fetchCase struct {
	name string
	// from is the page: "app" and "app2" are listed, "evil" is not.
	from string
	// to is "HOST/path": the API (listed origins) or the public host.
	to string
	// init is the second argument of fetch, in JavaScript.
	init string
	// frame makes the fetch in a sandboxed frame of the page, whose origin is null.
	frame bool
	// header is one that the page tries to read.
	header string
	want   sight
}

// sight is what a page saw, and what reached the application because of it.
type sight struct {
	Read   bool
	Type   string // of the response: "cors", "opaque"
	Status int
	Body   string
	Value  string // of the header, "" when hidden
	// App is what the application was asked, "METHOD Origin" each.
	App []string
}

// fetchCases are told the origins of the pages. The application answers
// everybody "Access-Control-Allow-Origin: *" and more; none of it may count.
func fetchCases(app, evil string) []fetchCase {
	const (
		put     = `{method: "PUT", headers: {"Content-Type": "application/json", "X-Trace": "1"}, body: "{}"}`
		cookies = `{credentials: "include"}`
	)
	ok := func(body string, app ...string) sight {
		return sight{Read: true, Type: "cors", Status: 200, Body: body, App: app}
	}
	status := func(code int, body string, app ...string) sight {
		return sight{Read: true, Type: "cors", Status: code, Body: body, App: app}
	}
	no := func(app ...string) sight { return sight{App: app} }
	header := func(value string) sight {
		s := ok("hello", "GET "+app)
		s.Value = value
		return s
	}
	return []fetchCase{
		{name: "rule 48: a listed origin reads", from: "app", to: "api/hello", want: ok("hello", "GET "+app)},
		{name: "rule 63: others do not read, but are served", from: "evil", to: "api/hello", want: no("GET " + evil)},
		{name: "rule 63: an opaque response tells nothing", from: "evil", to: "api/hello", init: `{mode: "no-cors"}`, want: sight{Read: true, Type: "opaque", App: []string{"GET "}}},
		{name: "rule 6: a simple POST needs no preflight", from: "app", to: "api/hello", init: `{method: "POST", body: "x"}`, want: ok("hello", "POST "+app)},
		{name: "rules 37, 42, 54: method and headers are preflighted", from: "app", to: "api/hello", init: put, want: ok("hello", "PUT "+app)},
		{name: "rule 55: a denied preflight keeps the request away", from: "evil", to: "api/hello", init: put, want: no()},
		{name: "rule 37: method not listed", from: "app", to: "api/hello", init: `{method: "DELETE"}`, want: no()},
		{name: "rule 44: header not listed", from: "app", to: "api/hello", init: `{headers: {"X-Debug": "1"}}`, want: no()},
		{name: "rule 49: a cookie goes and its answer is read", from: "app", to: "api/cookie", init: cookies, want: ok("session=ada", "GET "+app)},
		{name: "rule 63: with a cookie others still read nothing", from: "evil", to: "api/cookie", init: cookies, want: no("GET " + evil)},
		{name: "rule 66: an exposed header", from: "app", to: "api/hello", header: "X-Request-Id", want: header("r-1")},
		{name: "rule 66: a header that is not exposed", from: "app", to: "api/hello", header: "X-Internal-Node", want: header("")},
		{name: "rule 64: the application's 404", from: "app", to: "api/status/404", want: status(404, "hello", "GET "+app)},
		{name: "rule 64: the application's 500", from: "app", to: "api/status/500", want: status(500, "hello", "GET "+app)},
		{name: "rule 69: Envoy's own 503", from: "app", to: "api/crash", want: status(503, "upstream connect error", "GET "+app)},
		{name: "rule 68: a redirect on the same host", from: "app", to: "api/redirect/api/hello", want: ok("hello", "GET "+app, "GET "+app)},
		{name: "rules 20, 68: a redirect across hosts arrives as null", from: "app", to: "public/redirect/api/hello", want: no("GET "+app, "GET null")},
		{name: "rules 45, 68: null reads what is public", from: "app", to: "api/redirect/public/hello", want: ok("hello", "GET "+app, "GET null")},
		{name: "rule 68: others cannot follow a redirect", from: "evil", to: "api/redirect/public/hello", want: no("GET " + evil)},
		{name: "rule 20: a sandboxed frame is null", from: "app", to: "api/hello", frame: true, want: no("GET null")},
		{name: "rule 45: a sandboxed frame reads what is public", from: "evil", to: "public/hello", frame: true, want: ok("hello", "GET null")},
		{name: "rule 45: everybody reads what is public", from: "evil", to: "public/hello", want: ok("hello", "GET "+evil)},
		{name: "rules 40, 44a: * for methods and headers", from: "evil", to: "public/hello", init: `{method: "PURGE", headers: {"X-Any": "1"}}`, want: ok("hello", "PURGE "+evil)},
		{name: "rule 44: * does not cover authorization", from: "evil", to: "public/hello", init: `{headers: {"Authorization": "x"}}`, want: no()},
		{name: "rules 45, 49: what is public is not for credentials", from: "evil", to: "public/hello", init: cookies, want: no("GET " + evil)},
		{name: "rule 66: * exposes every header", from: "evil", to: "public/hello", header: "X-Internal-Node", want: sight{Read: true, Type: "cors", Status: 200, Body: "hello", Value: "n-1", App: []string{"GET " + evil}}},
	}
}

// TestBrowser has Chromium make real fetches through the real Envoy in every
// design: what a page can read must not depend on how Envoy is attached.
func TestBrowser(t *testing.T) {
	browser := startBrowser(t)
	for _, design := range []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly, envoy.Metadata} {
		t.Run("design "+string(design), func(t *testing.T) {
			b := startBrowserLab(t, browser, design)
			// The browser gets its cookie.
			b.fetch(t, fetchCase{from: "app", to: "api/cookie", init: `{credentials: "include"}`})
			for _, c := range fetchCases(b.origins["app"], b.origins["evil"]) {
				t.Run(c.name, func(t *testing.T) {
					got := b.fetch(t, c)
					if c.want.Status == 503 { // the rest of Envoy's words is its own business
						got.Body, _, _ = strings.Cut(got.Body, " or disconnect")
					}
					if diff := cmp.Diff(c.want, got); diff != "" {
						t.Errorf("what the page saw (-want +got):\n%s", diff)
					}
				})
			}
			t.Run("rule 57: max-age", func(t *testing.T) { checkMaxAge(t, b) })
			t.Run("rule 64: caches", func(t *testing.T) { checkCaches(t, b) })
			t.Run("rule 67: revalidation", func(t *testing.T) { checkRevalidation(t, b) })
		})
	}
}

// checkMaxAge counts the preflights of two equal requests.
func checkMaxAge(t *testing.T, b *browserLab) {
	for path, want := range map[string]uint64{"api/remembered": 1, "api/forgotten": 2} {
		before := b.envoy.Calls(t, envoy.CallPreflight).Messages
		for range 2 {
			got := b.fetch(t, fetchCase{from: "app", to: path, init: `{method: "PUT"}`})
			if !got.Read {
				t.Fatalf("%s was not read", path)
			}
		}
		harness.Eventually(t, path+": preflights", func() error {
			if got := b.envoy.Calls(t, envoy.CallPreflight).Messages - before; got != want {
				return fmt.Errorf("there were %d, want %d", got, want)
			}
			return nil
		})
	}
}

// checkCaches fetches one cacheable address from two listed origins. They are one site,
// so they share a partition of the browser's cache: only Vary keeps the answer for
// one from being used for the other, which could not read it.
func checkCaches(t *testing.T, b *browserLab) {
	t.Run("between origins", func(t *testing.T) {
		const to = "api/cached/origins"
		for _, from := range []string{"app", "app2", "app"} {
			if got := b.fetch(t, fetchCase{from: from, to: to}); !got.Read {
				t.Errorf("%s could not read", from)
			}
		}
		// Chromium keeps one variant of an address, so the last fetch may go out again.
		if asked := b.requests(to); len(asked) < 2 {
			t.Errorf("the application was asked %q; the two origins shared an answer", asked)
		}
	})
	t.Run("after a request without Origin", func(t *testing.T) {
		const to = "api/cached/plain"
		for _, init := range []string{`{mode: "no-cors"}`, `{}`} {
			if got := b.fetch(t, fetchCase{from: "app", to: to, init: init}); !got.Read {
				t.Errorf("with %s the fetch failed", init)
			}
		}
		if diff := cmp.Diff([]string{"GET ", "GET " + b.origins["app"]}, b.requests(to)); diff != "" {
			t.Errorf("what the application was asked (-want +got):\n%s", diff)
		}
	})
	t.Run("the same origin is served from the cache", func(t *testing.T) {
		const to = "api/cached/again"
		for range 2 {
			if got := b.fetch(t, fetchCase{from: "app", to: to}); !got.Read {
				t.Error("the fetch failed")
			}
		}
		if asked := b.requests(to); len(asked) != 1 {
			t.Errorf("the application was asked %q; Vary must not forbid caching", asked)
		}
	})
}

// checkRevalidation: a 304 refreshes the stored response, headers included.
func checkRevalidation(t *testing.T, b *browserLab) {
	const to = "api/etag/one"
	for range 2 {
		if got := b.fetch(t, fetchCase{from: "app", to: to}); !got.Read || got.Status != 200 || got.Body != "hello" {
			t.Errorf("the page saw %+v", got)
		}
	}
	if diff := cmp.Diff([]string{"GET " + b.origins["app"], "GET " + b.origins["app"] + " 304"}, b.requests(to)); diff != "" {
		t.Errorf("what the application was asked (-want +got):\n%s", diff)
	}
}
