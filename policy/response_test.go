package policy

import (
	"testing"
	"time"
)

func TestPreflightAnswers(t *testing.T) {
	base := Spec{Origins: []string{page}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"}, Credentials: true, MaxAge: new(10 * time.Minute)}
	granted := headers{
		"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-allow-methods": "PUT",
		"access-control-allow-headers": "x-a", "access-control-max-age": "600", "vary": varyPreflight,
	}
	change := func(f func(*Spec)) Spec {
		s := base
		f(&s)
		return s
	}
	asking := func(method, headers string) Request {
		r := preflightFrom(page)
		r.RequestMethod, r.RequestHeaders = method, headers
		return r
	}
	private := func(value string) Request {
		r := preflightFrom(page)
		r.PrivateNetwork = value
		return r
	}
	open := change(func(s *Spec) { s.Origins, s.Credentials = []string{"*"}, false })
	pna := change(func(s *Spec) { s.PrivateNetworkAccess = true })
	debug := change(func(s *Spec) { s.Preflight.DebugUntil = moment })
	runExchanges(t, []exchange{
		{
			name: "rule 48, 49, 54: everything configured", spec: base, req: preflightFrom(page), app: leaky(),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204, want: granted,
		},
		{
			name: "rule 52: 200 for old agents", spec: change(func(s *Spec) { s.Preflight.SuccessStatus = 200 }), req: preflightFrom(page),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 200, want: granted,
		},
		{
			name: "rule 53: the origin fails first", spec: base, req: Request{Method: "OPTIONS", Origin: stranger, RequestMethod: "TRACE", RequestHeaders: "x y"},
			kind: Preflight, outcome: Denied, reason: OriginNotListed, status: 403, want: vary3,
		},
		{
			name: "rule 53: the method fails before the headers", spec: base, req: asking("DELETE", "x y"),
			kind: Preflight, outcome: Denied, reason: MethodNotListed, status: 403, want: vary3,
		},
		{
			name: "rule 54: minimal disclosure", spec: change(func(s *Spec) { s.Preflight.Minimal = true }), req: asking("GET", ""),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204,
			want: headers{"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-allow-methods": "GET", "access-control-max-age": "600", "vary": varyPreflight},
		},
		{
			name: "rule 55: no CORS header on a failure", spec: base, req: asking("PUT", "x-b"),
			kind: Preflight, outcome: Denied, reason: HeadersNotListed, status: 403, want: vary3,
		},
		{
			name: "rule 55: 200 for Gateway API", spec: change(func(s *Spec) { s.Preflight.DeniedStatus = 200 }), req: asking("PUT", "x-b"),
			kind: Preflight, outcome: Denied, reason: HeadersNotListed, status: 200, want: vary3,
		},
		{
			name: "rule 56: a failing method in the debug window", spec: debug, req: asking("DELETE", "x-a"),
			kind: Preflight, outcome: Denied, reason: MethodNotListed, status: 204,
			want: headers{"access-control-allow-origin": page, "access-control-allow-credentials": "true", "vary": varyPreflight},
		},
		{
			name: "rule 56: a failing header in the debug window", spec: debug, req: asking("PUT", "x-b"),
			kind: Preflight, outcome: Denied, reason: HeadersNotListed, status: 204,
			want: headers{"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-allow-methods": "PUT", "vary": varyPreflight},
		},
		{
			name: "rule 56: never for a denied origin", spec: debug, req: preflightFrom(stranger),
			kind: Preflight, outcome: Denied, reason: OriginNotListed, status: 403, want: vary3,
		},
		{
			name: "rule 56: the window ends", spec: debug, req: Request{Method: "OPTIONS", Origin: page, RequestMethod: "DELETE", Now: moment.Unix()},
			kind: Preflight, outcome: Denied, reason: MethodNotListed, status: 403, want: vary3,
		},
		{
			name: "rule 57: 0 is sent", spec: change(func(s *Spec) { s.MaxAge = new(time.Duration(0)) }), req: preflightFrom(page),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204, want: with(granted, "access-control-max-age", "0"),
		},
		{
			name: "rule 57: unset sends none", spec: Spec{Origins: []string{page}}, req: asking("GET", ""),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204,
			want: headers{"access-control-allow-origin": page, "access-control-allow-methods": "GET, HEAD, POST", "vary": varyPreflight},
		},
		{
			name: "rule 58: exposed headers for Gateway API", spec: change(func(s *Spec) { s.ExposeHeaders, s.Preflight.ExposeHeaders = []string{"x-id"}, true }), req: preflightFrom(page),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204, want: with(granted, "access-control-expose-headers", "x-id"),
		},
		{
			name: "rule 58: not otherwise", spec: change(func(s *Spec) { s.ExposeHeaders = []string{"x-id"} }), req: preflightFrom(page),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204, want: granted,
		},
		{
			name: "rule 45, 60: a public preflight says * and still varies by what was asked", spec: open, req: preflightFrom("null"),
			kind: Preflight, outcome: Allowed, reason: OriginPublic, status: 204,
			want: headers{"access-control-allow-origin": "*", "access-control-allow-methods": "PUT", "access-control-allow-headers": "x-a", "access-control-max-age": "600", "vary": varyPreflight},
		},
		{
			name: "rule 61: private network access, opted in", spec: pna, req: private("true"),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204,
			want: with(granted, "access-control-allow-private-network", "true", "vary", varyPreflightPrivate),
		},
		{
			name: "rule 61: not asked for", spec: pna, req: private("True"),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204, want: with(granted, "vary", varyPreflightPrivate),
		},
		{
			name: "rule 60, 61: a stranger", spec: pna, req: Request{Method: "OPTIONS", Origin: stranger, RequestMethod: "PUT", PrivateNetwork: "true"},
			kind: Preflight, outcome: Denied, reason: OriginNotListed, status: 403, want: headers{"vary": varyPreflightPrivate},
		},
		{
			name: "rule 61: off by default", spec: base, req: private("true"),
			kind: Preflight, outcome: Allowed, reason: OriginListed, status: 204, want: granted,
		},
	})
}

func TestActualAnswers(t *testing.T) {
	base := Spec{Origins: []string{page}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"}, ExposeHeaders: []string{"X-ID"}, Credentials: true, MaxAge: new(time.Minute)}
	open := Spec{Origins: []string{"*"}, ExposeHeaders: []string{"x-id"}, Methods: []string{"PUT"}}
	granted := headers{"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-expose-headers": "x-id", "vary": "Origin"}
	public := headers{"access-control-allow-origin": "*", "access-control-expose-headers": "x-id"}
	timing, openTiming, blocking, danger := base, open, base, base
	timing.TimingAllowOrigin, openTiming.TimingAllowOrigin = true, true
	blocking.BlockDenied = true
	danger.Origins, danger.Dangerously.AnyOriginWithCredentials = []string{"*"}, true
	post := Request{Method: "POST", Origin: stranger}
	runExchanges(t, []exchange{
		{
			name: "rule 45: everybody gets *, without Vary", spec: open, req: actualFrom(stranger), app: leaky(),
			kind: Actual, outcome: Allowed, reason: OriginPublic, want: public,
		},
		{
			name: "rule 45: without Origin too", spec: open, req: Request{Method: "HEAD"}, app: headers{"vary": "Accept"},
			kind: NotCORS, outcome: Passthrough, reason: NoOrigin, want: with(public, "vary", "Accept"),
		},
		{
			name: "rule 45: for the own origin too", spec: open, req: actualFrom("https://api.acme.example"),
			kind: SameOrigin, outcome: Allowed, reason: OriginSame, want: public,
		},
		{
			name: "rule 45, 20: null too", spec: open, req: actualFrom("null"),
			kind: Actual, outcome: Allowed, reason: OriginPublic, want: public,
		},
		{
			name: "rule 12, 64: but not what no browser sends, and that varies", spec: open, req: actualFrom(stranger + "/"), app: leaky(),
			kind: Actual, outcome: Denied, reason: OriginMalformed, want: vary1,
		},
		{
			name: "rule 46: * with credentials by a lifted refusal echoes and varies", spec: danger, req: actualFrom(stranger),
			kind: Actual, outcome: Allowed, reason: OriginPattern, want: with(granted, "access-control-allow-origin", stranger),
		},
		{
			name: "rule 20, 46: but never null", spec: danger, req: actualFrom("null"),
			kind: Actual, outcome: Denied, reason: OriginNull, want: vary1,
		},
		{
			name: "rule 48, 49, 62: a grant replaces all that the application says", spec: base, req: actualFrom(page), app: leaky(),
			kind: Actual, outcome: Allowed, reason: OriginListed, want: granted,
		},
		{
			name: "rule 49: no credentials, no header", spec: Spec{Origins: []string{page}}, req: actualFrom(page), app: leaky(),
			kind: Actual, outcome: Allowed, reason: OriginListed, want: headers{"access-control-allow-origin": page, "vary": "Origin"},
		},
		{
			name: "rule 63: a denial lets nothing out", spec: base, req: actualFrom(stranger), app: with(leaky(), "vary", "Accept"),
			kind: Actual, outcome: Denied, reason: OriginNotListed, want: headers{"vary": "Accept, Origin"},
		},
		{
			name: "rule 63: blocking an unsafe method", spec: blocking, req: post,
			kind: Actual, outcome: Denied, reason: OriginNotListed, status: 403, want: vary1,
		},
		{
			name: "rule 63: a safe method is only hidden", spec: blocking, req: actualFrom(stranger), app: leaky(),
			kind: Actual, outcome: Denied, reason: OriginNotListed, want: vary1,
		},
		{
			name: "rule 63: blocking lets listed origins through", spec: blocking, req: Request{Method: "POST", Origin: page},
			kind: Actual, outcome: Allowed, reason: OriginListed, want: granted,
		},
		{
			name: "rule 63: without blocking an unsafe method is only hidden", spec: base, req: post,
			kind: Actual, outcome: Denied, reason: OriginNotListed, want: vary1,
		},
		{
			name: "rule 70: HEAD is like GET", spec: base, req: Request{Method: "HEAD", Origin: page},
			kind: Actual, outcome: Allowed, reason: OriginListed, want: granted,
		},
		{
			name: "rule 71: timing for a listed origin", spec: timing, req: actualFrom(page),
			kind: Actual, outcome: Allowed, reason: OriginListed, want: with(granted, "timing-allow-origin", page),
		},
		{
			name: "rule 71: timing for everybody", spec: openTiming, req: Request{Method: "GET"},
			kind: NotCORS, outcome: Passthrough, reason: NoOrigin, want: with(public, "timing-allow-origin", "*"),
		},
		{
			name: "rule 71: no timing for a stranger", spec: timing, req: actualFrom(stranger), app: headers{"timing-allow-origin": "*"},
			kind: Actual, outcome: Denied, reason: OriginNotListed, want: vary1,
		},
		{
			name: "rule 71: without the option it is the application's", spec: base, req: actualFrom(stranger), app: headers{"timing-allow-origin": "*"},
			kind: Actual, outcome: Denied, reason: OriginNotListed, want: with(vary1, "timing-allow-origin", "*"),
		},
	})
}

func TestExposedHeaders(t *testing.T) {
	star, named := []string{"*"}, []string{"x-id", "*"}
	app := headers{"x-b": "1", "x-a": "1", "set-cookie": "c", "content-type": "t", "access-control-max-age": "1", "not a name": "1"}
	for _, c := range []struct {
		name   string
		expose []string
		cred   bool
		app    headers
		want   string
	}{
		{"rule 66: * without credentials", star, false, app, "*"},
		{"rule 66: * with credentials lists what is there", star, true, app, "x-a, x-b"},
		{"rule 66: * with credentials, nothing worth a name", star, true, headers{"pragma": "x"}, ""},
		{"rule 66: * with credentials, names unknown", star, true, nil, ""},
		{"rule 66: names beside *, names unknown", named, true, nil, "x-id"},
		{"rule 70: what gRPC-Web reads", []string{"grpc-status", "grpc-message", "grpc-status-details-bin"}, true, nil, "grpc-status, grpc-message, grpc-status-details-bin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := actualFrom(page)
			d := mustCompile(t, Spec{Origins: []string{page}, ExposeHeaders: c.expose, Credentials: c.cred}).Decide(&r)
			if _, got := answer(&d, c.app); got["access-control-expose-headers"] != c.want {
				t.Errorf("exposed %q, want %q", got["access-control-expose-headers"], c.want)
			}
		})
	}
}
