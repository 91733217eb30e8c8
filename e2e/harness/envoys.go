package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// EnvoyBinary finds Envoy: $CORSGATE_ENVOY, else .tools/venv/bin/envoy below the module. The
// test is skipped when there is none, unless $CORSGATE_REQUIRE_ENVOY is set; then it fails.
func EnvoyBinary(tb testing.TB) string {
	tb.Helper()
	return findEnvoy(tb, "CORSGATE_ENVOY", "venv")
}

// EnvoyVersion is one of those that rendered configurations are for.
type EnvoyVersion struct {
	// Name is "current" or "oldest".
	Name string
	// Binary is the path of the program.
	Binary string
}

// EnvoyVersions are that of [EnvoyBinary] and the oldest that is supported, which is found by
// $CORSGATE_ENVOY_OLDEST, else in .tools/venv-oldest. What is true of the one is of the other.
func EnvoyVersions(tb testing.TB) []EnvoyVersion {
	tb.Helper()
	return []EnvoyVersion{
		{Name: "current", Binary: EnvoyBinary(tb)},
		{Name: "oldest", Binary: findEnvoy(tb, "CORSGATE_ENVOY_OLDEST", "venv-oldest")},
	}
}

func findEnvoy(tb testing.TB, variable, venv string) string {
	tb.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path = filepath.Join(RepoRoot(), ".tools", venv, "bin", "envoy")
	}
	if _, err := exec.LookPath(path); err == nil {
		return path
	}
	if os.Getenv("CORSGATE_REQUIRE_ENVOY") != "" {
		tb.Fatalf("no Envoy at %s, and CORSGATE_REQUIRE_ENVOY is set", path)
	}
	tb.Skipf("no Envoy at %s (make tools fetches it)", path)
	return ""
}
