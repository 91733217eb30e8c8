package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/telemetry"
)

// page is an answer of the admin server that is a good one.
func (p *process) page(t *testing.T, path string) string {
	t.Helper()
	status, text := p.get(t, path)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, text)
	}
	return text
}

// TestWhyIsThisOriginBlocked: a denial is counted, remembered with its near miss, and logged; once the document is
// changed, the same page says that it would be allowed.
func TestWhyIsThisOriginBlocked(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	p := start(t, cfg)
	p.awaitReady(t)
	conn := p.dial(t)
	if got := preflight(t, conn, "https://www.app.acme.example"); got != 403 {
		t.Fatalf("preflight: %d", got)
	}
	const series = `cors_decisions_total{cors_outcome="denied",cors_phase="preflight",cors_reason="origin_not_listed",cors_tenant_tier="other"} 1`
	if metrics := p.page(t, "/metrics"); !strings.Contains(metrics, series+"\n") {
		t.Errorf("no %s", series)
	}
	denials := func() telemetry.Denial {
		t.Helper()
		var list []telemetry.TenantDenials
		if err := json.Unmarshal([]byte(p.page(t, "/denials?tenant=acme")), &list); err != nil {
			t.Fatal(err)
		}
		if len(list) != 1 || len(list[0].Denials) != 1 {
			t.Fatalf("denials %+v", list)
		}
		return list[0].Denials[0]
	}
	d := denials()
	if d.Origin != "https://www.app.acme.example" || d.Method != "PUT" || d.Now != "denied" || len(d.Near) != 1 || d.Near[0].Kind != "www" {
		t.Errorf("%+v", d)
	}
	write(t, cfg.Tenants, strings.ReplaceAll(acme, "%s", "https://www.app.acme.example"))
	await(t, "the new origin is allowed", func() bool { return preflight(t, conn, "https://www.app.acme.example") == 204 })
	if d := denials(); d.Now != "allowed" {
		t.Errorf("after the change: %+v", d)
	}
	for path, want := range map[string]string{"/denials?tenant=nobody": "[]\n", "/denials?tenant=%0a": "[]\n"} {
		if got := p.page(t, path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	p.stop(t)
	if !strings.Contains(p.log.String(), "near_miss=www") {
		t.Errorf("the log does not tell:\n%s", p.log)
	}
}

// TestSamplingOfTheEnvironment wins over the flags, but for the cap.
func TestSamplingOfTheEnvironment(t *testing.T) {
	flags := config.Telemetry{TraceAllowed: 0.2, TraceDenied: 0.3, MaxSpans: 7}
	want := telemetry.Sampling{Allowed: 0.2, Denied: 0.3, Errors: 1, Loads: 1, PerSecond: 7}
	if diff := cmp.Diff(want, sampling(&flags)); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	flags.OTLP.Sampler = &config.Sampler{Alone: true, Ratio: 0.5}
	want = telemetry.Sampling{Alone: true, Allowed: 0.5, Denied: 0.5, Errors: 0.5, Loads: 0.5, PerSecond: 7}
	if diff := cmp.Diff(want, sampling(&flags)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}
