package policy

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplainNearMisses(t *testing.T) {
	type near struct{ Kind, Entry string }
	for _, c := range []struct {
		name    string
		entries []string
		origin  string
		want    []near
	}{
		{"scheme", []string{"https://a.example"}, "http://a.example", []near{{"scheme", "https://a.example"}}},
		{"port", []string{"https://a.example"}, "https://a.example:8443", []near{{"port", "https://a.example"}}},
		{"www left out", []string{"https://www.a.example"}, "https://a.example", []near{{"www", "https://www.a.example"}}},
		{"www added", []string{"https://a.example"}, "https://www.a.example", []near{{"www", "https://a.example"}}},
		{"slash", []string{"https://a.example"}, "https://a.example/", []near{{"slash", "https://a.example"}}},
		{"case", []string{"https://a.example"}, "https://A.example", []near{{"case", "https://a.example"}}},
		{"apex", []string{"https://*.a.example"}, "https://a.example", []near{{"apex", "https://*.a.example"}}},
		{"subdomain", []string{"https://a.example"}, "https://x.a.example", []near{{"subdomain", "https://a.example"}}},
		{"scheme below a wildcard", []string{"https://*.a.example"}, "http://x.a.example", []near{{"scheme", "https://*.a.example"}}},
		{"several", []string{"http://a.example", "https://a.example:1", "https://b.example"}, "https://a.example", []near{{"scheme", "http://a.example"}, {"port", "https://a.example:1"}}},
		{"two differences are not near", []string{"http://a.example:1"}, "https://a.example", nil},
		{"no label in common", []string{"https://a.example"}, "https://ba.example", nil},
		{"expired", nil, "https://old.example", []near{{"expired", "https://old.example"}}},
		{"malformed beyond repair", []string{"https://a.example"}, "https://a.example,https://a.example", nil},
		{"null", []string{"https://a.example"}, "null", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustCompile(t, Spec{Origins: c.entries, TemporaryOrigins: []TemporaryOrigin{{Origin: "https://old.example", ExpiresAt: moment}}})
			r := actualFrom(c.origin)
			r.Now = moment.Unix()
			x := p.Explain(&r)
			var got []near
			for _, n := range x.Near {
				if n.Hint == "" {
					t.Errorf("no hint for %+v", n)
				}
				got = append(got, near{n.Kind, n.Entry})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("near misses (-want +got):\n%s", diff)
			}
			if x.Decision != p.Decide(&r) {
				t.Error("explain and decide differ")
			}
		})
	}
}

func TestExplainNamesRuleEntryAndSubject(t *testing.T) {
	p := mustCompile(t, Spec{
		Origins: []string{"https://*.a.example"}, Methods: []string{"PATCH"}, RequestHeaders: []string{"x-a"},
		TemporaryOrigins: []TemporaryOrigin{{Origin: page, ExpiresAt: moment}},
	})
	ask := func(origin, method, header string) Request {
		return Request{Method: "OPTIONS", Origin: origin, RequestMethod: method, RequestHeaders: header}
	}
	for _, c := range []struct {
		name                 string
		req                  Request
		rule, entry, subject string
		near                 int
	}{
		{"a wildcard", ask("https://x.a.example", "PATCH", "x-a"), "rule 31", "https://*.a.example", "https://x.a.example", 0},
		{"a temporary entry", ask(page, "PATCH", ""), "rule 36", page, page, 0},
		{"the method, with its right case", ask(page, "patch", ""), "rule 37", page, "patch", 1},
		{"the header", ask(page, "PATCH", "x-a, X-C"), "rule 44", page, "X-C", 0},
		{"a malformed header", ask(page, "PATCH", "x-a, x y"), "rule 43", page, "x y", 0},
		{"no Origin", ask("", "PATCH", ""), "rule 1", "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := p.Explain(&c.req)
			if x.Rule != c.rule || x.Entry != c.entry || x.Subject != c.subject || len(x.Near) != c.near || x.Text == "" {
				t.Errorf("got %+v", x)
			}
		})
	}
}

func TestNearMissesAreBounded(t *testing.T) {
	var entries []string
	for port := range 20 {
		entries = append(entries, fmt.Sprintf("https://a.example:%d", 8000+port))
	}
	r := actualFrom("https://a.example")
	if n := len(mustCompile(t, Spec{Origins: entries}).Explain(&r).Near); n != maxNear {
		t.Errorf("%d near misses, want %d", n, maxNear)
	}
}
