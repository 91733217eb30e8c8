package e2e_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// TestHostileRequests: whatever a client sends, the answer is closed, of the right shape, and
// names its reason; and the processor is asked, not broken.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, design, nil)
			for i, tc := range hostilePreflights() {
				id := [2]string{"x-e2e-id", tc.name}
				path := "/hostile/" + string(rune('a'+i))
				got := e.ask(t, "OPTIONS", path, append(tc.headers, id)...)
				want := map[string]string{"vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
				if diff := cmp.Diff(want, got.CORS()); got.Status != 403 || diff != "" {
					t.Errorf("%s: status %d, headers (-want +got):\n%s", tc.name, got.Status, diff)
				}
				if reason := e.AwaitLog(t, path).Text("cors_reason"); reason != tc.reason {
					t.Errorf("%s: reason %q, want %q", tc.name, reason, tc.reason)
				}
			}
			if n := e.app.Total(); n != 0 {
				t.Errorf("%d hostile preflights reached the application", n)
			}
			for _, call := range calls() {
				if c := e.Calls(t, call); c.Failed+c.Timeouts > 0 {
					t.Errorf("the processor failed: %+v", c)
				}
			}
		})
	}
}

type hostile struct {
	name, reason string
	headers      [][2]string
}

func hostilePreflights() []hostile {
	with := func(extra ...[2]string) [][2]string { return append(preflight(listed, "PUT"), extra...) }
	asked := func(names string) [2]string { return [2]string{"access-control-request-headers", names} }
	return []hostile{
		{"rule 43: 50 KB of commas", "headers_oversize", with(asked(strings.Repeat(",", 50_000)))},
		{"rule 43: 50 KB of names", "headers_oversize", with(asked(strings.Repeat("x-a,", 12_500)))},
		{"rule 43: a name that is no token", "headers_malformed", with(asked("x a"))},
		{"rule 13: an Origin of 9 KB", "origin_malformed", preflight("https://"+strings.Repeat("a", 9_000)+".example", "PUT")},
		{"rule 16: bytes above 0x7F", "origin_malformed", preflight("https://\xe9vil.example", "PUT")},
		{"rule 11: two Origins in one line", "origin_multiple", preflight(listed+","+listed, "PUT")},
		{"rule 11: two Origin lines", "origin_multiple", append(preflight(listed, "PUT"), [2]string{"origin", listed})},
		{"rule 39: two methods", "method_malformed", append(preflight(listed, "PUT"), [2]string{"access-control-request-method", "GET"})},
		{"rule 12: userinfo", "origin_malformed", preflight("https://app.acme.example@evil.example", "PUT")},
		{"rule 20: null", "origin_null", preflight("null", "PUT")},
		{"rule 14: upper case", "origin_malformed", preflight("https://APP.acme.example", "PUT")},
	}
}

// TestMalformedAuthority: rule 26. An authority that names no single host has no tenant, and
// nothing is granted for it.
func TestMalformedAuthority(t *testing.T) {
	t.Parallel()
	e := startEdge(t, envoy.Metadata, nil)
	for _, tc := range []struct {
		name, authority string
		granted         bool
	}{
		{"upper case and port are not part of a host", "API.Acme.Example:8443", true},
		{"one trailing dot", "api.acme.example.", true},
		{"two trailing dots", "api.acme.example..", false},
		{"another host", "api.acme.example.evil.example", false},
		{"a port that is none", "api.acme.example:99999", false},
		{"userinfo", "api.acme.example@evil.example", false},
		{"two hosts in one", "api.acme.example,evil.example", false},
	} {
		got, err := harness.Dial(t, e.Addr).Do(harness.Request("GET", "/", tc.authority, [2]string{"origin", listed}))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if granted := got.Get("access-control-allow-origin") != ""; granted != tc.granted {
			t.Errorf("%s: granted is %t; status %d, %v", tc.name, granted, got.Status, got.CORS())
		}
	}
}

// TestUnparsable: what Envoy refuses before its filters keeps Envoy's answer and costs no call.
func TestUnparsable(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, design, nil)
			for name, bytes := range map[string]string{
				"no request line": "nonsense\r\n\r\n",
				"NUL in a header": "GET / HTTP/1.1\r\nHost: " + host + "\r\nOrigin: https://a\x00b\r\n\r\n",
				"60 KB of header": "GET / HTTP/1.1\r\nHost: " + host + "\r\nX: " + strings.Repeat("a", 100_000) + "\r\n\r\n",
			} {
				got, err := harness.Dial(t, e.Addr).Do([]byte(bytes))
				switch {
				case errors.Is(err, harness.ErrNoReply):
					t.Errorf("%s: the client got no reply at all", name)
				case err != nil:
					t.Errorf("%s: %v", name, err)
				case got.Status != 400 && got.Status != 431:
					t.Errorf("%s: status %d, want 400 or 431", name, got.Status)
				}
			}
			for _, call := range calls() {
				if c := e.Calls(t, call); c.Streams != 0 {
					t.Errorf("%d streams were opened for %s", c.Streams, call)
				}
			}
		})
	}
}
