package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy/gateway"
	"github.com/corsgate/corsgate/internal/vectors"
)

// guardedTenant is the policy of the host behind authentication.
const guardedTenant = `{"id": "guarded", "hosts": ["guarded.test", "open.test"], "policy": {"origins": ["https://app.guarded.test"], "methods": ["PUT"]}}`

const (
	goodOrigin = "https://app.guarded.test"
	evilOrigin = "https://evil.example"
)

// tenants writes the documents of a group, and that of the guarded host.
func tenants(t *testing.T, group []vectors.File) string {
	t.Helper()
	dir := harness.WriteTenants(t, group)
	if err := os.WriteFile(filepath.Join(dir, "guarded.json"), []byte(guardedTenant), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// corpus is all vectors that a form can satisfy: a route removes headers by their names, and cannot know those of tomorrow.
func corpus(t *testing.T, form gateway.Form) [][]vectors.File {
	t.Helper()
	groups := harness.Corpus(t)
	if form == gateway.Patch {
		return groups
	}
	for _, group := range groups {
		for i := range group {
			group[i].Cases = slices.DeleteFunc(group[i].Cases, func(c vectors.Case) bool {
				return c.Name == "rule 63: a CORS header of tomorrow goes too"
			})
		}
	}
	return groups
}

// edge is an Envoy that Envoy Gateway has configured, or that runs what it would configure.
type edge struct {
	addr  string
	admin *harness.Admin
	app   *harness.App
}

// ask sends one request to the guarded host, or to another.
func (e *edge) ask(t *testing.T, method, host, origin string, headers ...[2]string) *harness.Response {
	t.Helper()
	if origin != "" {
		headers = append(headers, [2]string{"origin", origin})
	}
	return harness.Exchange(t, e.addr, harness.Request(method, "/", host, headers...))
}

// preflight is one that the policy of the guarded host allows.
func (e *edge) preflight(t *testing.T) *harness.Response {
	t.Helper()
	return e.ask(t, "OPTIONS", guarded, goodOrigin, [2]string{"access-control-request-method", "PUT"})
}

// decided checks what holds while corsgate answers.
func (e *edge) decided(t *testing.T) {
	t.Helper()
	before := e.app.Total()
	if got := e.preflight(t); got.Status != 204 || got.Get("access-control-allow-origin") != goodOrigin {
		t.Errorf("a preflight in front of authentication: %d %v", got.Status, got.CORS())
	}
	if got := e.ask(t, "GET", guarded, goodOrigin); got.Status != 401 || got.Get("access-control-allow-origin") != goodOrigin || got.Get("vary") != "Origin" {
		t.Errorf("a 401 of authentication: %d %v", got.Status, got.Headers)
	}
	if got := e.ask(t, "GET", guarded, evilOrigin); got.Status != 401 || len(got.Lines("access-control-allow-origin")) != 0 {
		t.Errorf("a 401 to a foreign origin: %d %v", got.Status, got.Headers)
	}
	if n := e.app.Total(); n != before {
		t.Errorf("the application was asked %d times behind authentication", n-before)
	}
	// Without an Origin nobody is asked, and what the application grants goes all the same.
	streams := e.streams(t)
	if streams == 0 {
		t.Error("no stream was counted before: nothing would be seen below")
	}
	for _, origin := range [][2]string{{"accept", "*/*"}, {"origin", ""}} {
		got := e.ask(t, "GET", "nobody.test", "", origin, grants("Accept"))
		if got.Status != 200 || granted(got) || got.Get("vary") != "Accept, Origin" && got.Get("vary") != "Accept,Origin" {
			t.Errorf("without Origin (%v): %d %v", origin, got.Status, got.Headers)
		}
	}
	if n := e.streams(t); n != streams {
		t.Errorf("%d calls without an Origin", n-streams)
	}
	for app, want := range map[string]string{"": "Origin", "*": "*", "origin": "origin", "X-Origin": "X-Origin,Origin", "Accept, ORIGIN": "Accept, ORIGIN"} {
		got := e.ask(t, "GET", "open.test", evilOrigin, grants(app))
		if vary := strings.Join(got.Lines("vary"), ","); got.Status != 200 || vary != want || granted(got) {
			t.Errorf("Vary %q of the application becomes %q, want %q (%d %v)", app, vary, want, got.Status, got.CORS())
		}
	}
}

// grants has the application grant everything to everybody.
func grants(vary string) [2]string {
	r := harness.AppResponse{Headers: [][2]string{{"access-control-allow-origin", "*"}, {"access-control-expose-headers", "*"}}}
	if vary != "" {
		r.Headers = append(r.Headers, [2]string{"vary", vary})
	}
	return [2]string{harness.HeaderResponse, r.Header()}
}

// undecided checks what holds while no corsgate is there.
func (e *edge) undecided(t *testing.T) {
	t.Helper()
	before := e.app.Total()
	if got := e.preflight(t); got.Status != 503 || granted(got) {
		t.Errorf("a preflight that nobody decides: %d %v", got.Status, got.CORS())
	}
	if e.app.Total() != before {
		t.Error("it has reached the application")
	}
	if got := e.ask(t, "POST", "open.test", evilOrigin); got.Status < 500 {
		t.Errorf("a foreign POST that nobody decides: %d", got.Status)
	}
	if got := e.ask(t, "GET", "open.test", evilOrigin, [2]string{"connection", "Upgrade"}, [2]string{"upgrade", "websocket"}); got.Status < 500 {
		t.Errorf("a foreign websocket that nobody decides: %d", got.Status)
	}
	if e.app.Total() != before {
		t.Error("what a policy may refuse has reached the application")
	}
	if got := e.ask(t, "GET", "open.test", goodOrigin, grants("")); got.Status != 200 || granted(got) || got.Get("vary") != "Origin" {
		t.Errorf("another request that nobody decides: %d %v", got.Status, got.Headers)
	}
}

// streams are the calls to corsgate so far.
func (e *edge) streams(t *testing.T) (n uint64) {
	t.Helper()
	for name, value := range e.admin.Stats(t, "ext_proc") {
		if strings.HasSuffix(name, "streams_started") {
			n += value
		}
	}
	return n
}

// lint has corsgate lint-envoy look at the running Envoy, and fails for what is as bad as given.
func (e *edge) lint(t *testing.T, failOn string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), "lint-envoy", "http://"+e.admin.AdminAddr(), "--fail-on", failOn)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("lint-envoy: %v\n%s", err, out)
	}
}

