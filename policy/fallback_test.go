package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFallbacks(t *testing.T) {
	pre, actual, none := preflightFrom(page), actualFrom(page), Request{Method: "GET"}
	own := actualFrom("https://api.acme.example")
	socket := Request{Method: "GET", Scheme: "https", Authority: "api.acme.example", Origin: page, WebSocket: true}
	post, ownPost, ownSocket, bareSocket := actual, own, socket, socket
	post.Method, ownPost.Method = "POST", "POST"
	ownSocket.Origin, bareSocket.Origin = own.Origin, ""
	uncached := with(vary1, "cache-control", "no-store")
	connect := Request{Method: "CONNECT", Origin: page}
	unknown := func(u UnknownTenant) func(*Request) Decision {
		return func(r *Request) Decision { return DecideUnknown(r, u) }
	}
	failing := func(why Reason) func(*Request) Decision {
		return func(r *Request) Decision { return DecideError(r, why) }
	}
	unseen := func(*Request) Decision { return DecideUnseen() }
	for _, c := range []struct {
		name    string
		decide  func(*Request) Decision
		req     Request
		kind    Kind
		outcome Outcome
		reason  Reason
		status  int
		want    headers
	}{
		{"rule 8, 69: unseen request", unseen, Request{}, Unseen, Passthrough, RequestUnseen, 0, with(leaky(), "vary", "Origin")},
		{"mode OFF: preflight", DecideOff, pre, Preflight, Passthrough, TenantOff, 0, leaky()},
		{"mode OFF: actual", DecideOff, actual, Actual, Passthrough, TenantOff, 0, leaky()},
		{"rule 28: refuse preflight", unknown(UnknownRefuse), pre, Preflight, Denied, TenantUnknown, 403, vary3},
		{"rule 28: refuse leaves actual", unknown(UnknownRefuse), actual, Actual, Passthrough, TenantUnknown, 0, leaky()},
		{"rule 28: refuse leaves others", unknown(UnknownRefuse), none, NotCORS, Passthrough, TenantUnknown, 0, leaky()},
		{"rule 28: strip preflight", unknown(UnknownStrip), pre, Preflight, Denied, TenantUnknown, 403, vary3},
		{"rule 28: strip actual", unknown(UnknownStrip), actual, Actual, Denied, TenantUnknown, 0, vary1},
		{"rule 28: strip same origin", unknown(UnknownStrip), own, SameOrigin, Passthrough, TenantUnknown, 0, vary1},
		{"rule 28: strip no Origin", unknown(UnknownStrip), none, NotCORS, Passthrough, TenantUnknown, 0, vary1},
		{"rule 28: forward", unknown(UnknownForward), pre, Preflight, Passthrough, TenantForwarded, 0, leaky()},
		{"rule 26: ambiguous preflight", DecideAmbiguous, pre, Preflight, Denied, TenantAmbiguous, 403, vary3},
		{"rule 27a: ambiguous path, preflight", DecidePathAmbiguous, pre, Preflight, Denied, PathAmbiguous, 403, vary3},
		{"rule 27a: ambiguous path, actual", DecidePathAmbiguous, actual, Actual, Denied, PathAmbiguous, 0, vary1},
		{"rules 27a, 63: ambiguous path, POST", DecidePathAmbiguous, post, Actual, Denied, PathAmbiguous, 403, vary1},
		{"rules 27a, 9: ambiguous path, websocket", DecidePathAmbiguous, socket, WebSocket, Denied, PathAmbiguous, 403, vary1},
		{"rules 27a, 7: ambiguous path, own websocket", DecidePathAmbiguous, ownSocket, WebSocket, Passthrough, PathAmbiguous, 0, leaky()},
		{"rule 26: ambiguous actual", DecideAmbiguous, actual, Actual, Denied, TenantAmbiguous, 0, vary1},
		{"rules 26, 63: ambiguous POST", DecideAmbiguous, post, Actual, Denied, TenantAmbiguous, 403, vary1},
		{"rules 26, 9: ambiguous websocket", DecideAmbiguous, socket, WebSocket, Denied, TenantAmbiguous, 403, vary1},
		{"rules 26, 7: ambiguous, own POST", DecideAmbiguous, ownPost, SameOrigin, Passthrough, TenantAmbiguous, 0, vary1},
		{"rules 28, 63: nobody's POST", unknown(UnknownStrip), post, Actual, Denied, TenantUnknown, 0, vary1},
		{"rules 28, 9: nobody's websocket", unknown(UnknownStrip), socket, WebSocket, Passthrough, TenantUnknown, 0, leaky()},
		{"rule 76: preflight", failing(StoreUnavailable), pre, Preflight, Error, StoreUnavailable, 503, with(vary3, "cache-control", "no-store")},
		{"rule 76: actual", failing(StoreUnavailable), actual, Actual, Error, StoreUnavailable, 0, uncached},
		{"rule 76: same origin", failing(Overload), own, SameOrigin, Error, Overload, 0, uncached},
		{"rule 76: no Origin", failing(Panic), none, NotCORS, Error, Panic, 0, uncached},
		{"rule 74: unreadable", failing(PolicyUnreadable), pre, Preflight, Error, PolicyUnreadable, 503, with(vary3, "cache-control", "no-store")},
		{"rule 26a: nobody's host, preflight", failing(HostConflict), pre, Preflight, Error, HostConflict, 503, with(vary3, "cache-control", "no-store")},
		{"rule 26a: nobody's host, actual", failing(HostConflict), actual, Actual, Error, HostConflict, 0, uncached},
		{"rules 26a, 63: nobody's host, POST", failing(HostConflict), post, Actual, Error, HostConflict, 503, uncached},
		{"rules 26a, 7: nobody's host, same origin", failing(HostConflict), own, SameOrigin, Error, HostConflict, 0, uncached},
		{"rule 76: a reason that is no failure", failing(OriginListed), actual, Actual, Error, Panic, 0, uncached},
		{"rules 76, 63: POST", failing(StoreUnavailable), post, Actual, Error, StoreUnavailable, 503, uncached},
		{"rules 76, 7: own POST", failing(Overload), ownPost, SameOrigin, Error, Overload, 0, uncached},
		{"rules 76, 9: websocket", failing(Panic), socket, WebSocket, Error, Panic, 503, uncached},
		{"rules 76, 9: own websocket", failing(Panic), ownSocket, WebSocket, Error, Panic, 0, leaky()},
		{"rules 76, 9: websocket without Origin", failing(Panic), bareSocket, WebSocket, Error, Panic, 0, leaky()},
		{"rule 10: CONNECT passes", failing(Panic), connect, Exempt, Passthrough, MethodExempt, 0, leaky()},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.decide(&c.req)
			if d.Kind != c.kind || d.Outcome != c.outcome || d.Reason != c.reason || d.OriginIndex != -1 {
				t.Errorf("decided %v %v %v of entry %d", d.Kind, d.Outcome, d.Reason, d.OriginIndex)
			}
			status, got := answer(&d, leaky())
			if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
				t.Errorf("status %d, want %d; headers (-want +got):\n%s", status, c.status, diff)
			}
		})
	}
}

