package tenant_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

func TestFreshnessHasAClosedAnswer(t *testing.T) {
	request := policy.Request{Method: "OPTIONS", Authority: "a.example", Origin: "https://x.example", RequestMethod: "PUT"}
	nowhere := request
	nowhere.Authority = ""
	cases := []struct {
		name    string
		view    tenant.View
		request policy.Request
		unknown policy.UnknownTenant
		outcome policy.Outcome
		reason  policy.Reason
	}{
		{"rule 28: unknown tenant", tenant.View{Freshness: tenant.Unknown}, request, policy.UnknownRefuse, policy.Denied, policy.TenantUnknown},
		{"rule 28: unknown tenant, passed on", tenant.View{Freshness: tenant.Unknown}, request, policy.UnknownForward, policy.Passthrough, policy.TenantForwarded},
		{"rule 8: no authority", tenant.View{Freshness: tenant.Unknown}, nowhere, policy.UnknownRefuse, policy.Passthrough, policy.RequestUnseen},
		{"rule 26: ambiguous", tenant.View{Freshness: tenant.Ambiguous}, request, policy.UnknownForward, policy.Denied, policy.TenantAmbiguous},
		{"rule 76: unavailable", tenant.View{Freshness: tenant.Unavailable}, request, policy.UnknownForward, policy.Error, policy.StoreUnavailable},
		{"rule 74: unreadable", tenant.View{Freshness: tenant.Unreadable}, request, policy.UnknownForward, policy.Error, policy.PolicyUnreadable},
		{"rule 76: the zero view", tenant.View{}, request, policy.UnknownForward, policy.Error, policy.StoreUnavailable},
		{"rule 76: a freshness of the future", tenant.View{Freshness: 200}, request, policy.UnknownForward, policy.Error, policy.StoreUnavailable},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.view.Decide(&c.request, c.unknown)
			if got.Outcome != c.outcome || got.Reason != c.reason {
				t.Errorf("%v %v; want %v %v", got.Outcome, got.Reason, c.outcome, c.reason)
			}
			if _, headers := got.AppendReply(nil); got.Answered() {
				for _, h := range headers {
					if strings.HasPrefix(h.Name, "access-control-") {
						t.Errorf("a closed answer holds %s: %s", h.Name, h.Value)
					}
				}
			}
		})
	}
}

func TestMode(t *testing.T) {
	preflight := &policy.Request{Method: "OPTIONS", Authority: "a.example", Origin: "https://a.origin", RequestMethod: "PUT"}
	cases := []struct {
		name, mode string
		outcome    policy.Outcome
		reason     policy.Reason
		answered   bool
	}{
		{"ENFORCE answers", "mode: ENFORCE", policy.Denied, policy.MethodNotListed, true},
		{"ENFORCE is the default", "", policy.Denied, policy.MethodNotListed, true},
		{"SHADOW decides and answers nothing", "mode: SHADOW", policy.Denied, policy.MethodNotListed, false},
		{"OFF decides nothing", "mode: OFF", policy.Passthrough, policy.TenantOff, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := tenanttest.New(t, doc("a", "a.example", c.mode)).Lookup(t.Context(), tenant.Key{Authority: "a.example"})
			got := v.Decide(preflight, policy.UnknownRefuse)
			if got.Outcome != c.outcome || got.Reason != c.reason || got.Answered() != c.answered {
				t.Errorf("%v %v, answered %t; want %v %v, %t", got.Outcome, got.Reason, got.Answered(), c.outcome, c.reason, c.answered)
			}
			if c.answered {
				return
			}
			var edits policy.Edits
			got.AppendEdits(&edits, &policy.Upstream{AllowOrigin: "*", HasCORS: true})
			if len(edits.Remove)+len(edits.Set) != 0 {
				t.Errorf("the response is touched: %+v", edits)
			}
		})
	}
}

