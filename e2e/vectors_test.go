package e2e_test

import (
	"strconv"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/vectors"
)

// TestVectors sends every vector through the real Envoy, the oldest too, in every design, and compares
// what the client sees, what the application was asked, and what the access log says.
func TestVectors(t *testing.T) {
	t.Parallel()
	for i, group := range harness.Corpus(t) {
		processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: harness.WriteTenants(t, group)})
		for _, version := range harness.EnvoyVersions(t) {
			for _, design := range designs() {
				t.Run("group "+strconv.Itoa(i)+" design "+string(design)+" "+version.Name, func(t *testing.T) {
					runVectors(t, version.Binary, design, processor.Addr, group)
				})
			}
		}
	}
}

func designs() []envoy.Design {
	return []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly, envoy.Metadata}
}

func runVectors(t *testing.T, binary string, design envoy.Design, processor string, group []vectors.File) {
	app := harness.StartApp(t)
	o := envoy.DefaultOptions(design)
	o.Upstream, o.Processors, o.MessageTimeout = app.Addr, []string{processor}, patientTimeout
	edge := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Binary: binary})
	sendVectors(t, edge, app, design, group)
}

// sendVectors sends the cases of a group and compares, the access log too.
func sendVectors(t *testing.T, edge *harness.Envoy, app *harness.App, design envoy.Design, group []vectors.File) {
	t.Helper()
	edge.AwaitProcessors(t, 1)
	compareLog(t, edge, design, harness.SendVectors(t, edge.Addr, app, string(design), group))
}

func compareLog(t *testing.T, edge *harness.Envoy, design envoy.Design, done []harness.SentVector) {
	t.Helper()
	var log []harness.LogEntry
	harness.Eventually(t, "access log", func() error {
		if log = edge.AccessLog(t); len(log) < len(done) {
			return errIncomplete
		}
		return nil
	})
	if len(log) != len(done) {
		t.Fatalf("%d lines in the access log for %d requests", len(log), len(done))
	}
	for i, s := range done {
		got := [3]string{log[i].Text("cors_phase"), log[i].Text("cors_decision"), log[i].Text("cors_reason")}
		want := [3]string{s.Want.Kind, s.Want.Outcome, s.Want.Reason}
		if design == envoy.Metadata && log[i].Text("origin") == "" {
			want = [3]string{} // the gate keeps requests without Origin to itself
		}
		if got != want {
			t.Errorf("%s: the access log says %q, want %q", s.Name, got, want)
		}
	}
}
