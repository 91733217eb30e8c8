package answer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

func compile(t testing.TB, spec policy.Spec) *policy.Policy {
	t.Helper()
	p, err := policy.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBadValueClosesTheAnswer: a value that must not be sent takes the whole grant with it, in every phase.
func TestBadValueClosesTheAnswer(t *testing.T) {
	t.Parallel()
	p := compile(t, policy.Spec{Origins: []string{"https://a.example"}})
	preflight := policy.Request{Method: "OPTIONS", Origin: "https://a.example", RequestMethod: "GET"}
	actual := policy.Request{Method: "GET", Origin: "https://a.example"}
	for _, bad := range []string{"a\r\nset-cookie: x", "A", "a b", "-a", strings.Repeat("a", 64)} {
		info := &TenantInfo{ID: bad}
		for _, c := range []struct {
			name   string
			status int
			answer func(*tenant.Result) Answer
			r      *policy.Request
		}{
			{"preflight", 503, func(res *tenant.Result) Answer { return ToRequest(res, info) }, &preflight},
			{"actual", 0, func(res *tenant.Result) Answer { return ToRequest(res, info) }, &actual},
			{"response", 0, func(res *tenant.Result) Answer { return ToResponse(res, info, &Response{}) }, &actual},
		} {
			res := tenant.Result{Decision: p.Decide(c.r)}
			a := c.answer(&res)
			if !a.Rejected || a.Status != c.status {
				t.Errorf("%s of %q: rejected %v, status %d", c.name, bad, a.Rejected, a.Status)
			}
			if text := fmt.Sprint(a); strings.Contains(text, "a.example") || strings.Contains(text, "set-cookie") {
				t.Errorf("%s of %q: %s", c.name, bad, text)
			}
			if res.Outcome != policy.Error || !slices.Contains(a.Metadata, Note{wire.MetaReason, "policy_unreadable"}) {
				t.Errorf("%s of %q: outcome %v, %v", c.name, bad, res.Outcome, a.Metadata)
			}
		}
	}
}

// TestStripTakesEverythingOff: also what has no name here, however much of it there is.
func TestStripTakesEverythingOff(t *testing.T) {
	t.Parallel()
	var others []string
	for i := range 2 * maxMutations {
		others = append(others, fmt.Sprint(wire.HeaderCORSPrefix, "new-", i))
	}
	p := compile(t, policy.Spec{Origins: []string{"https://a.example"}})
	res := tenant.Result{Decision: p.Decide(&policy.Request{Method: "GET", Origin: "https://a.example"})}
	a := ToResponse(&res, &TenantInfo{ID: "acme"}, &Response{Upstream: policy.Upstream{HasCORS: true, Others: others}})
	if !a.Rejected || !a.Last {
		t.Fatalf("%+v", a)
	}
	for i, pair := range wire.HeaderMeta() {
		if i == 7 {
			break // Timing-Allow-Origin is no CORS header
		}
		others = append(others, pair[0])
	}
	for _, name := range others {
		if !slices.Contains(a.Remove, name) {
			t.Errorf("%s stays", name)
		}
	}
	for _, h := range []policy.Header{{Name: wire.HeaderVary, Value: "*"}, {Name: "cache-control", Value: "no-store"}} {
		if !slices.Contains(a.Set, h) {
			t.Errorf("%v is not set: %v", h, a.Set)
		}
	}
}

// TestMayBeRefused: nothing that a policy refuses is taken for anything else, and nothing that no policy can refuse
// is refused, but for a page's own unsafe requests.
func TestMayBeRefused(t *testing.T) {
	t.Parallel()
	p := compile(t, policy.Spec{Origins: []string{"https://a.example"}, BlockDenied: true, EnforceWebSockets: true})
	for _, origin := range []string{"", "https://b.example", "null", "https://api.example"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"} {
			for _, asked := range []string{"", "PUT"} {
				for _, socket := range []bool{false, true} {
					r := policy.Request{
						Method: method, Scheme: "https", Authority: "api.example", Origin: origin, RequestMethod: asked, WebSocket: socket,
					}
					d := p.Decide(&r)
					own := origin == "https://api.example"
					if got := MayBeRefused(&r); d.Answered() && !got || got && !d.Answered() && !own {
						t.Errorf("%+v: may be refused %v, answered %v", r, got, d.Answered())
					}
					if got := IsPreflight(&r); got != (d.Kind == policy.Preflight) {
						t.Errorf("%+v: a preflight %v, want %v", r, got, d.Kind)
					}
				}
			}
		}
	}
}