func TestCandidateInShadow(t *testing.T) {
	v := tenanttest.New(t, doc("a", "a.example", `candidate:
  policy: {origins: ["https://a.origin", "https://new.origin"]}
  routes: [{path_prefix: /closed, policy: {}}]
`)).Lookup(t.Context(), tenant.Key{Authority: "a.example", Path: "/"})
	closed := tenanttest.New(t, doc("a", "a.example", "candidate: {policy: {}}")).Lookup(t.Context(), tenant.Key{Authority: "a.example"})
	cases := []struct {
		name, origin, want string
		view               tenant.View
		outcome            policy.Outcome
	}{
		{"rule 78: both allow", "https://a.origin", tenant.ShadowAgree, v, policy.Allowed},
		{"rule 78: both deny", "https://no.origin", tenant.ShadowAgree, v, policy.Denied},
		{"rule 78: only the candidate allows", "https://new.origin", tenant.ShadowWouldAllow, v, policy.Denied},
		{"rule 78: only the candidate denies", "https://a.origin", tenant.ShadowWouldDeny, closed, policy.Allowed},
		{"rule 78: a request without an Origin is not compared", "", "", v, policy.Passthrough},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.view.Decide(&policy.Request{Method: "GET", Authority: "a.example", Origin: c.origin}, 0)
			if got.Shadow != c.want || got.Outcome != c.outcome || got.Variant != "" {
				t.Errorf("shadow %q, %v, variant %q; want %q, %v and none", got.Shadow, got.Outcome, got.Variant, c.want, c.outcome)
			}
		})
	}
}

func TestCandidateShare(t *testing.T) {
	const origins = 2000
	last := make(map[string]bool)
	for _, percent := range []int{0, 1, 10, 50, 100} {
		registry := tenanttest.New(t, doc("a", "a.example", fmt.Sprintf("candidate: {percent: %d, policy: {origins: [\"*\"]}}", percent)))
		v := registry.Lookup(t.Context(), tenant.Key{Authority: "a.example"})
		now := make(map[string]bool)
		for i := range origins {
			origin := fmt.Sprintf("https://%d.example", i)
			actual := v.Decide(&policy.Request{Method: "GET", Authority: "a.example", Origin: origin}, 0)
			preflight := v.Decide(&policy.Request{Method: "OPTIONS", Authority: "a.example", Origin: origin, RequestMethod: "POST"}, 0)
			if actual.Variant != preflight.Variant || actual.Outcome != preflight.Outcome {
				t.Fatalf("rule 79: %s: preflight %q, request %q", origin, preflight.Variant, actual.Variant)
			}
			if got := actual.Variant == tenant.VariantCandidate; got != (actual.Outcome == policy.Allowed) {
				t.Fatalf("rule 79: %s: variant %q, %v", origin, actual.Variant, actual.Outcome)
			} else if got {
				now[origin] = true
			} else if last[origin] {
				t.Errorf("rule 79: %s left the candidate as its share grew to %d", origin, percent)
			}
			if percent == 0 && actual.Variant != "" || percent > 0 && actual.Variant == "" {
				t.Fatalf("rule 79: variant %q at %d percent", actual.Variant, percent)
			}
		}
		if want := origins * percent / 100; len(now) < want*7/10 || len(now) > want*13/10 {
			t.Errorf("rule 79: %d of %d origins at %d percent", len(now), origins, percent)
		}
		last = now
	}
}

func TestRequestsWithoutOriginMoveOnlyAtAFullShare(t *testing.T) {
	for percent, want := range map[int]string{0: "", 1: tenant.VariantStable, 99: tenant.VariantStable, 100: tenant.VariantCandidate} {
		v := tenanttest.New(t, doc("a", "a.example", fmt.Sprintf("candidate: {percent: %d, policy: {}}", percent))).Lookup(t.Context(), tenant.Key{Authority: "a.example"})
		if got := v.Decide(&policy.Request{Method: "GET", Authority: "a.example"}, 0); got.Variant != want {
			t.Errorf("rule 79: at %d percent the variant is %q, want %q", percent, got.Variant, want)
		}
	}
}

