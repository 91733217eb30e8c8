package change_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/change"
	"github.com/corsgate/corsgate/tenant/document"
)

// author writes random documents from few words, so that those of two documents meet.
type author struct{ *rand.Rand }

func (a author) some(words ...string) []string {
	var out []string
	for _, w := range words {
		if a.IntN(len(words)) < 2 {
			out = append(out, w)
		}
	}
	return out
}

func (a author) flip(n int) bool { return a.IntN(n) == 0 }

func (a author) policy() *tenantv1.Policy {
	entries := []string{
		"https://a.example", "https://x.a.example", "https://*.a.example", "https://*.x.a.example", "http://*.a.example",
		"https://a.example:*", "https://a.example:8443", "https://*.a.example:8443", "https://*.a.example:*", "https://b.example",
		"https://*", "https://*:8443", "*", "app://a.example", "http://localhost:*",
	}
	p := &tenantv1.Policy{
		Origins:        a.some(entries...),
		Methods:        a.some("put", "PATCH", "patch", "GET", "DELETE", "*"),
		RequestHeaders: a.some("X-A", "x-b", "authorization", "*"),
		ExposeHeaders:  a.some("X-E", "x-f", "*"),
		Credentials:    a.flip(2),
		DangerouslyAllow: []tenantv1.Policy_Danger{
			tenantv1.Policy_ANY_ORIGIN_WITH_CREDENTIALS, tenantv1.Policy_INSECURE_ORIGINS_WITH_CREDENTIALS, tenantv1.Policy_PUBLIC_SUFFIX_WILDCARDS,
		},
		PrivateNetworkAccess: a.flip(4),
		TimingAllowOrigin:    a.flip(4),
	}
	for _, entry := range a.some(entries...) {
		if a.flip(2) {
			p.TemporaryOrigins = append(p.TemporaryOrigins, &tenantv1.TemporaryOrigin{Origin: entry, ExpiresAt: &timestamppb.Timestamp{Seconds: 1000 + int64(a.IntN(3))}})
		}
	}
	if a.flip(4) {
		p.DeniedRequests = tenantv1.Policy_BLOCK
	}
	if a.flip(4) {
		p.Websockets = tenantv1.Policy_ENFORCE
	}
	return p
}

func (a author) routes() []*tenantv1.Route {
	var out []*tenantv1.Route
	for _, prefix := range a.some("/", "/a", "/a/b", "/ab", "/c") {
		out = append(out, &tenantv1.Route{PathPrefix: prefix, Policy: a.policy()})
	}
	return out
}

func (a author) tenant() *tenantv1.Tenant {
	t := &tenantv1.Tenant{Id: "acme", Hosts: []string{"api.example"}, Policy: a.policy(), Routes: a.routes()}
	if a.flip(6) {
		t.Mode = tenantv1.Tenant_Mode(1 + a.IntN(3))
	}
	if a.flip(3) {
		t.Candidate = &tenantv1.Candidate{Policy: a.policy(), Routes: a.routes(), Percent: []int32{0, 30, 70, 100}[a.IntN(4)]}
	}
	return t
}

// edit makes another version of t: a new one, or one that differs in little, so that single effects stand alone.
func (a author) edit(t *tenantv1.Tenant) *tenantv1.Tenant {
	if a.flip(3) {
		return a.tenant()
	}
	out := proto.CloneOf(t)
	fresh := a.policy()
	switch p := out.GetPolicy(); a.IntN(10) {
	case 0:
		p.Origins = fresh.GetOrigins()
	case 1:
		p.TemporaryOrigins = fresh.GetTemporaryOrigins()
	case 2:
		p.Methods = fresh.GetMethods()
	case 3:
		p.RequestHeaders = fresh.GetRequestHeaders()
	case 4:
		p.ExposeHeaders = fresh.GetExposeHeaders()
	case 5:
		p.Credentials = !p.GetCredentials()
	case 6:
		p.DeniedRequests, p.Websockets = fresh.GetDeniedRequests(), fresh.GetWebsockets()
	case 7:
		out.Routes = a.routes()
	case 8:
		if c := out.GetCandidate(); c != nil {
			c.Percent = []int32{0, 30, 70, 100}[a.IntN(4)]
		}
	default:
		out.Mode = tenantv1.Tenant_Mode(1 + a.IntN(3))
	}
	return out
}

// asker looks up documents as serving does.
type asker struct{ *tenant.Snapshot }

// serving is what serves a document; a nil one is a tenant that was deleted, or never was.
func serving(t *testing.T, m *tenantv1.Tenant) asker {
	t.Helper()
	var records []*tenant.Record
	if m != nil {
		data, err := document.MarshalJSON(m)
		if err != nil {
			t.Fatal(err)
		}
		d, err := document.Parse("test", data)
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		records = append(records, d.Record)
	}
	return asker{tenant.SnapshotOf(records...)}
}

// probe is one page's wish.
type probe struct {
	origin, path, method, header string
	now                          int64
}

