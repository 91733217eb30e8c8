package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
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

// variety is requests of every kind and fate.
func variety() []policy.Request {
	var list []policy.Request
	for _, origin := range []string{"", "https://a.example", "https://b.a.example", "https://evil.example", "null", "x y"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "TRACE"} {
			for _, asked := range []string{"", "PUT", "DELETE"} {
				for _, headers := range []string{"", "x-a", "x-b,x-a"} {
					list = append(list, policy.Request{
						Method: method, Scheme: "https", Authority: "api.example", Origin: origin,
						RequestMethod: asked, RequestHeaders: headers, PrivateNetwork: "true",
						WebSocket: method == "GET" && headers != "",
					})
				}
			}
		}
	}
	return list
}

// TestMemo: a kept reply is byte for byte the reply that is built anew, whatever
// came before, for policies that echo and for those that do not.
func TestMemo(t *testing.T) {
	t.Parallel()
	specs := map[string]policy.Spec{
		"plain":    {Origins: []string{"https://a.example", "https://*.a.example"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"}, TimingAllowOrigin: true},
		"public":   {Origins: []string{"*"}, Methods: []string{"*"}, RequestHeaders: []string{"*"}, ExposeHeaders: []string{"*"}},
		"echoing":  {Origins: []string{"https://*.a.example"}, Methods: []string{"*"}, RequestHeaders: []string{"*"}, ExposeHeaders: []string{"*"}, Credentials: true, PrivateNetworkAccess: true},
		"minimal":  {Origins: []string{"https://a.example"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a", "x-b"}, Preflight: policy.PreflightSpec{Minimal: true}},
		"blocking": {Origins: []string{"https://a.example"}, BlockDenied: true, EnforceWebSockets: true, UpstreamHeaders: policy.Fill},
		"silent":   {Origins: []string{"https://a.example"}, UpstreamHeaders: policy.Passthru},
	}
	for name, spec := range specs {
		for _, shadow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s shadow=%v", name, shadow), func(t *testing.T) {
				t.Parallel()
				p := compile(t, spec)
				kept := &Service{replies: newMemo()}
				hits := 0
				for range 2 {
					for _, r := range variety() {
						d := p.Decide(&r)
						if shadow {
							d = d.Shadow()
						}
						hits += compareReplies(t, &d, kept)
					}
				}
				if hits == 0 {
					t.Error("no reply was ever kept")
				}
			})
		}
	}
}

// compareReplies compares each reply of d with a fresh one and returns how many were kept.
func compareReplies(t *testing.T, d *policy.Decision, kept *Service) (hits int) {
	t.Helper()
	ups := []answer.Response{
		{},
		{VaryLost: true},
		{Upstream: policy.Upstream{Vary: "accept"}},
		{Upstream: policy.Upstream{AllowOrigin: "*", HasCORS: true}},
	}
	x := stream{state: state{tenant: answer.TenantInfo{ID: "acme"}, result: tenant.Result{Decision: *d}}}
	same := func(ask func(s *Service) *reply) {
		first, second, want := ask(kept), ask(kept), ask(&Service{replies: newMemo()})
		if first == second {
			hits++
		}
		for _, got := range []*reply{first, second} {
			if !bytes.Equal(got.wire.Materialize(), want.wire.Materialize()) || got.last != want.last ||
				got.status != want.status || got.conflict != want.conflict {
				t.Errorf("%v %v: kept %q, anew %q", d.Kind, d.Reason, got.wire.Materialize(), want.wire.Materialize())
			}
		}
	}
	same(func(s *Service) *reply { return s.requestReply(&x) })
	for _, up := range ups {
		for _, decided := range []bool{false, true} {
			up.Decided = decided
			same(func(s *Service) *reply { return s.responseReply(&x, &message{upstream: up}) })
		}
	}
	return hits
}

// TestMemoTellsTenantsApart: even with one table for two tenants.
func TestMemoTellsTenantsApart(t *testing.T) {
	t.Parallel()
	p := compile(t, policy.Spec{Origins: []string{"https://a.example"}})
	s := &Service{replies: newMemo()}
	d := p.Decide(&policy.Request{Method: "GET", Origin: "https://a.example"})
	for _, id := range []string{"one", "two", "one"} {
		x := stream{state: state{tenant: answer.TenantInfo{ID: id}, result: tenant.Result{Decision: d}}}
		if got := s.requestReply(&x).wire.Materialize(); !bytes.Contains(got, []byte(id)) {
			t.Errorf("reply for %s: %q", id, got)
		}
	}
}

// TestMemoIsBounded: large replies are not kept, and strangers who vary the Origin only displace others.
func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	s := &Service{replies: newMemo()}
	ask := func(p *policy.Policy, origin string) *reply {
		d := p.Decide(&policy.Request{Method: "GET", Origin: origin})
		x := stream{state: state{tenant: answer.TenantInfo{ID: "acme"}, result: tenant.Result{Decision: d}}}
		return s.requestReply(&x)
	}
	used := func() (n int) {
		for i := range s.replies.slots {
			if s.replies.slots[i].Load() != nil {
				n++
			}
		}
		return n
	}
	var names []string
	for i := range 150 {
		names = append(names, fmt.Sprintf("x-%s-%d", strings.Repeat("n", 30), i))
	}
	large := compile(t, policy.Spec{Origins: []string{"https://a.example"}, ExposeHeaders: names})
	if n := ask(large, "https://a.example").wire.Len(); n <= memoReplyBytes {
		t.Fatalf("the reply has %d bytes only, so this shows nothing", n)
	}
	if used() > 0 {
		t.Error("a large reply is kept")
	}
	p := compile(t, policy.Spec{Origins: []string{"https://*.a.example"}})
	for i := range 4 * memoSlots {
		ask(p, fmt.Sprintf("https://h%d.a.example", i))
	}
	if n := used(); n < memoSlots/2 || len(s.replies.slots) != memoSlots {
		t.Errorf("only %d of %d slots are used", n, memoSlots)
	}
}

