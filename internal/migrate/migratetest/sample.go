package migratetest

import (
	"math/rand/v2"
	"slices"
)

// Host is the host of every sample.
const Host = "api.example.com"

// Origin is a matcher of origins.
type Origin struct {
	// Kind is exact, prefix, suffix, contains, regex or glob.
	Kind, Text string
	// Fold: without regard to case.
	Fold bool
}

// Sample is a policy.
type Sample struct {
	Origins                  []Origin
	Methods, Headers, Expose []string
	Credentials              bool
	MaxAge                   int
}

// Ask is a request that a script wants to make.
type Ask struct {
	Origin, Method string
	Headers        []string
	Credentials    bool
}

// New makes a policy with origins of some kinds.
func New(r *rand.Rand, kinds ...string) *Sample {
	s := &Sample{Credentials: r.IntN(2) == 0, MaxAge: []int{0, 5, 600, 86400, 1728000}[r.IntN(5)]}
	for range 1 + r.IntN(4) {
		kind := kinds[r.IntN(len(kinds))]
		s.Origins = append(s.Origins, Origin{Kind: kind, Text: pick(r, texts(kind)), Fold: r.IntN(6) == 0})
	}
	s.Methods = some(r, []string{"GET", "POST", "PUT", "DELETE", "PATCH", "put", "patch", "OPTIONS", "*"})
	s.Headers = some(r, []string{"content-type", "Authorization", "X-One", "x-two", "*"})
	s.Expose = some(r, []string{"x-id", "*", "Content-Type"})
	return s
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// some are a few elements of a list, often none or the star alone.
func some(r *rand.Rand, list []string) []string {
	switch r.IntN(6) {
	case 0:
		return nil
	case 1:
		return []string{"*"}
	}
	var out []string
	for range 1 + r.IntN(3) {
		if one := pick(r, list); !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

func texts(kind string) []string {
	switch kind {
	case "exact":
		return []string{
			"https://app.example.com", "http://app.example.com", "https://App.example.com", "https://app.example.com:8443", "https://app.example.com:443",
			"https://app.example.com/", "null", "*", "http://localhost:3000", "http://localhost", "capacitor://localhost", "https://[::1]:8443", "app.example.com",
		}
	case "prefix":
		return []string{
			"https://app.example.com", "https://app.example.com:", "https://", "http", "http://localhost", "http://localhost:", "*", "https://app.", "h", "http://127.0.0.1",
		}
	case "suffix":
		return []string{".example.com", "example.com", "://app.example.com", ".example.com:8443", ":3000", "*", "com", "//localhost"}
	case "contains":
		return []string{"example.com", ".example.com", "://app.example.com", "localhost", "*", "app", ":"}
	case "glob":
		return []string{
			"*", "https://*", "http://*", "https://*.example.com", "http://*.example.com", "https://*.example.com:8443", "https://app.example.com",
			"http://localhost:3000", "https://*:8443", "https://App.example.com", "https://*.github.io", "https://app.example.com:443",
		}
	case "label": // what ingress-nginx takes
		return []string{
			"*", "null", "https://*.example.com", "http://*.example.com:8443", "https://app.example.com", "http://localhost:3000", "https://App.example.com",
			"https://*.github.io", "https://app.example.com:443", "capacitor://localhost", "http://app.example.com", "https://*.b.example.com",
		}
	default:
		return []string{
			`https://.*\.example\.com`, `https://[a-z0-9-]+\.example\.com`, `https://(.+\.)?example\.com`, `https?://app\.example\.com(:\d+)?`, `.*`, `.+`,
			`https://.*`, `https://app.example.com`, `^https://app\.example\.com$`, `http://localhost:\d+`, `http://localhost(:[0-9]+)?`, `(?i)https://APP\.example\.com`,
			`https://([\w-]+\.)+example\.com`, `https://(app|www)\.example\.com`, `https://.*example\.com`, `null|https://app\.example\.com`, `https://app[0-9]\.example\.com`,
			`[a-z]+://.*`, `https://.*\.example\.com(:8443)?`, `.*example.*`, `(https?://.*\.example\.com)|(http://localhost:3000)`, `https://a\b.*`, `http.?://.*\.example\.com:?\d*`,
		}
	}
}

// Origins are what is asked from: what some samples mean to take, and what looks like it.
func Origins() []string {
	return []string{
		"https://app.example.com", "http://app.example.com", "https://example.com", "https://www.example.com", "https://a.b.example.com", "https://a_b.example.com",
		"https://app.example.com:8443", "http://app.example.com:8443", "https://evilexample.com", "https://app.example.com.evil.test", "https://appxexample.com",
		"http://localhost", "http://localhost:3000", "http://localhost:80801", "http://localhost.evil.test", "http://127.0.0.1:8000", "capacitor://localhost",
		"https://evil.test", "http://evil.test:3000", "null", "https://x.github.io", "https://[::1]:8443", "https://app1.example.com", "httpx://a.example.com", "https://com",
	}
}

// Asks are the requests that are asked from each origin.
func Asks() []Ask {
	var out []Ask
	for _, origin := range Origins() {
		for _, credentials := range []bool{false, true} {
			for _, a := range []Ask{
				{Method: "PUT"},
				{Method: "PATCH"},
				{Method: "patch"},
				{Method: "DELETE"},
				{Method: "POST", Headers: []string{"authorization"}},
				{Method: "POST", Headers: []string{"content-type", "x-one"}},
				{Method: "PUT", Headers: []string{"x-other"}},
				{Method: "GET"},
			} {
				a.Origin, a.Credentials = origin, credentials
				out = append(out, a)
			}
		}
	}
	return out
}
