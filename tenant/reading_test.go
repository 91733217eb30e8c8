package tenant

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
)

// rulesetOf has a route for each prefix.
func rulesetOf(tb testing.TB, prefixes ...string) *ruleset {
	tb.Helper()
	empty := emptyPolicy(tb)
	var routes []Route
	for _, prefix := range prefixes {
		if detail, _ := PathPrefixFault(prefix); detail != "" {
			tb.Fatalf("prefix %q: %s", prefix, detail)
		}
		routes = append(routes, Route{PathPrefix: prefix, Policy: empty})
	}
	s := newRuleset(false, empty, routes)
	return &s
}

func emptyPolicy(tb testing.TB) *policy.Policy {
	tb.Helper()
	p, err := policy.Compile(policy.Spec{})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestPathThatAnotherRouteMayBeMeantByIsAmbiguous(t *testing.T) {
	s := rulesetOf(t, "/public", "/public/deep", "/admin", "/caf%C3%A9", "/@me")
	for _, path := range []string{
		"/public/..%2fadmin", "/public/..%2Fadmin", "/public/%2e%2e%2fadmin", "/public/%2E%2e/admin", "/public/.%2e/admin", "/public/../admin",
		"/public/%252e%252e/admin", "/public/..%252fadmin", "/public/..%25252525252fadmin", "/public/%%32%65%%32%65/admin",
		`/public/..\admin`, "/public/..%5cadmin", `/public\..\admin`, "/public/..;/admin", "/public/..;x=y/admin", "/public/%2e%2e;/admin", "/public/..%3b/admin",
		"/admin%2f", "/admin%2Fx", "/admin%5cx", `/admin\x`, "/admin;x", "/admin;x/y", "/admin%3bx", "/admin%253Bx/y", "/admin%3fx", "/admin%23x", "/admin%00", "/admin#x",
		"//admin", "/./admin", "/%2fadmin", "/%5cadmin", `\admin`, "admin", "%2fadmin", "/;/admin", "/;x/admin", "/.;x/admin", "/%2e/admin", "/x/..",
		"/%61dmin", "/%2561dmin", "/adm%69n/x", "/public/de%65p", "/public//deep", "/public/;%2fq/deep", "/;%2fq/admin", "/;%252fq/admin", `/;\q/admin`,
		"/caf%c3%a9", "/caf\xc3\xa9", "/caf%25C3%25A9", "/%40me",
		"/" + strings.Repeat("%61", maxReading),
	} {
		if got := s.at(path); got != s.ambiguous {
			t.Errorf("rule 27a: %.60q has route %d, want none", path, got.route)
		}
	}
}

func TestPathThatMeansOneRouteHasIt(t *testing.T) {
	s := rulesetOf(t, "/public", "/admin", "/caf%C3%A9", "/@me")
	for path, want := range map[string]int16{
		"": 0, "*": 0, "/": 0, "/x": 0, "/public": 1, "/public/": 1, "/public/x": 1, "/admin/x.y/~z": 2,
		"/public/a%2Fb": 1, "/public/a%20b": 1, "/public//x": 1, "/public/./x": 1, "/public/x;v=1/y": 1, "/public/100%25": 1, "/public/100%": 1,
		"/public/a%5Cb": 1, "/public/...": 1, "/public/..x": 1, "/public/%C3%A9": 1, "/orders/a%2Fb": 0, "/orders/a;b": 0, "/.well-known/x": 0,
		"/caf%C3%A9": 3, "/caf%C3%A9/%7Euser": 3, "/@me": 4, "/orders/%41%42": 0, "/Admin": 0, "/administrator": 0, "/admin.": 0, "/x/admin": 0, "/public/" + strings.Repeat("a", 2*maxReading): 1,
	} {
		got := s.at(path)
		if got == s.ambiguous || got.route != want {
			t.Errorf("rule 27: %.60q has route %d (ambiguous: %t), want %d", path, got.route, got == s.ambiguous, want)
		}
	}
	if plain := rulesetOf(t); plain.at("/public/..%2fadmin") != &plain.rule {
		t.Error("rule 27a: a tenant without routes refuses a path")
	}
}

// steps are what applications do to a path, each in its own simplest words.
func steps() []func(string) string {
	escape := regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	until := func(pattern, with string) func(string) string {
		re := regexp.MustCompile(pattern)
		return func(p string) string { return re.ReplaceAllString(p, with) }
	}
	return []func(string) string{
		func(p string) string {
			return escape.ReplaceAllStringFunc(p, func(e string) string {
				n, _ := strconv.ParseUint(e[1:], 16, 8)
				return string([]byte{byte(n)})
			})
		},
		func(p string) string { return strings.ReplaceAll(p, `\`, "/") },
		until(`//+`, "/"),
		until(`(^|/)\.(/|$)`, "${1}"),
		until(`(?s);[^/]*`, ""),
		until(`(?s);[^/\\]*`, ""),
		until(`(?s)[?#\x00].*`, ""),
		func(p string) string {
			var out []string
			for segment := range strings.SplitSeq(p, "/") {
				if segment != ".." {
					out = append(out, segment)
				} else if len(out) > 1 {
					out = out[:len(out)-1]
				}
			}
			return strings.Join(out, "/")
		},
		func(p string) string { return "/" + strings.TrimPrefix(p, "/") },
	}
}

// mostReadings bounds the twin; few random paths have more.
const mostReadings = 300

// naiveReadings are all paths that come out of the steps, in any order and number.
func naiveReadings(path string) []string {
	readings, all := []string{path}, steps()
	for i := 0; i < len(readings) && len(readings) < mostReadings; i++ {
		for _, step := range all {
			if next := step(readings[i]); !slices.Contains(readings, next) {
				readings = append(readings, next)
			}
		}
	}
	return readings
}

// naiveRoute is the longest of the prefixes that covers path; decoded says to take them as applications do.
func naiveRoute(prefixes []string, path string, decoded bool) string {
	best := ""
	for _, prefix := range prefixes {
		spellings := []string{prefix}
		if decoded {
			spellings = append(spellings, steps()[0](prefix))
		}
		for _, s := range spellings {
			border := strings.TrimSuffix(s, "/") + "/"
			if (path == s || strings.HasPrefix(path, border)) && len(prefix) > len(best) {
				best = prefix
			}
		}
	}
	return best
}

// clean are paths without anything to read twice.
func clean(path string) bool {
	return regexp.MustCompile(`^(/([A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*)?)*$`).MatchString(path) && !strings.Contains(path, "//")
}

func checkReadings(tb testing.TB, prefixes []string, path string) {
	tb.Helper()
	s := rulesetOf(tb, prefixes...)
	got := s.at(path)
	written := naiveRoute(prefixes, path, false)
	if got != s.ambiguous {
		want := int16(slices.Index(prefixes, written) + 1)
		if got.route != want {
			tb.Fatalf("rule 27: %q has route %d of %q, want %d", path, got.route, prefixes, want)
		}
		for _, reading := range naiveReadings(path) {
			if meant := naiveRoute(prefixes, reading, true); path != "" && path != "*" && meant != written {
				tb.Fatalf("rule 27a: %q has route %q of %q, and is read as %q of %q", path, written, prefixes, reading, meant)
			}
		}
	} else if clean(path) {
		tb.Fatalf("rule 27a: %q is clean, and refused beside %q", path, prefixes)
	}
}

// TestReadingsAgreeWithEachStepInAnyOrder holds random paths made of what matters against the twin.
func TestReadingsAgreeWithEachStepInAnyOrder(t *testing.T) {
	parts := []string{
		"/", "/", "/", "/public", "/admin", "/a", "..", ".", ";", ";x", `\`, "%", "%2f", "%5C", "%2e", "%3b", "%25", "%3F", "%00", "#",
		"2f", "5c", "2e", "e", ";%2fq", "admin", "public", "a", "%61", "é", "%C3%A9", "%c3%a9",
	}
	prefixes := []string{"/public", "/admin", "/public/a", "/a", "/%C3%A9"}
	r := rand.New(rand.NewPCG(27, 1))
	refused, taken := 0, 0
	for range 4000 {
		path := "/"
		for range 1 + r.IntN(7) {
			path += parts[r.IntN(len(parts))]
		}
		some := prefixes[:1+r.IntN(len(prefixes))]
		checkReadings(t, some, path)
		if s := rulesetOf(t, some...); s.at(path) == s.ambiguous {
			refused++
		} else {
			taken++
		}
	}
	if refused < 500 || taken < 500 {
		t.Errorf("%d refused and %d taken: one of the two is hardly tested", refused, taken)
	}
}

func FuzzReadings(f *testing.F) {
	f.Add("/public/..%2fadmin", "/public\n/admin")
	f.Add("/admin%3bx%252f/..", "/admin\n/caf%C3%A9")
	f.Add("/;%2Fq/admin", "/\n/admin\n/q")
	f.Add("/public/a.b/c", "/public\n/public/a.b")
	f.Fuzz(func(t *testing.T, path, lines string) {
		var prefixes []string
		for prefix := range strings.SplitSeq(lines, "\n") {
			if detail, _ := PathPrefixFault(prefix); detail == "" && !slices.Contains(prefixes, prefix) && len(prefix) <= MaxPathPrefixBytes && len(prefixes) < 100 {
				prefixes = append(prefixes, prefix)
			}
		}
		if path = cutQuery(path); len(path) <= 200 {
			checkReadings(t, prefixes, path)
		}
	})
}

func TestReadingAllocatesNothing(t *testing.T) {
	s := rulesetOf(t, "/public", "/caf%C3%A9")
	for _, path := range []string{"/public/x", "/public/a%2Fb", "/x/..%2fpublic", "/" + strings.Repeat("%25", 4000)} {
		if n := testing.AllocsPerRun(100, func() { s.at(path) }); n != 0 {
			t.Errorf("%.20s: %v allocations, want 0", path, n)
		}
	}
}

func BenchmarkPath(b *testing.B) {
	s := rulesetOf(b, "/public", "/admin", "/api/v1", "/api/v2")
	for name, path := range map[string]string{
		"plain":   "/api/v2/orders/4711/items",
		"escaped": "/api/v2/orders/a%20b/items",
		"8KiB":    "/" + strings.Repeat("/%252e;", 8<<10/7-1),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.at(path)
			}
		})
	}
}
