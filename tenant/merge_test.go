package tenant_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// state is a snapshot that a test merges into.
type state struct {
	*testing.T
	*tenant.Snapshot
	rules tenant.Rules
	out   tenant.Outcome
}

func newState(t *testing.T) *state {
	t.Helper()
	return &state{T: t, Snapshot: tenant.NewSnapshot(), rules: tenant.Rules{
		Now: time.Unix(1_000_000, 0), AbsentAfter: 10 * time.Minute,
	}}
}

func (s *state) merge(updates ...tenant.Update) {
	s.Helper()
	s.Snapshot, s.out = s.Merge(updates, s.rules)
}

func (s *state) after(d time.Duration) { s.rules.Now = s.rules.Now.Add(d) }

// good is a document that allows one origin, that of its text; "" is none.
func good(id, text string, hosts ...string) tenant.Update { return revised(id, 0, text, hosts...) }

func revised(id string, revision int, text string, hosts ...string) tenant.Update {
	origins := ""
	if text != "" {
		origins = fmt.Sprintf("%q", "https://"+text+".origin")
	}
	return parsed(id, fmt.Sprintf(`{"id":%q,"hosts":[%s],"policy":{"origins":[%s]},"revision":"%d"}`, id, quoted(hosts), origins, revision))
}

func buried(id string, hosts ...string) tenant.Update {
	return parsed(id, fmt.Sprintf(`{"id":%q,"hosts":[%s],"deleted":true,"revision":"99"}`, id, quoted(hosts)))
}

func broken(id string, hosts ...string) tenant.Update {
	return parsed(id, fmt.Sprintf(`{"id":%q,"hosts":[%s],"policy":{"origins":["no origin"]}}`, id, quoted(hosts)))
}

func quoted(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return `"` + strings.Join(list, `","`) + `"`
}

func parsed(id, text string) tenant.Update {
	stored := document.ParseStored(id, []byte(text))
	sum := uint64(14695981039346656037)
	for _, c := range []byte(text) {
		sum = (sum ^ uint64(c)) * 1099511628211
	}
	return tenant.Update{ID: id, Record: stored.Record, Err: stored.Problems.Err(), Sum: sum, Bytes: len(text)}
}

func gone(id string) tenant.Update { return tenant.Update{ID: id, Announced: true} }

// want compares what a host is, or an id that begins with a slash: "live" and the text whose origin is allowed, or
// another freshness.
func (s *state) want(wants map[string]string) {
	s.Helper()
	for host, want := range wants {
		if got := seen(s.Snapshot, host); got != want {
			s.Errorf("%s is %q, want %q", host, got, want)
		}
	}
}

// seen is what a host or id is: the text that its document allows, or a freshness.
func seen(r tenant.Registry, host string) string {
	k := tenant.Key{Authority: host, Path: "/"}
	if id, isID := strings.CutPrefix(host, "/"); isID {
		k = tenant.Key{Hint: id, Path: "/"}
	}
	v := r.Lookup(context.Background(), k)
	if v.Freshness != tenant.Live {
		return v.Freshness.String()
	}
	for _, text := range texts {
		q := policy.Request{Method: "GET", Scheme: "https", Authority: "api.example", Origin: "https://" + text + ".origin"}
		if res := v.Decide(&q, policy.UnknownRefuse); res.Outcome == policy.Allowed {
			return v.ID() + " " + text
		}
	}
	return v.ID()
}

var texts = []string{"v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"}

// rejected lists the reasons that the last merge told, by id.
func (s *state) rejected(want ...string) {
	s.Helper()
	var got []string
	for _, r := range s.out.Rejected {
		got = append(got, r.ID+" "+string(r.Why))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("told %q, want %q", got, want)
	}
}

func TestMergeKeepsTheLastGoodDocument(t *testing.T) {
	s := newState(t)
	s.merge(good("a", "v1", "a.example"), broken("b", "b.example"))
	s.want(map[string]string{"a.example": "a v1", "b.example": "unreadable", "/b": "unreadable"})
	s.rejected("b invalid")
	s.merge(broken("a", "a.example", "other.example"), tenant.Update{ID: "c", Err: errors.New("no JSON")})
	s.want(map[string]string{"a.example": "a v1", "other.example": "unknown", "/c": "unreadable"})
	s.rejected("a invalid", "c invalid")
	s.merge(broken("a", "a.example", "other.example"))
	s.rejected()
	s.merge(good("a", "v2", "other.example"), good("b", "v1", "b.example"))
	s.want(map[string]string{"a.example": "unknown", "other.example": "a v2", "b.example": "b v1"})
	if v := s.Survey(nil); len(v.Rejected) != 1 || v.Rejected[0].ID != "c" || s.Tenants() != 2 || s.Documents() != 3 {
		t.Errorf("%+v of %d tenants, %d documents", v, s.Tenants(), s.Documents())
	}
}