func TestZeroDecisionTouchesNothing(t *testing.T) {
	var d Decision
	status, got := answer(&d, leaky())
	if diff := cmp.Diff(leaky(), got); diff != "" || status != 0 {
		t.Errorf("status %d, headers (-want +got):\n%s", status, diff)
	}
}

func TestZeroPolicyAllowsNobody(t *testing.T) {
	var p Policy
	for _, o := range []string{page, "null", "*", ""} {
		r := actualFrom(o)
		d := p.Decide(&r)
		if _, got := answer(&d, leaky()); len(cors(got)) > 0 {
			t.Errorf("%q: %v", o, got)
		}
	}
}

func TestShadow(t *testing.T) {
	p := mustCompile(t, Spec{Origins: []string{page}, BlockDenied: true})
	for _, r := range []Request{preflightFrom(page), preflightFrom(stranger), actualFrom(page), actualFrom(stranger), {Method: "POST", Origin: stranger}} {
		d := p.Decide(&r)
		s := d.Shadow()
		if s.Kind != d.Kind || s.Outcome != d.Outcome || s.Reason != d.Reason || s.OriginIndex != d.OriginIndex {
			t.Errorf("telemetry changed: %+v, %+v", d, s)
		}
		status, got := answer(&s, leaky())
		if diff := cmp.Diff(leaky(), got); s.Answered() || status != 0 || diff != "" {
			t.Errorf("%+v acts: status %d\n%s", r, status, diff)
		}
	}
}
