package e2e_test

import (
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

const guarded = `
id: sockets
hosts: [ws.acme.example]
policy:
  origins: ["https://app.acme.example"]
  websockets: ENFORCE
`

// TestWebSocket: rule 9. A handshake passes and the connection works; under
// websockets: ENFORCE a foreign page's handshake is refused before the application.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	for _, design := range []envoy.Design{envoy.TwoCallbacks, envoy.Metadata} {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, design, nil)
			replaceFile(t, e.tenants, acme+"---"+guarded)
			e.awaitRefusal(t)
			for _, tc := range []struct {
				name, host, origin string
				status             int
			}{
				{"ignored", host, foreign, 101},
				{"allowed", "ws.acme.example", listed, 101},
				{"refused", "ws.acme.example", foreign, 403},
			} {
				conn := harness.Dial(t, e.Addr)
				got, err := conn.Do(handshake(tc.host, tc.origin))
				if err != nil || got.Status != tc.status {
					t.Errorf("%s: %v, %v; want status %d", tc.name, got, err, tc.status)
					continue
				}
				if tc.status != 101 {
					continue
				}
				if echo, err := conn.SendText("hello"); err != nil || echo != "hello" {
					t.Errorf("%s: the connection gave %q, %v", tc.name, echo, err)
				}
			}
		})
	}
}

// awaitRefusal waits until the second document is live.
func (e *edge) awaitRefusal(t *testing.T) {
	t.Helper()
	harness.Eventually(t, "the second document", func() error {
		got, err := harness.Dial(t, e.Addr).Do(handshake("ws.acme.example", foreign))
		if err != nil || got.Status != 403 {
			return errIncomplete
		}
		return nil
	})
}

func handshake(host, origin string, extra ...[2]string) []byte {
	return harness.Request("GET", "/", host, append([][2]string{
		{"connection", "Upgrade"},
		{"upgrade", "websocket"},
		{"sec-websocket-version", "13"},
		{"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
		{"origin", origin},
	}, extra...)...)
}
