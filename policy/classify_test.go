package policy

import "testing"

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name string
		req  Request
		want Kind
	}{
		{"rule 1: no Origin", Request{Method: "GET"}, NotCORS},
		{"rule 1: blank Origin", Request{Method: "POST", Origin: " \t"}, NotCORS},
		{"rule 2: preflight", Request{Method: "OPTIONS", Origin: page, RequestMethod: "PUT"}, Preflight},
		{"rule 2: a preflight of its own origin is still one", Request{Method: "OPTIONS", Scheme: "https", Authority: "app.acme.example", Origin: page, RequestMethod: "PUT"}, Preflight},
		{"rule 2: a preflight on an upgrade is still one", Request{Method: "OPTIONS", Origin: page, RequestMethod: "PUT", WebSocket: true}, Preflight},
		{"rule 2: blank requested method", Request{Method: "OPTIONS", Origin: page, RequestMethod: " "}, Actual},
		{"rule 3: OPTIONS without requested method", Request{Method: "OPTIONS", Origin: page}, Actual},
		{"rule 4: OPTIONS without Origin", Request{Method: "OPTIONS", RequestMethod: "PUT"}, NotCORS},
		{"rule 5: options is another method", Request{Method: "options", Origin: page, RequestMethod: "PUT"}, Actual},
		{"rule 6: GET", Request{Method: "GET", Origin: page}, Actual},
		{"rule 6: any method", Request{Method: "FROB", Origin: page, RequestMethod: "PUT"}, Actual},
		{"rule 7: own origin", Request{Method: "POST", Scheme: "https", Authority: "app.acme.example", Origin: page}, SameOrigin},
		{"rule 7: default port elided", Request{Method: "POST", Scheme: "https", Authority: "app.acme.example:443", Origin: page}, SameOrigin},
		{"rule 7: default port of http", Request{Method: "POST", Scheme: "http", Authority: "a.example:80", Origin: "http://a.example"}, SameOrigin},
		{"rule 7: authority in upper case", Request{Method: "POST", Scheme: "https", Authority: "App.Acme.Example", Origin: page}, SameOrigin},
		{"rule 7: own port", Request{Method: "POST", Scheme: "https", Authority: "a.example:8443", Origin: "https://a.example:8443"}, SameOrigin},
		{"rule 7: unknown scheme", Request{Method: "POST", Authority: "app.acme.example", Origin: page}, SameOrigin},
		{"rule 7: other scheme", Request{Method: "POST", Scheme: "http", Authority: "app.acme.example", Origin: page}, Actual},
		{"rule 7: other port", Request{Method: "POST", Scheme: "https", Authority: "app.acme.example:8443", Origin: page}, Actual},
		{"rule 7: the other scheme's default port", Request{Method: "POST", Authority: "a.example:443", Origin: "http://a.example"}, Actual},
		{"rule 7: an invalid origin is nobody's own", Request{Method: "POST", Scheme: "https", Authority: "a_b,c", Origin: "https://a_b,c"}, Actual},
		{"rule 7: an empty authority", Request{Method: "POST", Scheme: "https", Origin: "https://"}, Actual},
		{"rule 7: the Kelvin sign is no k", Request{Method: "POST", Scheme: "https", Authority: "\u212a.example", Origin: "https://k.example"}, Actual},
		{"rule 9: websocket", Request{Method: "GET", Origin: page, WebSocket: true}, WebSocket},
		{"rule 9: extended CONNECT", Request{Method: "CONNECT", Origin: page, WebSocket: true}, WebSocket},
		{"rule 10: CONNECT", Request{Method: "CONNECT", Origin: page}, Exempt},
		{"rule 10: TRACE", Request{Method: "TRACE", Origin: page}, Exempt},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Classify(&c.req); got != c.want {
				t.Errorf("kind %v, want %v", got, c.want)
			}
		})
	}
}

func TestDecideByKind(t *testing.T) {
	spec := Spec{Origins: []string{page}, Credentials: true}
	blocking := Spec{Origins: []string{page}, BlockDenied: true, EnforceWebSockets: true}
	own := Request{Method: "POST", Scheme: "https", Authority: "api.acme.example", Origin: "https://api.acme.example"}
	ownUnknown := own
	ownUnknown.Scheme = ""
	socket := func(origin, scheme string) Request {
		return Request{Method: "GET", Scheme: scheme, Authority: "api.acme.example", Origin: origin, WebSocket: true}
	}
	granted := headers{"access-control-allow-origin": page, "access-control-allow-credentials": "true", "vary": "Origin"}
	runExchanges(t, []exchange{
		{
			name: "rule 1: no Origin still gets Vary and loses the application's headers", spec: spec, req: Request{Method: "GET"}, app: leaky(),
			kind: NotCORS, outcome: Passthrough, reason: NoOrigin, want: vary1,
		},
		{
			name: "rule 3: OPTIONS without requested method is forwarded", spec: spec, req: Request{Method: "OPTIONS", Origin: page},
			kind: Actual, outcome: Allowed, reason: OriginListed, want: granted,
		},
		{
			name: "rule 7: same origin needs no grant", spec: spec, req: own, app: leaky(),
			kind: SameOrigin, outcome: Allowed, reason: OriginSame, want: vary1,
		},
		{
			name: "rule 7: same origin is never blocked", spec: blocking, req: ownUnknown,
			kind: SameOrigin, outcome: Passthrough, reason: OriginSame, want: vary1,
		},
		{
			name: "rule 7: with an unknown scheme the list grants", spec: Spec{Origins: []string{"https://api.acme.example"}}, req: ownUnknown,
			kind: SameOrigin, outcome: Allowed, reason: OriginListed,
			want: headers{"access-control-allow-origin": "https://api.acme.example", "vary": "Origin"},
		},
		{
			name: "rule 9: websockets are left alone", spec: spec, req: socket(stranger, "https"), app: headers{"x-a": "1"},
			kind: WebSocket, outcome: Passthrough, reason: WebSocketIgnored, want: headers{"x-a": "1"},
		},
		{
			name: "rule 9: an enforced websocket of a stranger", spec: blocking, req: socket(stranger, "https"),
			kind: WebSocket, outcome: Denied, reason: OriginNotListed, status: 403, want: vary1,
		},
		{
			name: "rule 9: an enforced websocket of a listed origin", spec: blocking, req: socket(page, "https"),
			kind: WebSocket, outcome: Allowed, reason: OriginListed, want: headers{},
		},
		{
			name: "rule 9: an enforced websocket of its own origin", spec: blocking, req: socket("https://api.acme.example", "https"),
			kind: WebSocket, outcome: Allowed, reason: OriginSame, want: headers{},
		},
		{
			name: "rule 9: an unknown scheme does not let a plain http page in", spec: blocking, req: socket("http://api.acme.example", ""),
			kind: WebSocket, outcome: Denied, reason: OriginNotListed, status: 403, want: vary1,
		},
		{
			name: "rule 9: no browser, no Origin", spec: blocking, req: socket("", "https"),
			kind: WebSocket, outcome: Passthrough, reason: NoOrigin, want: headers{},
		},
		{
			name: "rule 10: TRACE passes untouched", spec: blocking, req: Request{Method: "TRACE", Origin: stranger}, app: headers{"access-control-allow-origin": "*"},
			kind: Exempt, outcome: Passthrough, reason: MethodExempt, want: headers{"access-control-allow-origin": "*"},
		},
	})
}
