package gateway_test

import (
	"strconv"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/gateway"
)

// TestTranslated runs what Envoy Gateway makes of the rendered resources in the real Envoys.
func TestTranslated(t *testing.T) {
	t.Parallel()
	for _, version := range harness.EnvoyVersions(t) {
		for _, form := range forms() {
			t.Run(version.Name+" "+string(form), func(t *testing.T) {
				for i, group := range corpus(t, form) {
					t.Run(strconv.Itoa(i), func(t *testing.T) {
						processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenants(t, group)})
						e := startStatic(t, version.Binary, form, processor.Addr, harness.PatientTimeout)
						e.await(t)
						harness.SendVectors(t, e.addr, e.app, "c", group)
						if i > 0 {
							return
						}
						e.decided(t)
						e.inOrder(t, form)
						startStatic(t, version.Binary, form, processor.Addr, gateway.DefaultOptions(form).MessageTimeout).lint(t, "warning")
						processor.Stop()
						e.undecided(t)
					})
				}
			})
		}
	}
}

func startStatic(t *testing.T, binary string, form gateway.Form, processor string, timeout time.Duration) *edge {
	t.Helper()
	app := harness.StartApp(t)
	run := harness.StartEnvoy(t, harness.EnvoyOptions{
		Binary: binary, Config: envoy.DefaultOptions(envoy.Metadata),
		Edit: func(b *bootstrapv3.Bootstrap) { b.StaticResources = static(t, form, app.Addr, processor, timeout) },
	})
	return &edge{addr: run.Addr, admin: run.Admin, app: app}
}