// await waits until corsgate answers through Envoy.
func (e *edge) await(t *testing.T) {
	t.Helper()
	harness.Eventually(t, "an answer of corsgate", func() error {
		if got := e.preflight(t); got.Status != 204 {
			return fmt.Errorf("status %d", got.Status)
		}
		return nil
	})
}

// granted reports whether a response has any header of CORS.
func granted(r *harness.Response) bool {
	return slices.ContainsFunc(r.Headers, func(h [2]string) bool { return strings.HasPrefix(h[0], "access-control-") })
}

// inOrder reads the chain from Envoy: what is ours stands first, and authentication behind it.
func (e *edge) inOrder(t *testing.T, form gateway.Form) {
	t.Helper()
	want := []string{"cors-apply", "cors-vary", "cors-decide", "envoy.filters.http.jwt_authn", "envoy.filters.http.router"}
	if form == gateway.Policies {
		const asks = "envoy.filters.http.ext_proc/envoyextensionpolicy/default/corsgate-"
		want = []string{
			"envoy.filters.http.header_mutation",
			asks + "guarded-cors-closed/extproc/0", asks + "guarded-cors/extproc/0", asks + "guarded-preflight/extproc/0",
			asks + "shop-cors-closed/extproc/0", asks + "shop-cors/extproc/0", asks + "shop-preflight/extproc/0", "envoy.filters.http.jwt_authn", "envoy.filters.http.router",
		}
	}
	var dump any
	if err := json.Unmarshal(e.admin.ConfigDump(t), &dump); err != nil {
		t.Fatal(err)
	}
	var chains [][]string
	collect(dump, &chains)
	if len(chains) == 0 {
		t.Fatal("no chain in the dump")
	}
	for _, got := range chains { // a static listener is in the dump twice
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the chain (-want +got):\n%s", diff)
		}
	}
}

// collect finds every chain of HTTP filters of a Gateway's listener; those of Envoy Gateway's own have other names.
func collect(v any, chains *[][]string) {
	switch v := v.(type) {
	case map[string]any:
		filters := append(list(v["http_filters"]), list(v["httpFilters"])...)
		prefix := fmt.Sprint(v["stat_prefix"], v["statPrefix"])
		if filters != nil && strings.Contains(prefix, "http-") {
			var names []string
			for _, f := range filters {
				// From a file Envoy Gateway does not know the kind of a policy, and leaves it out.
				names = append(names, strings.Replace(f["name"].(string), "ext_proc//", "ext_proc/envoyextensionpolicy/", 1))
			}
			*chains = append(*chains, names)
		}
		for _, inner := range v {
			collect(inner, chains)
		}
	case []any:
		for _, inner := range v {
			collect(inner, chains)
		}
	}
}