// granted is all that the page gets, one word each.
func (s asker) granted(p probe) []string {
	view := s.Lookup(context.Background(), tenant.Key{Authority: "api.example", Path: p.path})
	request := policy.Request{Scheme: "https", Authority: "api.example", Origin: p.origin, Now: p.now}
	var out []string
	decide := func() policy.Decision { return view.Decide(&request, policy.UnknownRefuse).Decision }

	request.Method = "POST"
	actual := decide()
	if !actual.Answered() {
		out = append(out, "served")
	}
	var edits policy.Edits
	actual.AppendEdits(&edits, &policy.Upstream{Names: []string{"x-e", "x-f", "x-g"}})
	for _, h := range edits.Set {
		switch h.Name {
		case "access-control-expose-headers":
			for name := range strings.SplitSeq(strings.ReplaceAll(h.Value, "*", "x-e, x-f, x-g"), ", ") {
				out = append(out, "reads "+name)
			}
		case "access-control-allow-origin":
			out = append(out, "reads")
		case "vary":
		default:
			out = append(out, h.Name)
		}
	}
	request.WebSocket = true
	if ws := decide(); !ws.Answered() {
		out = append(out, "websocket")
	}
	request = policy.Request{
		Scheme: "https", Authority: "api.example", Origin: p.origin, Now: p.now,
		Method: "OPTIONS", RequestMethod: p.method, RequestHeaders: p.header, PrivateNetwork: "true",
	}
	preflight := decide()
	if preflight.Outcome != policy.Allowed || !preflight.Answered() {
		return out
	}
	_, headers := preflight.AppendReply(nil)
	for _, h := range headers {
		switch h.Name {
		case "access-control-allow-origin":
			out = append(out, "sends")
		case "access-control-allow-credentials", "access-control-allow-private-network":
			out = append(out, "preflight "+h.Name)
		}
	}
	return out
}

func (a author) probe() probe {
	pick := func(words ...string) string { return words[a.IntN(len(words))] }
	return probe{
		origin: pick("https://a.example", "https://x.a.example", "https://y.x.a.example", "https://a.example:8443", "https://a.example:9", "https://x.a.example:8443",
			"https://x.a.example:9", "http://x.a.example", "https://b.example", "https://c.example", "https://c.example:8443", "app://a.example", "app://b", "http://localhost:9", "null", "https://ba.example"),
		path:   pick("/", "/a", "/a/b/c", "/ab", "/c/d", "/x", "*"),
		method: pick("GET", "PUT", "put", "PATCH", "patch", "DELETE", "REPORT"),
		header: pick("", "x-a", "x-b", "x-c", "authorization"),
		now:    999 + int64(a.IntN(4)),
	}
}

func has(effects []change.Effect, d change.Direction) bool {
	return slices.ContainsFunc(effects, func(e change.Effect) bool { return e.Direction == d })
}

// What a page gets under one document and not under the other shows as an effect. The decision core says what a page
// gets.
func TestNothingIsGainedOrLostWithoutAnEffect(t *testing.T) {
	t.Parallel()
	const pairs, probes = 1500, 60
	a := author{rand.New(rand.NewPCG(7, 11))}
	gains, losses := 0, 0
	for range pairs {
		before := a.tenant()
		after := a.edit(before)
		switch a.IntN(20) {
		case 0:
			before = nil
		case 1:
			after = nil
		}
		c := compare(t, before, after)
		was, is := serving(t, before), serving(t, after)
		for range probes {
			p := a.probe()
			old, now := was.granted(p), is.granted(p)
			if gained := without(now, old); len(gained) > 0 {
				gains++
				if !has(c.Effects, change.Wider) {
					t.Fatalf("%+v gains %v, and the effects are\n%s%s", p, gained, text(c), c.Diff)
				}
			}
			if lost := without(old, now); len(lost) > 0 {
				losses++
				if !has(c.Effects, change.Narrower) {
					t.Fatalf("%+v loses %v, and the effects are\n%s%s", p, lost, text(c), c.Diff)
				}
			}
		}
	}
	if gains < 5_000 || losses < 5_000 {
		t.Errorf("only %d gains and %d losses were seen", gains, losses)
	}
}

// An origin that an effect names as winning or losing does so, for the policy of its path, at the
// end of its time: effects do not cry wolf.
func TestOriginsThatAreNamedDoGainAndLose(t *testing.T) {
	t.Parallel()
	a := author{rand.New(rand.NewPCG(3, 5))}
	named := 0
	for range 800 {
		before, after := a.tenant(), a.tenant()
		before.Mode, after.Mode, before.Candidate, after.Candidate = 0, 0, nil, nil
		was, is := serving(t, before), serving(t, after)
		for _, e := range compare(t, before, after).Effects {
			if e.Code != change.Origins {
				continue
			}
			for _, entry := range e.Values {
				origin := strings.NewReplacer("*://", "fresh://", "://*", "://fresh", ":*", ":4711").Replace(entry)
				if entry == "*" {
					origin = "fresh://fresh"
				}
				gains, loses := false, false
				for _, now := range []int64{999, 1000, 1001, 1002} {
					p := probe{origin: origin, path: cmpPath(e.Path), method: "GET", now: now}
					old, now := slices.Contains(was.granted(p), "reads"), slices.Contains(is.granted(p), "reads")
					gains, loses = gains || now && !old, loses || old && !now
				}
				named++
				if e.Direction == change.Wider && !gains || e.Direction == change.Narrower && !loses {
					t.Fatalf("%s: %s gains %v, loses %v\n%s", e, origin, gains, loses, compare(t, before, after).Diff)
				}
			}
		}
	}
	if named < 3_000 {
		t.Errorf("only %d entries were named", named)
	}
}

// cmpPath is a path that a prefix decides alone; "*" is one that no prefix covers.
func cmpPath(prefix string) string {
	switch prefix {
	case "":
		return "*"
	case "/":
		return "/zzz"
	default:
		return prefix
	}
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return slices.Contains(other, v) })
}

func text(c change.Change) string {
	var b strings.Builder
	for _, e := range c.Effects {
		fmt.Fprintf(&b, "  %s %s\n", e.Direction, e)
	}
	return b.String()
}
