package istio_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestIstioctlTakesTheGoldenFiles has Istio's own validation read what is shipped; a warning is a failure.
// Broken copies of the same files show that it looks.
func TestIstioctlTakesTheGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("../../deploy/istio/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d golden files (%v), want at least 4", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if out, ok := validate(t, text); !ok {
				t.Errorf("istioctl: %s", out)
			}
			for was, is := range map[string]string{
				"message_timeout:":          "mesage_timeout:", // deep in a filter
				"INSERT_FIRST":              "INSERT_FOREMOST",
				"no_traffic_interval:":      "no_traffic_intervals:", // in the cluster
				"consecutiveGatewayErrors:": "consecutiveGatewayError:",
			} {
				broken := bytes.ReplaceAll(text, []byte(was), []byte(is))
				if bytes.Equal(broken, text) {
					t.Errorf("no %s", was)
				}
				if _, ok := validate(t, broken); ok {
					t.Errorf("istioctl takes %s as well", is)
				}
			}
		})
	}
}

// always is what istioctl says of every EnvoyFilter, whatever is in it.
const always = "EnvoyFilter exposes internal implementation details that may change at any time."

// validate reports whether istioctl has nothing to say about a file, but for what it always says.
func validate(t *testing.T, text []byte) (string, bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	istioctl := os.Getenv("ISTIOCTL")
	if istioctl == "" {
		t.Fatal("ISTIOCTL is not set: run make test-istio")
	}
	out, err := exec.CommandContext(t.Context(), istioctl, "validate", "-f", path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(strings.TrimSpace(line), "*") && !strings.Contains(line, always) {
			return string(out), false
		}
	}
	return string(out), err == nil && strings.Contains(string(out), always)
}