func TestMergeKeepsHigherRevisions(t *testing.T) {
	s := newState(t)
	s.merge(revised("a", 7, "v1", "a.example"))
	s.merge(revised("a", 6, "v2", "a.example"))
	s.want(map[string]string{"a.example": "a v1"})
	s.rejected("a older_revision")
	if v := s.Lookup(t.Context(), tenant.Key{Authority: "a.example"}); v.HeldSince() != s.rules.Now {
		t.Errorf("held since %v", v.HeldSince())
	}
	s.merge(revised("a", 7, "v1", "a.example"))
	if v := s.Lookup(t.Context(), tenant.Key{Authority: "a.example"}); !v.HeldSince().IsZero() {
		t.Errorf("still held since %v", v.HeldSince())
	}
	s.rules.Force = true
	s.merge(revised("a", 6, "v2", "a.example"))
	s.want(map[string]string{"a.example": "a v2"})
}

func TestMergeTakesAbsenceForDeletionLate(t *testing.T) {
	s := newState(t)
	s.merge(good("a", "v1", "a.example"), good("b", "v1", "b.example"))
	s.merge(tenant.Update{ID: "a"}, gone("b"))
	s.want(map[string]string{"a.example": "a v1", "b.example": "unknown"})
	s.rejected("a missing")
	s.after(9 * time.Minute)
	s.merge(tenant.Update{ID: "a"})
	s.want(map[string]string{"a.example": "a v1"})
	s.after(time.Minute)
	s.merge(tenant.Update{ID: "a"})
	s.want(map[string]string{"a.example": "unknown", "/a": "unknown"})
	if s.Documents() != 0 || s.out.Deleted != 1 {
		t.Errorf("%d documents, %+v", s.Documents(), s.out)
	}
}

// TestMergeKeepsWhatTheLimitHeldBack also when the source lacks it in a reading of everything, in which nobody says why:
// it neither waits anew nor is it younger.
func TestMergeKeepsWhatTheLimitHeldBack(t *testing.T) {
	s := newState(t)
	s.rules.Limit = tenant.MassChangeLimit{Tenants: 1}
	s.merge(good("a", "v1", "a.example"), good("b", "v1", "b.example"))
	since := s.rules.Now
	s.merge(gone("a"), gone("b"))
	s.rejected("a vanished", "b vanished")
	for range 5 {
		s.after(20 * time.Minute)
		s.merge(tenant.Update{ID: "a"}, tenant.Update{ID: "b"})
		s.want(map[string]string{"a.example": "a v1", "b.example": "b v1"})
		for _, r := range s.Survey(nil).Rejected {
			if r.Why != tenant.Vanished || !r.Since.Equal(since) {
				t.Errorf("%s is %s since %v, want since %v", r.ID, r.Why, r.Since, since)
			}
		}
	}
}

func TestMergeLimitsMassChanges(t *testing.T) {
	const tenants, limit = 100, 10
	all := func(update func(i int) tenant.Update) []tenant.Update {
		var list []tenant.Update
		for i := range tenants {
			list = append(list, update(i))
		}
		return list
	}
	id := func(i int) string { return fmt.Sprintf("t%d", i) }
	host := func(i int) string { return id(i) + ".example" }
	for name, change := range map[string]func(i int) tenant.Update{
		"vanished": func(i int) tenant.Update { return gone(id(i)) },
		"buried":   func(i int) tenant.Update { return buried(id(i), host(i)) },
		"emptied":  func(i int) tenant.Update { return good(id(i), "", host(i)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newState(t)
			s.rules.Limit = tenant.MassChangeLimit{Tenants: limit}
			s.merge(all(func(i int) tenant.Update { return good(id(i), "v1", host(i)) })...)
			open := func() (n int) {
				for i := range tenants {
					if seen(s.Snapshot, host(i)) == id(i)+" v1" {
						n++
					}
				}
				return n
			}
			for i := range limit {
				s.merge(change(i))
			}
			if n := open(); n != tenants-limit {
				t.Fatalf("%d tenants are as they were after as many changes as are permitted", n)
			}
			s.merge(change(limit))
			s.merge(all(change)[limit+1 : 50]...)
			if n := open(); n != tenants-limit || len(s.HeldBack()) != 1 {
				t.Fatalf("%d tenants are as they were, held back %v; want it held", n, s.HeldBack())
			}
			s.after(time.Hour)
			s.merge(all(change)[limit:50]...)
			if n := open(); n != tenants-limit {
				t.Fatalf("%d tenants are as they were an hour later; waiting must not let it through", n)
			}
			for i := limit; i < 45; i++ {
				s.merge(good(id(i), "v1", host(i)))
			}
			s.merge(all(change)[45:50]...)
			if n := open(); n != tenants-limit-5 || len(s.HeldBack()) != 0 {
				t.Fatalf("%d tenants are as they were, held back %v; fewer than the limit are a small change", n, s.HeldBack())
			}
			s.rules.Force = true
			s.merge(all(change)...)
			if n := open(); n != 0 {
				t.Errorf("%d tenants are as they were after an operator confirmed", n)
			}
		})
	}
}

