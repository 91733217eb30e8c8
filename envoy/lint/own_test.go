package lint_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/lint"
	"github.com/corsgate/corsgate/envoy/lint/linttest"
)

// TestNothingInOwnOutput reads what render writes and what is shipped. The one note is what
// --fail-open has chosen.
func TestNothingInOwnOutput(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"../testdata/*.yaml", "../../deploy/compose/envoy*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := check(t, text)
			for _, f := range r.Findings {
				if f.Rule.ID == "fail-open-leaks" && strings.Contains(path, "fail-open") {
					continue
				}
				t.Errorf("%s at %+v: %s", f.Rule.ID, f.Place, f.Detail)
			}
			if r.Managers == 0 || r.Calls < 2*r.Managers {
				t.Errorf("%d managers and %d calls: nothing was looked at", r.Managers, r.Calls)
			}
		})
	}
}

// TestNothingInOwnOutputWhateverTheOptions turns every option on, in each design.
func TestNothingInOwnOutputWhateverTheOptions(t *testing.T) {
	for _, d := range []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly, envoy.Metadata} {
		o := envoy.DefaultOptions(d)
		o.Processors = []string{"corsgate:9002", "10.0.0.2:9002"}
		o.ProcessorTLS = &envoy.TLS{CA: "/ca.pem", SAN: "corsgate"}
		o.Tracing = &envoy.Tracing{Collector: "otel:4317", Sampling: 1}
		o.RUM = &envoy.RUM{Collector: "rum:9005"}
		o.Routes = []envoy.Route{{Domains: []string{"a.example"}, Tenant: "a", Upstream: "a:80"}, {Domains: []string{"b.example"}}}
		text, err := envoy.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range check(t, text).Findings {
			t.Errorf("design %s: %s at %+v: %s", d, f.Rule.ID, f.Place, f.Detail)
		}
	}
}

// TestOwnOutputHasWhatItsOptionsChoose fails open and refuses nothing, in each design: that alone is found.
func TestOwnOutputHasWhatItsOptionsChoose(t *testing.T) {
	for _, d := range []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly, envoy.Metadata} {
		for _, failOpen := range []bool{false, true} {
			for _, noRefusals := range []bool{false, true} {
				o := envoy.DefaultOptions(d)
				o.FailOpen, o.NoRefusals = failOpen, noRefusals
				var want, got []lint.ID
				if failOpen && d != envoy.Metadata {
					want = append(want, "fail-open-leaks")
				}
				if noRefusals && (failOpen || d == envoy.Metadata) {
					want = append(want, "refusal-fail-open")
				}
				text, err := envoy.Render(o)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range check(t, text).Findings {
					got = append(got, f.Rule.ID)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("design %s, fail open %v, no refusals %v (-want +got):\n%s", d, failOpen, noRefusals, diff)
				}
			}
		}
	}
}

// TestNothingInOtherForms reads what is right and looks different.
func TestNothingInOtherForms(t *testing.T) {
	forms, err := linttest.Forms()
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range forms {
		r := check(t, form.Text)
		for _, f := range r.Findings {
			t.Errorf("%s: %s at %+v: %s", form.Name, f.Rule.ID, f.Place, f.Detail)
		}
		if r.Calls < 2 {
			t.Errorf("%s: %d calls: nothing was looked at", form.Name, r.Calls)
		}
	}
}

func check(tb testing.TB, text []byte) *lint.Result {
	tb.Helper()
	c, err := lint.Read(bytes.NewReader(text))
	if err != nil {
		tb.Fatalf("reading: %v", err)
	}
	return lint.Check(c, lint.Options{})
}
