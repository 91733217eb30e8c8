package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/vectors"
)

const corpus = "../policy/testdata/vectors"

// TestVectors sends every vector through the real Envoy, the oldest too, in every design, and compares
// what the client sees, what the application was asked, and what the access log says.
func TestVectors(t *testing.T) {
	t.Parallel()
	files, err := vectors.Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for i, group := range vectors.Groups(files) {
		processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: writeTenants(t, group)})
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

func writeTenants(t *testing.T, group []vectors.File) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range group {
		if _, ok := f.Hosts(); !ok {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name+".json"), f.Tenant, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sent is a case that went through Envoy; the access log has one line for each, in order.
type sent struct {
	name string
	want vectors.Want
}

func runVectors(t *testing.T, binary string, design envoy.Design, processor string, group []vectors.File) {
	app := harness.StartApp(t)
	o := envoy.DefaultOptions(design)
	o.Upstream, o.Processors, o.MessageTimeout = app.Addr, []string{processor}, patientTimeout
	edge := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Binary: binary})
	sendVectors(t, edge, app, design, group)
}

// sendVectors sends the cases of a group and compares.
func sendVectors(t *testing.T, edge *harness.Envoy, app *harness.App, design envoy.Design, group []vectors.File) {
	t.Helper()
	edge.AwaitProcessors(t, 1)
	var done []sent
	for i := range group {
		for k := range group[i].Cases {
			c := &group[i].Cases[k]
			want, skip, _ := c.WantIn(string(design))
			if skip || c.PolicyOnly != "" || c.Request.Now != "" || c.Request.Scheme != "http" {
				continue
			}
			name := group[i].Name + ": " + c.Name
			done = append(done, sent{name, want})
			exchange(t, edge, app, c, &done[len(done)-1])
		}
	}
	if len(done) == 0 {
		t.Fatal("no case was sent")
	}
	compareLog(t, edge, design, done)
}

func exchange(t *testing.T, edge *harness.Envoy, app *harness.App, c *vectors.Case, s *sent) {
	t.Helper()
	id := s.name
	headers := append([][2]string{
		{harness.HeaderID, id},
		{harness.HeaderResponse, harness.AppResponse{Status: c.App.Status, Headers: c.App.Headers}.Header()},
	}, c.Request.Headers...)
	if c.Request.Authority == "" {
		headers = append(headers, [2]string{"host", ""}) // an empty line, which is not no line
	}
	conn := harness.Dial(t, edge.Addr)
	got, err := conn.Do(harness.Request(c.Request.Method, c.Request.Path, c.Request.Authority, headers...))
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	_ = conn.Close() // so that the access log gets its line now
	withoutEnvoys(got)
	if diff := vectors.Compare(s.want, got.Status, got.Headers); diff != "" {
		t.Errorf("%s (rules %v):\n%s", id, c.Rules, diff)
	}
	if asked := len(app.Requests(id)) > 0; s.want.Answered && asked {
		t.Errorf("%s (rules %v): the application was asked", id, c.Rules)
	}
}

// withoutEnvoys takes the names that an Envoy and a Go server add to every response out of the
// list that "expose all" makes of a response (rule 66).
func withoutEnvoys(r *harness.Response) {
	for i, h := range r.Headers {
		if h[0] != "access-control-expose-headers" {
			continue
		}
		var rest []string
		for name := range strings.SplitSeq(h[1], ", ") {
			if name != "date" && name != "x-envoy-upstream-service-time" {
				rest = append(rest, name)
			}
		}
		r.Headers[i][1] = strings.Join(rest, ", ")
	}
}

func compareLog(t *testing.T, edge *harness.Envoy, design envoy.Design, done []sent) {
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
		want := [3]string{s.want.Kind, s.want.Outcome, s.want.Reason}
		if design == envoy.Metadata && log[i].Text("origin") == "" {
			want = [3]string{} // the gate keeps requests without Origin to itself
		}
		if got != want {
			t.Errorf("%s: the access log says %q, want %q", s.name, got, want)
		}
	}
}
