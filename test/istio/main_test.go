package istio_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
)

func TestMain(m *testing.M) {
	// Filters that only Istio's build of Envoy has. Istio reads these when the program starts.
	for _, name := range []string{"PILOT_ENABLE_METADATA_EXCHANGE", "PILOT_ENABLE_ALPN_FILTER"} {
		if os.Getenv(name) != "false" {
			fmt.Fprintf(os.Stderr, "%s has to be false: run make test-istio\n", name)
			os.Exit(2)
		}
	}
	os.Exit(harness.Run(m))
}