func TestExplainIsWhatDecideSays(t *testing.T) {
	for _, mode := range []string{"ENFORCE", "SHADOW", "OFF"} {
		v := tenanttest.New(t, doc("a", "a.example", "mode: "+mode+"\ncandidate: {percent: 50, policy: {origins: [\"https://c.origin\"]}}")).Lookup(t.Context(), tenant.Key{Authority: "a.example"})
		for i := range 50 {
			r := &policy.Request{Method: "GET", Authority: "a.example", Origin: fmt.Sprintf("https://%d.origin", i)}
			ex, want := v.Explain(r, 0), v.Decide(r, 0)
			by := map[string]string{tenant.VariantStable: "policy", tenant.VariantCandidate: "candidate.policy", "": ""}[want.Variant]
			if ex.Result != want || ex.Why.Decision != want.Decision || ex.Policy != by {
				t.Fatalf("%s: explained %+v by %q, decided %+v", mode, ex.Result, ex.Policy, want)
			}
		}
	}
}

func TestTierAndRevision(t *testing.T) {
	cases := []struct {
		name, more, tier string
		revision         int64
	}{
		{"none", "", "", 0},
		{"labels without it", "labels: {team: x}\nrevision: 7", "", 7},
		{"an empty one", `labels: {tier: ""}`, "", 0},
		{"as written", `labels: {a: b, tier: "Gold plus"}`, "Gold plus", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := tenanttest.New(t, doc("a", "a.example", c.more)).Lookup(t.Context(), tenant.Key{Authority: "a.example"})
			if v.Tier() != c.tier || v.Revision() != c.revision {
				t.Errorf("tier %q, revision %d; want %q, %d", v.Tier(), v.Revision(), c.tier, c.revision)
			}
			line, err := document.Parse("f", []byte(doc("a", "a.example", c.more)))
			if err != nil {
				t.Fatal(err)
			}
			data, err := document.MarshalJSON(line.Tenant)
			if err != nil {
				t.Fatal(err)
			}
			if got := document.ParseStored("a", data).Record; got.Tier() != c.tier || got.Revision() != c.revision {
				t.Errorf("stored: tier %q, revision %d; want %q, %d", got.Tier(), got.Revision(), c.tier, c.revision)
			}
		})
	}
	if v := (tenant.View{}); v.Tier() != "" || v.Revision() != 0 {
		t.Errorf("the zero view has a tier or a revision: %q, %d", v.Tier(), v.Revision())
	}
}

func TestEntryIsWhatMatched(t *testing.T) {
	v := tenanttest.New(t, doc("a", "a.example", `routes: [{path_prefix: /r, policy: {origins: ["https://r.origin", "https://*.w.origin"]}}]
candidate: {percent: 50, policy: {origins: ["*"]}}`))
	for _, c := range []struct{ path, origin, want string }{
		{"/", "https://a.origin", "https://a.origin"},
		{"/r/x", "https://r.origin", "https://r.origin"},
		{"/r/x", "https://x.w.origin", "https://*.w.origin"},
		{"/r/x", "", ""},
	} {
		view := v.Lookup(t.Context(), tenant.Key{Authority: "a.example", Path: c.path})
		res := view.Decide(&policy.Request{Method: "GET", Authority: "a.example", Origin: c.origin}, 0)
		want := c.want
		if res.Variant == tenant.VariantCandidate {
			want = "*"
		} else if res.Outcome != policy.Allowed && c.origin != "" {
			t.Errorf("%s %s: %v %v", c.path, c.origin, res.Outcome, res.Reason)
		}
		if got := view.Entry(&res); got != want {
			t.Errorf("%s %s, variant %q: matched %q, want %q", c.path, c.origin, res.Variant, got, want)
		}
	}
	unknown := v.Lookup(t.Context(), tenant.Key{Authority: "b.example"})
	if res := unknown.Decide(&policy.Request{Method: "GET", Authority: "b.example", Origin: "https://a.origin"}, 0); unknown.Entry(&res) != "" {
		t.Error("nobody has an entry that matched")
	}
}

