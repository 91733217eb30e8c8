package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// TestReloadUnderLoad: a new document is live without a request failing, a broken one
// changes nothing, and the way back works as well.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	e := startEdge(t, envoy.Metadata, nil)
	load := harness.StartLoad(t, mixedLoad(e.Addr))
	load.Await(t, 50)

	replaceFile(t, e.tenants, strings.ReplaceAll(acme, `origins: ["`, `origins: ["`+foreign+`", "`))
	e.awaitGrant(t, foreign, true)
	replaceFile(t, e.tenants, "id: acme\nhosts: [api.acme.example]\npolicy: {origins: [nonsense], methods: [TRACE]}\n")
	e.awaitProblem(t)
	e.awaitGrant(t, foreign, true)
	replaceFile(t, e.tenants, acme)
	e.awaitGrant(t, foreign, false)
	load.Await(t, 50)

	if report := load.Stop(); report.Failed() > 0 {
		t.Errorf("the listed origin was there all the time: %s", report)
	}
}

func (e *edge) awaitGrant(t *testing.T, origin string, want bool) {
	t.Helper()
	harness.Eventually(t, "the new document", func() error {
		got := e.ask(t, "GET", "/", [2]string{"origin", origin}).Get("access-control-allow-origin")
		if (got == origin) != want {
			return fmt.Errorf("access-control-allow-origin is %q", got)
		}
		return nil
	})
}

// awaitProblem waits until the process says that a document is broken.
func (e *edge) awaitProblem(t *testing.T) {
	t.Helper()
	harness.Eventually(t, "readiness to tell of the broken file", func() error {
		r := harness.Exchange(t, e.processor.AdminAddr, harness.Request("GET", "/readyz", "localhost", [2]string{"connection", "close"}))
		switch {
		case r.Status != http.StatusOK:
			t.Fatalf("a broken file took readiness away: %d %s", r.Status, r.Body)
		case !strings.Contains(string(r.Body), "origins[0]"):
			return errIncomplete
		case !strings.Contains(string(r.Body), "methods[0]"):
			t.Errorf("not all problems at once: %s", r.Body)
		}
		return nil
	})
}
