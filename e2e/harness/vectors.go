package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/vectors"
)

// Corpus is every vector, in groups of files whose tenants one processor can have.
func Corpus(tb testing.TB) [][]vectors.File {
	tb.Helper()
	files, err := vectors.Load(filepath.Join(RepoRoot(), "policy", "testdata", "vectors"))
	if err != nil {
		tb.Fatal(err)
	}
	return vectors.Groups(files)
}

// WriteTenants writes the documents of a group into a directory, for a processor.
func WriteTenants(tb testing.TB, group []vectors.File) string {
	tb.Helper()
	dir := tb.TempDir()
	for _, f := range group {
		if _, ok := f.Hosts(); !ok {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name+".json"), f.Tenant, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// SentVector is a case that went through an Envoy, and what it should have been.
type SentVector struct {
	Name string
	Want vectors.Want
}

// SendVectors sends the cases of a group to the Envoy at addr, one after the other, and compares what the
// client sees and whether app was asked. Cases that the design has no answer to, or that cannot
// be sent, are left out; sending none at all fails.
func SendVectors(tb testing.TB, addr string, app *App, design string, group []vectors.File) []SentVector {
	tb.Helper()
	var done []SentVector
	for i := range group {
		for k := range group[i].Cases {
			c := &group[i].Cases[k]
			want, skip, _ := c.WantIn(design)
			if skip || c.PolicyOnly != "" || c.Request.Now != "" || c.Request.Scheme != "http" {
				continue
			}
			one := SentVector{group[i].Name + ": " + c.Name, want}
			one.send(tb, addr, app, c)
			done = append(done, one)
		}
	}
	if len(done) == 0 {
		tb.Fatal("no case was sent")
	}
	return done
}

func (s *SentVector) send(tb testing.TB, addr string, app *App, c *vectors.Case) {
	tb.Helper()
	headers := append([][2]string{
		{HeaderID, s.Name},
		{HeaderResponse, AppResponse{Status: c.App.Status, Headers: c.App.Headers}.Header()},
	}, c.Request.Headers...)
	if c.Request.Authority == "" {
		headers = append(headers, [2]string{"host", ""}) // an empty line, which is not no line
	}
	conn := Dial(tb, addr)
	got, err := conn.Do(Request(c.Request.Method, c.Request.Path, c.Request.Authority, headers...))
	if err != nil {
		tb.Fatalf("%s: %v", s.Name, err)
	}
	_ = conn.Close() // so that the access log gets its line now
	withoutEnvoys(got)
	if diff := vectors.Compare(s.Want, got.Status, got.Headers); diff != "" {
		tb.Errorf("%s (rules %v):\n%s", s.Name, c.Rules, diff)
	}
	if asked := len(app.Requests(s.Name)) > 0; s.Want.Answered && asked {
		tb.Errorf("%s (rules %v): the application was asked", s.Name, c.Rules)
	}
}

// withoutEnvoys takes the names that an Envoy and a Go server add to every response out of the
// list that "expose all" makes of a response (rule 66).
func withoutEnvoys(r *Response) {
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
