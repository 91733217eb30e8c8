package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/envoy/lint/linttest"
	"github.com/corsgate/corsgate/internal/sarif/sariftest"
)

// TestSARIFOfLintEnvoy holds the logs of all examples against the schema of the standard, in one: it
// takes its time to load.
func TestSARIFOfLintEnvoy(t *testing.T) {
	t.Parallel()
	examples, err := linttest.Examples()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	results := 0
	for i, x := range examples {
		path := filepath.Join(dir, strconv.Itoa(i)+" x.json")
		if err := os.WriteFile(path, x.Text, 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"lint-envoy", path, "-o", "sarif", "--notes", "--fail-on", string(x.Rule)}, surroundings{stdout: &stdout, stderr: &stderr})
		if code != exitFailed || stderr.Len() > 0 {
			t.Errorf("%s: exit code %d, %s", x.Name, code, stderr.String())
		}
		results += strings.Count(stdout.String(), `"ruleId": "`+string(x.Rule)+`"`)
		if i%10 > 0 {
			continue
		}
		if err := sariftest.Valid(t, stdout.String()); err != nil {
			t.Errorf("%s: %v\n%s", x.Name, err, stdout.String())
		}
	}
	if results < len(examples) {
		t.Errorf("%d results of %d examples", results, len(examples))
	}
}

func TestLintEnvoyCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(linttest.Dump("", `{"name": "a\u001b[2J\u202e", "error_state": {"details": "b\r\n\u001b[31m"}}`), `"name":"edge"`, `"name":"\u001b[2J"`)
	var stdout bytes.Buffer
	run(t.Context(), []string{"lint-envoy", "-"}, surroundings{stdin: strings.NewReader(text), stdout: &stdout, stderr: &stdout})
	if !strings.Contains(stdout.String(), "update-refused") || strings.ContainsAny(stdout.String(), "\x1b\r\u202e") {
		t.Errorf("control characters got through, or nothing did: %q", stdout.String())
	}
}