func TestMergeTakesNothingAwayForPartialText(t *testing.T) {
	routed := func(prefixes ...string) tenant.Update {
		routes := ""
		for _, p := range prefixes {
			routes += fmt.Sprintf(`,{"path_prefix":%q,"policy":{}}`, p)
		}
		return parsed("a", fmt.Sprintf(`{"id":"a","hosts":["a.example"],"policy":{"origins":["https://v1.origin"]},"routes":[%s]}`, strings.TrimPrefix(routes, ",")))
	}
	partial := func(u tenant.Update) tenant.Update { u.Partial = true; return u }
	denied := func(s *state) bool {
		v := s.Lookup(t.Context(), tenant.Key{Authority: "a.example", Path: "/admin"})
		q := policy.Request{Method: "GET", Scheme: "https", Authority: "a.example", Origin: "https://v1.origin"}
		res := v.Decide(&q, policy.UnknownRefuse)
		return res.Outcome == policy.Denied
	}
	s := newState(t)
	s.merge(routed("/x", "/admin"), good("b", "v1", "b.example"))
	s.merge(partial(routed("/x")), partial(gone("b")))
	s.want(map[string]string{"b.example": "b v1"})
	s.rejected("a partial", "b partial")
	if !denied(s) {
		t.Error("a cut document lost its stricter route")
	}
	s.merge(partial(routed("/admin", "/x", "/y")))
	if s.rejected(); !denied(s) || len(s.Held()) != 1 {
		t.Errorf("held %v; nothing is missing in a", s.Held())
	}
	s.merge(routed(), gone("b"))
	if s.want(map[string]string{"b.example": "unknown"}); denied(s) {
		t.Error("a whole document counts")
	}
}

func TestMergeBudget(t *testing.T) {
	s := newState(t)
	large := good("large", "v1", "large.example")
	large.Bytes = 600
	small, other := good("small", "v1", "small.example"), good("other", "v1", "other.example")
	small.Bytes, other.Bytes = 300, 300
	s.rules.MaxBytes = 1000
	s.merge(large, small, other)
	s.want(map[string]string{"small.example": "small v1", "other.example": "other v1", "large.example": "unreadable", "x.large.example": "unknown"})
	s.rejected("large over_budget")
	grown := good("small", "v2", "small.example")
	grown.Bytes = 800
	s.merge(grown)
	s.want(map[string]string{"small.example": "small v1"})
	s.rejected("small over_budget")
	s.merge(gone("other"), large)
	s.want(map[string]string{"large.example": "large v1"})
}

func TestMergeTakesNoHostOrCandidateAwayForPartialText(t *testing.T) {
	whole := `{"id":"a","hosts":["a.example","a2.example"],"policy":{"origins":["https://v1.origin"]},` +
		`"candidate":{"percent":100,"policy":{"origins":["https://v1.origin"]},"routes":[{"path_prefix":"/admin","policy":{}}]}}`
	s := newState(t)
	s.merge(good("default", "v9", "*"), parsed("a", whole))
	for name, cut := range map[string]string{
		"a host":               strings.Replace(whole, `,"a2.example"`, "", 1),
		"the candidate":        `{"id":"a","hosts":["a.example","a2.example"],"policy":{"origins":["https://v1.origin"]}}`,
		"a route of candidate": strings.Replace(whole, `,"routes":[{"path_prefix":"/admin","policy":{}}]`, "", 1),
	} {
		u := parsed("a", cut)
		if u.Err != nil {
			t.Fatalf("%s: %v", name, u.Err)
		}
		u.Partial = true
		if s.merge(u); s.Held()[tenant.Partial] != 1 {
			t.Errorf("%s was taken away: held %v", name, s.Held())
		}
	}
	s.want(map[string]string{"a2.example": "a v1"})
	s.merge(good("a", "v2", "a.example"))
	s.want(map[string]string{"a2.example": "default v9", "a.example": "a v2"})
}
