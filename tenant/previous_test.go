package tenant_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// history puts versions of one tenant in force, one after the other, an hour apart, and returns the last snapshot. A
// version is a document without its id and hosts.
func history(t *testing.T, versions ...string) *tenant.Snapshot {
	t.Helper()
	s := tenant.NewSnapshot()
	for _, text := range versions {
		s = version(t, s, text)
		<-time.After(time.Hour)
	}
	return s
}

// version puts one more version in force.
func version(t *testing.T, s *tenant.Snapshot, text string) *tenant.Snapshot {
	t.Helper()
	u := parsed("a", "id: a\nhosts: [a.example]\n"+text)
	if u.Err != nil {
		t.Fatal(u.Err)
	}
	next, _ := s.Merge([]tenant.Update{u}, tenant.Rules{Now: time.Now()})
	return next
}

func viewOf(t *testing.T, s *tenant.Snapshot, path string) tenant.View {
	t.Helper()
	return s.Lookup(t.Context(), tenant.Key{Hint: "a", Path: path})
}

func TestRegressed(t *testing.T) {
	const (
		a, ab = `policy: {origins: ["https://a.origin"]}`, `policy: {origins: ["https://a.origin", "https://b.origin"]}`
		gone  = `deleted: true`
	)
	actual := policy.Request{Method: "GET", Origin: "https://b.origin"}
	put := policy.Request{Method: "OPTIONS", Origin: "https://a.origin", RequestMethod: "PUT"}
	socket := policy.Request{Method: "GET", Origin: "https://b.origin", WebSocket: true}
	temporary := func(end string) string {
		return `policy: {origins: ["https://a.origin"], temporary_origins: [{origin: "https://b.origin", expires_at: "` + end + `"}]}`
	}
	cases := []struct {
		name     string
		versions []string
		request  policy.Request
		want     bool
	}{
		{"an origin was removed", []string{ab, a}, actual, true},
		{"nothing was there before", []string{a}, actual, false},
		{"it was denied before", []string{a, `policy: {origins: ["https://c.origin"]}`}, actual, false},
		{"it is allowed", []string{a, ab}, actual, false},
		{"a method was removed", []string{`policy: {origins: ["https://a.origin"], methods: [PUT]}`, a}, put, true},
		{"no CORS request", []string{ab, a}, policy.Request{Method: "GET"}, false},
		{"the origin itself", []string{ab, a}, policy.Request{Method: "GET", Scheme: "https", Authority: "b.origin", Origin: "https://b.origin"}, false},
		{"only the text was changed", []string{ab, a, "reason: again\nrevision: 3\nlabels: {tier: gold}\n" + a}, actual, true},
		{"two changes ago", []string{ab, a, `policy: {origins: ["https://c.origin"]}`}, actual, false},
		{"put back", []string{ab, a, ab}, actual, false},
		{"a route was narrowed", []string{a + "\nroutes: [{path_prefix: /v1, " + ab + "}]", a}, actual, true},
		{"a route was added", []string{ab, ab + "\nroutes: [{path_prefix: /v1, " + a + "}]"}, actual, true},
		{"a route elsewhere was added", []string{ab, ab + "\nroutes: [{path_prefix: /v2, " + a + "}]"}, actual, false},
		{"the tenant was deleted", []string{ab, gone}, actual, true},
		{"and came back smaller", []string{ab, gone, a}, actual, false},

		{"a temporary entry ended", []string{temporary("2000-01-02T00:00:00Z")}, actual, false},
		{"declared by a temporary entry that has ended", []string{ab, temporary("2000-01-01T00:00:01Z")}, actual, false},
		{"ended before and removed now", []string{temporary("2000-01-01T00:00:01Z"), a}, actual, false},
		{"a temporary entry was removed before its end", []string{temporary("2100-01-01T00:00:00Z"), a}, actual, true},
		{
			"declared, but it is the method", []string{
				`policy: {origins: ["https://a.origin"], methods: [PUT]}`,
				`policy: {origins: ["https://a.origin"], temporary_origins: [{origin: "https://a.origin", expires_at: "2000-01-01T00:00:01Z"}]}`,
			}, put, true,
		},

		{"switched on", []string{"mode: OFF\n" + ab, a}, actual, false},
		{"switched off", []string{ab, "mode: OFF\n" + a}, actual, false},
		{"only watched now", []string{ab, "mode: SHADOW\n" + a}, actual, false},
		{"watched before, and would have been denied", []string{"mode: SHADOW\n" + a, a}, actual, false},
		{"watched before, and would have been allowed", []string{"mode: SHADOW\n" + ab, a}, actual, true},
		{"no mode any more", []string{"mode: SHADOW\n" + a, a}, actual, false},

		{"a candidate came that only watches", []string{ab, ab + "\ncandidate: {" + a + "}"}, actual, false},
		{"a candidate came that decides", []string{ab, ab + "\ncandidate: {percent: 100, " + a + "}"}, actual, true},
		{"a candidate takes over", []string{ab + "\ncandidate: {percent: 100, " + a + "}", a}, actual, false},
		{"a candidate goes that decided", []string{a + "\ncandidate: {percent: 100, " + ab + "}", a}, actual, true},
		{"a candidate goes that watched", []string{a + "\ncandidate: {" + ab + "}", a}, actual, false},
		{
			"declared by the candidate", []string{
				ab, ab + "\ncandidate: {percent: 100, " + temporary("2000-01-01T00:00:01Z") + "}",
			}, actual, false,
		},

		{"websockets are enforced now", []string{a, `policy: {origins: ["https://a.origin"], websockets: ENFORCE}`}, socket, true},
		{"websockets of a removed origin", []string{
			`policy: {origins: ["https://b.origin"], websockets: ENFORCE}`, `policy: {websockets: ENFORCE}`,
		}, socket, true},
		{"websockets are left alone", []string{ab, a}, socket, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := viewOf(t, history(t, c.versions...), "/v1/things?x=/v2")
				r := c.request
				if r.Now = time.Now().Unix(); r.Authority == "" {
					r.Authority = "a.example"
				}
				if got := v.Decide(&r, policy.UnknownRefuse); got.Regressed != c.want {
					t.Errorf("regressed is %t at %v %v", got.Regressed, got.Outcome, got.Reason)
				}
				if n := testing.AllocsPerRun(10, func() { v.Decide(&r, policy.UnknownRefuse) }); n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
		})
	}
}

func TestRegressedIsSaidForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ab, a = `policy: {origins: ["https://a.origin", "https://b.origin"]}`, `policy: {origins: ["https://a.origin"]}`
		regressed := func(s *tenant.Snapshot) bool {
			v := viewOf(t, s, "/")
			res := v.Decide(&policy.Request{Method: "GET", Authority: "a.example", Origin: "https://b.origin", Now: time.Now().Unix()}, 0)
			return res.Regressed
		}
		s := history(t, ab, a) // an hour ago
		<-time.After(23*time.Hour - time.Second)
		if s = version(t, s, a); !regressed(s) || !regressed(version(t, s, a+"\nreason: again\n")) {
			t.Error("before a day has passed since the change it is forgotten")
		}
		<-time.After(time.Second)
		if regressed(s) || regressed(version(t, s, a)) || regressed(version(t, s, a+"\nreason: again\n")) {
			t.Error("a day after the change it is not forgotten, or brought back by what changes nothing")
		}
	})
}

func TestSnapshotsKnowThePreviousVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := tenant.NewSnapshot()
		records := make(map[string]*tenant.Record)
		load := func(texts ...string) (denied func(id string) tenant.Result) {
			updates := map[string]tenant.Update{"a": gone("a"), "b": gone("b")}
			for _, text := range texts {
				if records[text] == nil {
					good, _, problems := document.Decode("f.yaml", []byte(text))
					if problems != nil {
						t.Fatal(problems)
					}
					records[text] = good[0].Record
				}
				r := records[text]
				updates[r.ID()] = tenant.Update{ID: r.ID(), Record: r}
			}
			last, _ = last.Merge([]tenant.Update{updates["a"], updates["b"]}, tenant.Rules{Now: time.Now()})
			return func(id string) tenant.Result {
				v := last.Lookup(t.Context(), tenant.Key{Hint: id})
				return v.Decide(&policy.Request{Method: "GET", Authority: id, Origin: "https://old.origin", Now: time.Now().Unix()}, 0)
			}
		}
		version := func(id, origin string) string {
			return fmt.Sprintf("id: %s\nhosts: [%s.example]\npolicy: {origins: [\"https://%s.origin\"]}\n", id, id, origin)
		}
		if load(version("a", "old"), version("b", "new"))("a").Regressed {
			t.Error("the first snapshot has a previous one")
		}
		get := load(version("a", "new"), version("b", "new"))
		if !get("a").Regressed || get("b").Regressed {
			t.Error("want a regression of the tenant that was changed, and of no other")
		}
		<-time.After(12 * time.Hour)
		get = load(version("a", "new"), version("b", "newer"))
		if !get("a").Regressed || get("b").Regressed {
			t.Error("a reload for another tenant lost the regression, or made one")
		}
		<-time.After(12 * time.Hour)
		if get("a").Regressed {
			t.Error("a day after the change it is a regression still")
		}
		if get = load(version("a", "new")); get("a").Regressed {
			t.Error("the reload brought it back")
		}
	})
}
