package e2e_test

import (
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy/wire"
)

// The two logs can be joined only if the processor knows a request by Envoy's name of it, and no
// client may choose that name.
func TestProcessorKnowsTheRequestID(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			app := harness.StartApp(t)
			p := harness.StartScripted(t, "", obliging)
			e := harness.StartDesign(t, design, app.Addr, p.Addr)
			e.AwaitProcessors(t, 1)
			for method, path := range map[string]string{"OPTIONS": "/preflight", "GET": "/actual"} {
				harness.Exchange(t, e.Addr, harness.Request(method, path, host, [2]string{"Origin", listed},
					[2]string{"Access-Control-Request-Method", "PUT"}, [2]string{wire.HeaderRequestID, "forged"}))
				asked := p.Asked()
				if len(asked) == 0 {
					t.Fatalf("%s: the processor was not asked", method)
				}
				known := field(asked[0].GetRequestHeaders(), wire.HeaderRequestID)
				if known == "" {
					known = attribute(asked[0].ProcessingRequest, wire.AttrRequestID)
				}
				logged := e.AwaitLog(t, path).Text("request_id")
				if known == "" || known == "forged" || known != logged {
					t.Errorf("%s: the processor knows the request as %q, the access log has %q", method, known, logged)
				}
			}
		})
	}
}
