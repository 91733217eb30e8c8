package istio_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/internal/vectors"
)

const corpus = "../../policy/testdata/vectors"

// TestVectors sends every vector through an Envoy that Istio configures, in each style and design.
func TestVectors(t *testing.T) {
	files, err := vectors.Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for i, group := range vectors.Groups(files) {
		tenants := writeTenants(t, group)
		for _, s := range everywhere(t) {
			for _, design := range []string{"c", "a"} {
				t.Run("group "+strconv.Itoa(i)+" "+s.name+" design "+design, func(t *testing.T) {
					l := install(t, s, design, tenants, "")
					sent := 0
					for k := range group {
						for j := range group[k].Cases {
							sent += l.vector(t, design, &group[k], &group[k].Cases[j])
						}
					}
					if sent == 0 {
						t.Fatal("no case was sent")
					}
					t.Logf("%d cases", sent)
				})
			}
		}
	}
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

// vector sends one case, and gives how many were sent.
func (l *lab) vector(t *testing.T, design string, f *vectors.File, c *vectors.Case) int {
	t.Helper()
	want, skip, _ := c.WantIn(design)
	if skip || c.PolicyOnly != "" || c.Request.Now != "" || c.Request.Scheme != "http" {
		return 0
	}
	id := f.Name + ": " + c.Name
	headers := append([][2]string{
		{harness.HeaderID, id},
		{harness.HeaderResponse, harness.AppResponse{Status: c.App.Status, Headers: c.App.Headers}.Header()},
	}, c.Request.Headers...)
	if c.Request.Authority == "" {
		headers = append(headers, [2]string{"host", ""}) // an empty line, which is not no line
	}
	conn := harness.Dial(t, l.addr)
	got, err := conn.Do(harness.Request(c.Request.Method, c.Request.Path, c.Request.Authority, headers...))
	if err != nil {
		t.Errorf("%s: %v", id, err)
		return 1
	}
	_ = conn.Close()
	withoutProxys(got)
	if diff := vectors.Compare(want, got.Status, got.Headers); diff != "" {
		t.Errorf("%s (rules %v):\n%s", id, c.Rules, diff)
	}
	if asked := len(l.app.Requests(id)) > 0; want.Answered && asked {
		t.Errorf("%s (rules %v): the application was asked", id, c.Rules)
	}
	return 1
}

// withoutProxys takes the names that Envoy and a Go server add to every response out of the list
// that "expose all" makes of a response (rule 66).
func withoutProxys(r *harness.Response) {
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
