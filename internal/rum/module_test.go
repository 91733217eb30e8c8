package rum

import (
	"os"
	"os/exec"
	"testing"
)

// TestModule runs the tests of the JavaScript module, which have their own runner.
func TestModule(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CORSGATE_REQUIRE_NODE") != "" {
			t.Fatalf("%v, and CORSGATE_REQUIRE_NODE is set", err)
		}
		t.Skipf("%v (make tools installs it)", err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--test")
	cmd.Dir = "../../rum"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("node --test in rum/: %v\n%s", err, out)
	}
}