// TestAfterPanic: every phase has its closed reply, made in advance.
func TestAfterPanic(t *testing.T) {
	t.Parallel()
	fixed := newFixedReplies()
	preflight := policy.Request{Method: "OPTIONS", Origin: "https://a.example", RequestMethod: "GET"}
	post := policy.Request{Method: "POST", Origin: "https://a.example"}
	get := policy.Request{Method: "GET", Origin: "https://a.example"}
	others := answer.Response{Upstream: policy.Upstream{Others: []string{"access-control-new"}}}
	asked := attributes{method: "OPTIONS", origin: "https://a.example", requestMethod: "GET"}
	for _, tt := range []struct {
		m    message
		late bool
		want *reply
	}{
		{message{kind: requestHeaders, request: preflight}, false, fixed.refusedPreflight.reply},
		{message{kind: requestHeaders, request: post}, false, fixed.refused.reply},
		{message{kind: requestHeaders, request: get}, false, fixed.forwarded.reply},
		{message{kind: requestHeaders}, false, fixed.forwarded.reply},
		{message{kind: responseHeaders}, false, fixed.stripped.reply},
		{message{kind: responseHeaders, attributes: asked}, false, fixed.refusedPreflight.reply},
		{message{kind: responseHeaders}, true, fixed.stripped.reply},
		{message{kind: responseHeaders, upstream: others}, true, fixed.refused.reply},
		{message{kind: requestBody}, false, &fixed.empty[requestBody]},
		{message{}, false, &fixed.empty[nothing]},
	} {
		if got := fixed.closed(&tt.m, tt.late); got.reply != tt.want || got.decision.Outcome != policy.Error {
			t.Errorf("kind %d, late %t: got %q, outcome %v", tt.m.kind, tt.late, got.reply.wire.Materialize(), got.decision.Outcome)
		}
	}
}
