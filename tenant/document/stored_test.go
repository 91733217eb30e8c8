package document

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

func TestParseStored(t *testing.T) {
	s := ParseStored("acme", []byte(full))
	if s.Problems != nil {
		t.Fatal(s.Problems)
	}
	r := s.Record
	if r.ID() != "acme" || !r.Readable() || r.Deleted() || r.Revision() != 12 || r.MaxStale() != time.Hour || r.Origins() != 5 || r.File() != "" {
		t.Errorf("id %q, readable %t, deleted %t, revision %d, max_stale %v, %d origins, file %q",
			r.ID(), r.Readable(), r.Deleted(), r.Revision(), r.MaxStale(), r.Origins(), r.File())
	}
	if diff := cmp.Diff([]string{"api.acme.example", "*.acme-cdn.example"}, r.Hosts()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

func TestParseStoredRefuses(t *testing.T) {
	cases := []struct {
		name, id, text string
		hosts          []string // nil without a record
		want           []brief
	}{
		{"another id", "acme", `{"id":"other","hosts":["a.example"],"policy":{}}`, []string{"a.example"}, []brief{
			{"1:7", "id", CodeIDMismatch, "write acme, or store it under its own id"},
		}},
		{"another id in a tombstone", "acme", `{"id":"other","hosts":["a.example"],"deleted":true}`, []string{"a.example"}, []brief{
			{"1:7", "id", CodeIDMismatch, "write acme, or store it under its own id"},
		}},
		{"no id", "acme", `{"hosts":["a.example"],"policy":{}}`, []string{"a.example"}, []brief{{"1:1", "id", CodeRequired, ""}}},
		{"a bad host in a tombstone", "acme", `{"id":"acme","hosts":["a.example","a b"],"deleted":true}`, []string{"a.example"}, []brief{
			{"1:35", "hosts[1]", CodeHost, ""},
		}},
		{"no policy", "acme", `{"id":"acme","deleted":false}`, []string{}, []brief{{"1:1", "policy", CodeRequired, ""}}},
		{"two documents", "acme", "id: acme\npolicy: {}\n---\nid: acme\npolicy: {}\n", nil, []brief{{"0:0", "", CodeSyntax, ""}}},
		{"nothing", "acme", "", nil, []brief{{"0:0", "", CodeSyntax, ""}}},
		{"half a document", "acme", `{"id":"acme","hosts":["a.exa`, nil, []brief{{"1:1", "", CodeSyntax, ""}}},
		{"an id that is none", "a\nb", `{"id":"a","policy":{}}`, nil, []brief{{"0:0", "", CodeFormat, ""}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := ParseStored(c.id, []byte(c.text))
			if diff := cmp.Diff(c.want, briefs(s.Problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%v", diff, s.Problems)
			}
			for _, p := range s.Problems {
				if tenant.ValidID(c.id) && (p.File != "tenant:"+c.id || p.Tenant != c.id) {
					t.Errorf("problem of file %q and tenant %q", p.File, p.Tenant)
				}
			}
			if c.hosts == nil {
				if s.Record != nil {
					t.Errorf("record of %q with hosts %q", s.Record.ID(), s.Record.Hosts())
				}
				return
			}
			if s.Record == nil || s.Record.ID() != c.id || s.Record.Readable() || s.Record.Deleted() {
				t.Fatalf("record %+v", s.Record)
			}
			if diff := cmp.Diff(c.hosts, append([]string{}, s.Record.Hosts()...)); diff != "" {
				t.Errorf("hosts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTombstoneIsAnUnknownTenantThatStaysClosed(t *testing.T) {
	const text = `{"id":"acme","hosts":["A.example."],"deleted":true,"revision":"7","updated_at":"2026-11-23T09:00:00Z","updated_by":"x","reason":"gone"}`
	const kept = `{"id":"acme","hosts":["a.example"],"deleted":true,"revision":7,"policy":{"origins":["https://a.origin"]}}`
	preflight := policy.Request{Method: "OPTIONS", Authority: "a.example", Origin: "https://a.origin", RequestMethod: "PUT"}
	actual := policy.Request{Method: "GET", Authority: "a.example", Origin: "https://a.origin"}
	unseen := policy.Request{} // a response alone, found by a hint
	for _, doc := range []string{text, kept} {
		s := ParseStored("acme", []byte(doc))
		if s.Problems != nil || !s.Record.Deleted() || s.Record.Readable() || s.Record.Revision() != 7 {
			t.Fatalf("%+v, problems %v", s.Record, s.Problems)
		}
		if diff := cmp.Diff([]string{"a.example"}, s.Record.Hosts()); diff != "" {
			t.Errorf("hosts (-want +got):\n%s", diff)
		}
		view := tenant.SnapshotOf(s.Record).Lookup(t.Context(), tenant.Key{Hint: "acme"})
		if view.Freshness != tenant.Unknown {
			t.Errorf("freshness %v", view.Freshness)
		}
		for _, u := range []policy.UnknownTenant{policy.UnknownRefuse, policy.UnknownStrip, policy.UnknownForward} {
			res := view.Decide(&preflight, u)
			status, _ := res.AppendReply(nil)
			if res.Reason != policy.TenantUnknown || res.Outcome != policy.Denied || status != 403 {
				t.Errorf("choice %d: preflight %v %v %d", u, res.Outcome, res.Reason, status)
			}
			for _, r := range []*policy.Request{&actual, &unseen} {
				res = view.Decide(r, u)
				var e policy.Edits
				res.AppendEdits(&e, &policy.Upstream{AllowOrigin: "*", HasCORS: true})
				if res.Answered() || !slices.Contains(e.Remove, "access-control-allow-origin") || len(e.Set) != 1 || e.Set[0].Name != "vary" {
					t.Errorf("fault F90, choice %d: the application re-opens %v: %+v", u, r, e)
				}
			}
		}
	}
}