func TestAmbiguousPath(t *testing.T) {
	const (
		routes = `routes: [{path_prefix: /admin, policy: {origins: ["https://admin.origin"]}}]`
		dark   = "/public/..%2fadmin"
	)
	at := func(more, path string) tenant.View {
		return tenanttest.New(t, doc("a", "a.example", more)).Lookup(t.Context(), tenant.Key{Authority: "a.example", Path: path})
	}
	actual := policy.Request{Method: "GET", Scheme: "https", Authority: "a.example", Origin: "https://a.origin"}
	asked, own := actual, actual
	asked.Method, asked.RequestMethod = "OPTIONS", "GET"
	own.Origin = "https://a.example"
	cases := []struct {
		name    string
		view    tenant.View
		request policy.Request
		outcome policy.Outcome
		reason  policy.Reason
		shadow  string
	}{
		{"a preflight", at(routes, dark), asked, policy.Denied, policy.PathAmbiguous, ""},
		{"a request", at(routes, dark), actual, policy.Denied, policy.PathAmbiguous, ""},
		{"its own page", at(routes, dark), own, policy.Passthrough, policy.PathAmbiguous, ""},
		{"no routes", at("", dark), actual, policy.Allowed, policy.OriginListed, ""},
		{"a plain path", at(routes, "/public/admin"), actual, policy.Allowed, policy.OriginListed, ""},
		{"SHADOW", at("mode: SHADOW\n"+routes, dark), asked, policy.Denied, policy.PathAmbiguous, ""},
		{"OFF", at("mode: OFF\n"+routes, dark), asked, policy.Passthrough, policy.TenantOff, ""},
		{"a candidate with routes", at(candidateOf(0), dark), actual, policy.Allowed, policy.OriginListed, tenant.ShadowWouldDeny},
		{"a candidate in force", at(candidateOf(100), dark), actual, policy.Denied, policy.PathAmbiguous, ""},
		{"a candidate without routes", at(routes+"\ncandidate: {policy: {origins: [\"https://a.origin\"]}}", dark), actual, policy.Denied, policy.PathAmbiguous, tenant.ShadowWouldAllow},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ex := c.view.Decide(&c.request, 0), c.view.Explain(&c.request, 0)
			if got.Outcome != c.outcome || got.Reason != c.reason || got.Shadow != c.shadow {
				t.Errorf("rule 27a: %v %v, shadow %q; want %v %v, %q", got.Outcome, got.Reason, got.Shadow, c.outcome, c.reason, c.shadow)
			}
			if ex.Result != got || (got.Reason == policy.PathAmbiguous) != (len(ex.Readings) == 2) || c.view.Entry(&got) != "" && got.Outcome != policy.Allowed {
				t.Errorf("rule 27a: explained as %+v, decided %+v", ex, got)
			}
			if got.Reason == policy.PathAmbiguous && (ex.Policy != "" || ex.Readings[1].Path != "/admin" || ex.Readings[0].Policy == ex.Readings[1].Policy) {
				t.Errorf("rule 27a: explained by %q, %+v", ex.Policy, ex.Readings)
			}
			if c.name == "SHADOW" && got.Answered() {
				t.Error("rule 78: SHADOW answers")
			}
		})
	}
}

// candidateOf has a route, and takes a share of the traffic.
func candidateOf(percent int) string {
	return fmt.Sprintf(`candidate: {percent: %d, policy: {origins: ["https://a.origin"]}, routes: [{path_prefix: /admin, policy: {}}]}`, percent)
}
