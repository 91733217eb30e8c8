package istio_test

import (
	"strconv"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
)

// TestVectors sends every vector through an Envoy that Istio configures, in each style and design.
func TestVectors(t *testing.T) {
	for i, group := range harness.Corpus(t) {
		tenants := harness.WriteTenants(t, group)
		for _, s := range everywhere(t) {
			for _, design := range []string{"c", "a"} {
				t.Run("group "+strconv.Itoa(i)+" "+s.name+" design "+design, func(t *testing.T) {
					l := install(t, s, design, tenants, "")
					t.Logf("%d cases", len(harness.SendVectors(t, l.addr, l.app, design, group)))
				})
			}
		}
	}
}
