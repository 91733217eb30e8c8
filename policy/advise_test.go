package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAdvise(t *testing.T) {
	temporary := func(origin string) []TemporaryOrigin {
		return []TemporaryOrigin{{Origin: origin, ExpiresAt: moment}}
	}
	for _, c := range []struct {
		name string
		spec Spec
		want []string
	}{
		{"an entry of the apex covers nothing below it", Spec{Origins: []string{"https://a.example:*", "https://*.a.example"}}, []string{"origins[1] wildcard_origin"}},
		{"nothing risky", Spec{Origins: []string{page, "http://localhost:*"}, Methods: []string{"PUT"}, RequestHeaders: []string{"*", "authorization"}, Credentials: true, MaxAge: new(2 * time.Hour)}, nil},
		{"rule 45: everybody", Spec{Origins: []string{"*"}}, []string{"origins[0] any_origin"}},
		{"rule 35: every host", Spec{Origins: []string{"https://*"}}, []string{"origins[0] any_origin"}},
		{"rule 47: http", Spec{Origins: []string{"http://a.example"}}, []string{"origins[0] insecure_origin"}},
		{"rule 31: wildcard", Spec{Origins: []string{"https://*.a.example"}}, []string{"origins[0] wildcard_origin"}},
		{"rule 46: public suffix", Spec{Origins: []string{"https://*.co.uk"}}, []string{"origins[0] public_suffix"}},
		{"rule 36: duplicate", Spec{Origins: []string{page, page}}, []string{"origins[1] duplicate"}},
		{"rule 36: subsumed by *", Spec{Origins: []string{page, "*"}}, []string{"origins[0] subsumed", "origins[1] any_origin"}},
		{"rule 36: subsumed by a wildcard", Spec{Origins: []string{"https://a.b.example", "https://*.b.example"}}, []string{"origins[0] subsumed", "origins[1] wildcard_origin"}},
		{"rule 36: a wildcard below a wildcard", Spec{Origins: []string{"https://*.b.example", "https://*.a.b.example"}}, []string{"origins[0] wildcard_origin", "origins[1] wildcard_origin", "origins[1] subsumed"}},
		{"rule 36: another port is not subsumed", Spec{Origins: []string{"https://*.b.example", "https://a.b.example:8443"}}, []string{"origins[0] wildcard_origin"}},
		{"rule 36: any port is not subsumed by one", Spec{Origins: []string{"https://*.b.example", "https://*.a.b.example:*"}}, []string{"origins[0] wildcard_origin", "origins[1] wildcard_origin"}},
		{"rule 36: a port under any port", Spec{Origins: []string{"http://localhost:*", "http://localhost:3000"}}, []string{"origins[1] subsumed"}},
		{"rule 36: the apex is not subsumed", Spec{Origins: []string{"https://*.b.example", "https://b.example"}}, []string{"origins[0] wildcard_origin"}},
		{"a temporary entry that never ends", Spec{Origins: []string{page}, TemporaryOrigins: temporary(page)}, []string{"temporary_origins[0].origin duplicate"}},
		{"rule 37: case", Spec{Methods: []string{"patch"}}, []string{"methods[0] method_case"}},
		{"rule 40: names beside *", Spec{Methods: []string{"*", "PUT"}, RequestHeaders: []string{"x-a", "*"}, ExposeHeaders: []string{"*", "x-b"}}, []string{"methods[1] subsumed", "request_headers[0] subsumed", "expose_headers[1] subsumed"}},
		{"methods twice", Spec{Methods: []string{"put", "PUT"}}, []string{"methods[1] duplicate"}},
		{"header names twice", Spec{RequestHeaders: []string{"x-a", "X-A"}}, []string{"request_headers[1] duplicate"}},
		{"a header that no script sets", Spec{RequestHeaders: []string{"Cookie", "sec-fetch-site"}}, []string{"request_headers[0] header_forbidden", "request_headers[1] header_forbidden"}},
		{"rule 66: expose all with credentials", Spec{ExposeHeaders: []string{"*"}, Credentials: true}, []string{"expose_headers expose_all"}},
		{"rule 57: above Chromium's cap", Spec{MaxAge: new(7201 * time.Second)}, []string{"max_age max_age_capped"}},
		{"rule 72: fill", Spec{UpstreamHeaders: Fill}, []string{"upstream_headers upstream_headers"}},
		{"rule 72: passthrough", Spec{UpstreamHeaders: Passthru}, []string{"upstream_headers upstream_headers"}},
		{"rule 56: debug window", Spec{Preflight: PreflightSpec{DebugUntil: moment}}, []string{"preflight.debug_until debug_window"}},
		{"rule 61: private networks", Spec{PrivateNetworkAccess: true}, []string{"private_network_access private_network"}},
		{"rule 46: lifted refusals", Spec{Dangerously: Dangers{PublicSuffixWildcards: true}}, []string{"dangerously_allow dangerous"}},
		{"what compile refuses is left to it", Spec{Origins: []string{"https://a.example/", "null"}, Methods: []string{"a b"}, MaxAge: new(-time.Second)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, w := range Advise(c.spec) {
				got = append(got, w.Path+" "+string(w.Code))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
