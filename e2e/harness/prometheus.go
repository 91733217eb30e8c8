package harness

import (
	"os"
	"os/exec"
	"testing"
)

// PrometheusProgram finds a program of Prometheus or of its Alertmanager on the PATH: prometheus,
// promtool, prometheus-alertmanager, amtool. The test is skipped when there is none, unless
// $CORSGATE_REQUIRE_PROMETHEUS is set; then it fails.
func PrometheusProgram(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CORSGATE_REQUIRE_PROMETHEUS") != "" {
		tb.Fatalf("%v, and CORSGATE_REQUIRE_PROMETHEUS is set", err)
	}
	tb.Skipf("%v (make tools installs it)", err)
	return ""
}
