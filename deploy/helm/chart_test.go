// Package helm_test holds the chart against what reads it: the flags of the program, the schemas of Kubernetes, Prometheus and,
// where there is one, helm. Without helm the goldens in testdata stand for what it renders.
package helm_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
)

const chart = "corsgate"

// sumFile says of which chart and values the goldens were made, so that an edit of a template without new goldens is found
// where there is no helm.
const sumFile = "testdata/sources.sha256"

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(harness.Run(m))
}

// object is one Kubernetes object, as far as all of them are alike.
type object struct {
	kind, name string
	text       []byte
	all        map[string]any
}

// into decodes the object; fields that the type lacks are left out.
func (o object) into(t *testing.T, v any) {
	t.Helper()
	if err := yaml.Unmarshal(o.text, v); err != nil {
		t.Fatalf("%s %s: %v", o.kind, o.name, err)
	}
}

// rendered is one golden.
type rendered struct {
	name    string
	objects []object
}

// goldens are all of testdata; each has values of the same name.
func goldens(t *testing.T) []rendered {
	t.Helper()
	paths, err := filepath.Glob("values/*.yaml")
	if err != nil || len(paths) < 3 {
		t.Fatalf("values: %q, %v", paths, err)
	}
	out := make([]rendered, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Join("testdata", filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rendered{strings.TrimSuffix(filepath.Base(path), ".yaml"), parse(t, text)})
	}
	return out
}

func parse(t *testing.T, text []byte) []object {
	t.Helper()
	var out []object
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var node yaml.Node
		if err := d.Decode(&node); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		var o object
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := errors.Join(node.Decode(&o.all), node.Decode(&head)); err != nil {
			t.Fatal(err)
		}
		if o.all == nil {
			continue
		}
		o.kind, o.name = head.Kind, head.Metadata.Name
		o.text, _ = yaml.Marshal(&node)
		out = append(out, o)
	}
}

// all are the objects of a kind.
func (r rendered) all(kind string) []object {
	var out []object
	for _, o := range r.objects {
		if o.kind == kind {
			out = append(out, o)
		}
	}
	return out
}

// one is the only object of a kind.
func (r rendered) one(t *testing.T, kind string, into any) object {
	t.Helper()
	found := r.all(kind)
	if len(found) != 1 {
		t.Fatalf("%s: %d objects of kind %s", r.name, len(found), kind)
	}
	found[0].into(t, into)
	return found[0]
}

// Whoever edits the chart renders the goldens again.
func TestGoldensAreOfThisChart(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile(sumFile)
	if err != nil {
		t.Fatal(err)
	}
	if want := sources(t); strings.TrimSpace(string(got)) != want {
		t.Errorf("the chart or its values changed since testdata was rendered: run make test-helm UPDATE=1 (have %s, want %s)", got, want)
	}
}

// sources is the digest of all that helm reads.
func sources(t *testing.T) string {
	t.Helper()
	sum := sha256.New()
	for _, dir := range []string{chart, "values"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			fmt.Fprintf(sum, "%s %d\n%s", filepath.ToSlash(path), len(text), text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// The chart is of the version that the changelog is of.
func TestChartHasTheVersion(t *testing.T) {
	t.Parallel()
	var c struct {
		Version    string
		AppVersion string `yaml:"appVersion"`
	}
	text, err := os.ReadFile(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	changes, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	_, latest, _ := strings.Cut(string(changes), "\n## ")
	if latest, _, _ = strings.Cut(latest, " "); latest != c.AppVersion || latest != c.Version {
		t.Errorf("the chart is of %s for %s, the changelog of %s", c.Version, c.AppVersion, latest)
	}
}
