package probe_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/probe"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sampleReport has something of everything.
func sampleReport() *probe.Report {
	finding := probe.Finding{
		Rule: "rule 48", Request: "GET /v1/orders/7 from https://app.acme.example", Want: "access-control-allow-origin: https://app.acme.example",
		Got: "no access-control-allow-origin, status 200", Curl: "curl -sS -o /dev/null -D - -X GET -H 'Origin: https://app.acme.example' https://api.acme.example/v1/orders/7",
	}
	r := &probe.Report{
		Version: "1.2.3", At: time.Date(2027, 1, 31, 9, 30, 0, 0, time.UTC), Counts: probe.Counts{Pass: 4, Fail: 1, Unasked: 2, Skip: 2},
		Targets: []probe.TargetReport{{
			Name: "shop", URL: "https://api.acme.example/v1/orders/7", Direct: "http://10.0.0.7:8080", Expected: "tenant acme, policy, in tenants/",
			Cases: []probe.CaseReport{
				{Case: probe.PreflightAllowed, Path: probe.Direct, Verdict: probe.Pass, Duration: 0.002},
				{Case: probe.PreflightAllowed, Path: probe.Edge, Verdict: probe.Pass, Duration: 0.012},
				{Case: probe.ActualAllowed, Path: probe.Direct, Verdict: probe.Pass, Duration: 0.0025},
				{
					Case: probe.ActualAllowed, Path: probe.Edge, Verdict: probe.Fail, Duration: 0.0125, Findings: []probe.Finding{finding},
					Differences: []probe.Difference{{Request: finding.Request, Header: "access-control-allow-origin", Direct: "https://app.acme.example"}},
				},
				{Case: probe.NoOrigin, Path: probe.Direct, Verdict: probe.Unasked, Reason: "GET /v1/orders/7 without Origin: no answer within 5s: context deadline exceeded"},
				{Case: probe.PublicPolicy, Path: probe.Direct, Verdict: probe.Skip, Reason: "the policy is not public"},
				{Case: probe.PublicPolicy, Path: probe.Edge, Verdict: probe.Skip, Reason: "the policy is not public"},
			},
		}, {
			Name: "https://other.acme.example/", URL: "https://other.acme.example/", Error: "what is expected is not known: no tenant",
			Cases: []probe.CaseReport{{Case: probe.PreflightAllowed, Path: probe.Edge, Verdict: probe.Unasked, Reason: "see the error of the target"}},
		}, {
			Name: "nonce", URL: "https://probe.acme.example/", Expected: "tenant probe, which the probe changes",
			Cases: []probe.CaseReport{{
				Case: probe.Propagation, Path: probe.Edge, Verdict: probe.Pass, Duration: 0.5, Propagation: &probe.Propagated{Allow: 0.0612, Revoke: 0.049},
			}},
		}},
	}
	return r
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*probe.Report, *bytes.Buffer) error{
		"report.txt":  func(r *probe.Report, b *bytes.Buffer) error { return r.Text(b) },
		"report.prom": func(r *probe.Report, b *bytes.Buffer) error { return r.Prometheus(b) },
	} {
		var b bytes.Buffer
		if err := write(sampleReport(), &b); err != nil {
			t.Fatal(err)
		}
		golden := "testdata/" + name
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got), -update rewrites it:\n%s", name, diff)
		}
	}
}

// Prometheus itself finds nothing to say about the metrics.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool")
	}
	var b bytes.Buffer
	if err := sampleReport().Prometheus(&b); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// The labels are closed sets, whatever servers answer.
func TestLabels(t *testing.T) {
	t.Parallel()
	docs := documents(t, acme)
	x := target(serve(t, gateway(t, docs, set(anything, "Access-Control-Allow-Origin", "https://\"evil\\.example"))))
	x.Direct = "http://" + serve(t, gateway(t, docs, nil))
	var b bytes.Buffer
	if err := once(t, probe.Options{Targets: []probe.Target{x}, Source: sourceOf(t, acme)}).Prometheus(&b); err != nil {
		t.Fatal(err)
	}
	label := regexp.MustCompile(`^cors_probe_[a-z_]+(\{cors_probe_case="([a-z_]+)",cors_probe_path="(direct|edge)"\}|\{cors_probe_path="(direct|edge)"\}|) [0-9.e+-]+$`)
	series := 0
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			continue
		}
		series++
		m := label.FindStringSubmatch(line)
		if m == nil || m[2] != "" && !strings.Contains(strings.Join(probe.Names(), " "), m[2]) {
			t.Errorf("%s", line)
		}
	}
	if series < 40 || len(probe.Names()) > 16 {
		t.Errorf("%d series of %d cases", series, len(probe.Names()))
	}
}

// What a server sends does not steer the terminal, and is not shown without end.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	docs := documents(t, acme)
	x := target(serve(t, gateway(t, docs, func(_ *http.Request, _ *int, h http.Header) {
		h.Set("Access-Control-Allow-Origin", "\x1b[2J\x9b31m"+strings.Repeat("é", 5000))
	})))
	x.Direct = "http://" + serve(t, gateway(t, docs, nil))
	got := text(t, once(t, probe.Options{Targets: []probe.Target{x}, Source: sourceOf(t, acme)}))
	if strings.ContainsFunc(got, func(c rune) bool { return c > '~' || c < ' ' && c != '\n' }) {
		t.Errorf("%q", got)
	}
	for line := range strings.Lines(got) {
		if len(line) > 1500 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}
