package gateway_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy/gateway"
)

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

var update = flag.Bool("update", false, "write the golden files")

func forms() []gateway.Form { return []gateway.Form{gateway.Policies, gateway.Patch} }

// program finds one of Envoy Gateway's. The test is skipped when there is none, unless
// $CORSGATE_REQUIRE_ENVOY_GATEWAY is set; then it fails.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(harness.RepoRoot(), ".tools", "bin", name)
	if _, err := exec.LookPath(path); err == nil {
		return path
	}
	if os.Getenv("CORSGATE_REQUIRE_ENVOY_GATEWAY") != "" {
		t.Fatalf("no %s, and CORSGATE_REQUIRE_ENVOY_GATEWAY is set", path)
	}
	t.Skipf("no %s (make test-envoy-gateway builds it)", path)
	return ""
}

// TestInput compares what was translated with what is rendered now: a translation of something
// else proves nothing.
func TestInput(t *testing.T) {
	t.Parallel()
	for _, form := range forms() {
		got := stream(t, resources(t, form, appAddress, processorAddress, gateway.DefaultOptions(form).MessageTimeout))
		golden(t, string(form)+".input.yaml", got)
	}
}

// TestTranslation has egctl translate it: every resource has to be accepted, and what Envoy is
// told has to be what the default tests run.
func TestTranslation(t *testing.T) {
	t.Parallel()
	for _, form := range forms() {
		list := resources(t, form, appAddress, processorAddress, gateway.DefaultOptions(form).MessageTimeout)
		statuses(t, string(form), translate(t, list, "gateway-api"))
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, translate(t, list, "xds"), "", " "); err != nil {
			t.Fatal(err)
		}
		golden(t, string(form)+".xds.json", append(pretty.Bytes(), '\n'))
	}
}

// translate has egctl make of resources what Envoy is told ("xds"), or say what it thinks of them
// ("gateway-api"), in JSON.
func translate(t *testing.T, resources []document, to string) []byte {
	t.Helper()
	input := filepath.Join(t.TempDir(), "input.yaml")
	if err := os.WriteFile(input, stream(t, resources), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program(t, "egctl"), "x", "translate", "--from", "gateway-api", "--to", to, "-f", input, "-o", "json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("egctl: %v\n%s%s", err, out, stderr.Bytes())
	}
	return out
}

// statuses fails for every condition that is not True.
func statuses(t *testing.T, form string, text []byte) {
	t.Helper()
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	n := 0
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["reason"] != nil && v["type"] != nil {
				n++
				if v["status"] != "True" {
					t.Errorf("%s: %s: %v is %v: %v", form, at, v["type"], v["status"], v["message"])
				}
			}
			for k, inner := range v {
				walk(at+"/"+k, inner)
			}
		case []any:
			for _, inner := range v {
				walk(at, inner)
			}
		}
	}
	walk("", tree)
	if n < 5 {
		t.Errorf("%s: only %d conditions were seen", form, n)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := testdata(name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not current: make test-envoy-gateway UPDATE=1 writes it (-file +now):\n%s", name, diff)
	}
}
