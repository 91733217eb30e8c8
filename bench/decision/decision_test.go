package decision

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
)

// verdict is what a browser makes of an answer.
type verdict struct {
	// read: the page may read the response, or the preflight passed.
	read bool
	// cookies: also when the request carried cookies.
	cookies bool
	// expose and age are what the page may read beside, and how long it need not ask again.
	expose, age string
}

// browser judges as Fetch does, by names and values alone.
func browser(q *question, a answer) verdict {
	said := func(name string) string { return strings.ToLower(strings.Join(a.headers.Values(name), ",")) }
	asks := q.r.Method == http.MethodOptions
	v := verdict{read: q.r.Origin != "" && (said("Access-Control-Allow-Origin") == strings.ToLower(q.r.Origin) || said("Access-Control-Allow-Origin") == "*")}
	if !v.read {
		return v
	}
	v.cookies = said("Access-Control-Allow-Credentials") == "true" && said("Access-Control-Allow-Origin") != "*"
	if !asks {
		v.expose = said("Access-Control-Expose-Headers")
		return v
	}
	v.age = said("Access-Control-Max-Age")
	grants := func(field, name string) bool {
		names := strings.Split(strings.ReplaceAll(said(field), " ", ""), ",")
		return slices.Contains(names, strings.ToLower(name)) || !v.cookies && slices.Contains(names, "*")
	}
	v.read = a.status >= 200 && a.status < 300 && grants("Access-Control-Allow-Methods", q.r.RequestMethod)
	for name := range strings.SplitSeq(q.r.RequestHeaders, ",") {
		v.read = v.read && (q.r.RequestHeaders == "" || grants("Access-Control-Allow-Headers", name))
	}
	if !v.read {
		return verdict{}
	}
	return v
}

// TestSidesAgree makes the benchmarks comparable: all sides give every question the same answer, in
// the eyes of a browser, but for those that are marked, which have to differ.
func TestSidesAgree(t *testing.T) {
	all := sides(t)
	policies := specs()
	for _, q := range questions() {
		verdicts := map[string]verdict{}
		for _, s := range all {
			d := s.of(&q)
			d.decide()
			d.decide() // what is reused must not show
			verdicts[s.impl] = browser(&q, d.answer())
		}
		want := verdict{}
		if q.want == policy.Allowed {
			want = verdict{read: true, cookies: policies[q.policy].Credentials}
			if q.r.Method == http.MethodOptions {
				want.age = "600"
			} else {
				want.expose = "x-request-id"
			}
		}
		for impl, got := range verdicts {
			switch {
			case impl == rsCORS && q.apart != "":
				if got == want {
					t.Errorf("%s: rs/cors says the same, against %q", q.name, q.apart)
				}
			case got != want:
				t.Errorf("%s: %s gives %+v, want %+v", q.name, impl, got, want)
			}
		}
	}
}

// TestQuestionsAreWhatTheySay holds the outcomes against the policies, and names against each other.
func TestQuestionsAreWhatTheySay(t *testing.T) {
	policies := specs()
	seen := map[string]bool{}
	for _, q := range questions() {
		d := compile(t, policies[q.policy]).Decide(&q.r)
		if d.Outcome != q.want {
			t.Errorf("%s: %v for %v, want %v", q.name, d.Outcome, d.Reason, q.want)
		}
		if seen[q.name] {
			t.Errorf("%s: two questions have this name", q.name)
		}
		seen[q.name] = true
	}
}

// TestOursNeverAllocate is the promise that the figures of hostile questions rest on.
func TestOursNeverAllocate(t *testing.T) {
	all := sides(t)
	for _, q := range questions() {
		for _, s := range all {
			if s.impl == rsCORS || s.impl == "http" {
				continue
			}
			d := s.of(&q)
			if n := testing.AllocsPerRun(10, d.decide); n > 0 {
				t.Errorf("%s: %s allocates %v times", q.name, s.impl, n)
			}
		}
	}
}

// BenchmarkDecision asks every side the questions on which they agree.
func BenchmarkDecision(b *testing.B) {
	all := sides(b)
	for _, q := range questions() {
		for _, s := range all {
			if s.impl == rsCORS && q.apart != "" {
				continue
			}
			b.Run("input="+q.name+"/impl="+s.impl, func(b *testing.B) {
				measure(b, s.of(&q).decide)
			})
		}
	}
}
