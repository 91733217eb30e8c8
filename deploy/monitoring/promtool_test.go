package monitoring_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
)

// run runs a program of Prometheus in this directory and gives what it said.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), harness.PrometheusProgram(t, program), args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return found
}

func TestPromtoolAcceptsRules(t *testing.T) {
	t.Parallel()
	run(t, "promtool", append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files(t, rulesDir+"/*.yaml")...)...)
}

func TestPromtoolRunsTheCases(t *testing.T) {
	t.Parallel()
	for _, file := range files(t, "prometheus/tests/*.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			run(t, "promtool", "test", "rules", file)
		})
	}
}

// Every alert fires in one case at least, and is silent in one at least in which its own metrics are there.
func TestEveryAlertHasBothCases(t *testing.T) {
	t.Parallel()
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, file := range files(t, "prometheus/tests/*.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var content struct {
			Tests []struct {
				Cases []struct {
					Alert string `yaml:"alertname"`
					Want  []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(text, &content); err != nil {
			t.Fatal(err)
		}
		for _, test := range content.Tests {
			for _, c := range test.Cases {
				if len(c.Want) > 0 {
					fires[c.Alert] = true
				} else {
					silent[c.Alert] = true
				}
			}
		}
	}
	known := map[string]bool{}
	for _, a := range alerts(t) {
		known[a.Alert] = true
		if !fires[a.Alert] || !silent[a.Alert] {
			t.Errorf("%s: a case that fires %t, one that is silent %t", a.Alert, fires[a.Alert], silent[a.Alert])
		}
	}
	for name := range silent {
		if !known[name] {
			t.Errorf("a case is silent for %s, which is no alert", name)
		}
	}
}
