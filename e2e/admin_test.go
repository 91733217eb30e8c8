package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// F43: connections to the admin address that are left alone, after a request or without one, take no descriptor that a
// connection of Envoy needs. The control without the mitigation is in internal/app: TestIdleAdminConnections.
func TestIdleAdminConnectionsLeaveEnvoyDescriptors(t *testing.T) {
	t.Parallel()
	const descriptors = 128 // for the whole process
	e := startBehind(t)
	pid := strconv.Itoa(e.processor.PID())
	if out, err := exec.CommandContext(t.Context(), "prlimit", "--pid", pid, fmt.Sprintf("--nofile=%d:%d", descriptors, descriptors)).CombinedOutput(); err != nil {
		t.Fatalf("limiting descriptors: %v: %s", err, out)
	}
	for range 2 * descriptors {
		conn := harness.Dial(t, e.processor.AdminAddr)
		if _, err := conn.Write(harness.Request("GET", "/healthz", "localhost")); err != nil {
			t.Fatal(err)
		}
		harness.Dial(t, e.processor.AdminAddr)
	}

	e.Envoy = startEnvoy(t, envoy.Metadata, e.app.Addr, nil, e.processor.Addr)
	got := e.ask(t, "OPTIONS", "/", preflight(listed, "PUT")...)
	if got.Status != 204 || got.Get("access-control-allow-origin") != listed {
		t.Errorf("preflight: status %d, %v", got.Status, got.CORS())
	}
	harness.Eventually(t, "a scrape", func() error {
		conn, err := harness.TryDial(e.processor.AdminAddr)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		r, err := conn.Do(harness.Request("GET", "/metrics", "localhost"))
		if err == nil && r.Status != 200 {
			err = fmt.Errorf("status %d", r.Status)
		}
		return err
	})
	open, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	if len(open) >= descriptors {
		t.Errorf("%d of %d descriptors are taken", len(open), descriptors)
	}
}
