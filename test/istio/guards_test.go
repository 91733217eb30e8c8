package istio_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
)

const (
	host   = "api.shop.example"
	friend = "https://app.shop.example"
	rival  = "https://rival.example"
)

const shopTenant = `id: shop
hosts: [api.shop.example]
policy:
  origins: [https://app.shop.example]
  methods: [PUT]
  credentials: true
`

// rivalPolicy is a corsPolicy that grants what the tenant's document does not.
const rivalPolicy = `corsPolicy: {allowOrigins: [{exact: "https://rival.example"}], allowMethods: [DELETE], allowCredentials: true},`

func tenantsFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(path, []byte(shopTenant+strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (l *lab) send(t *testing.T, method, path string, headers ...[2]string) *harness.Response {
	t.Helper()
	return harness.Exchange(t, l.addr, harness.Request(method, path, host, headers...))
}

func (l *lab) preflight(t *testing.T, path, origin string) *harness.Response {
	t.Helper()
	return l.send(t, "OPTIONS", path, [2]string{"origin", origin}, [2]string{"access-control-request-method", "PUT"})
}

// answer is what the application answers with: CORS headers of its own and a Vary.
func answer(vary string) [2]string {
	r := harness.AppResponse{Headers: [][2]string{{"access-control-allow-origin", "*"}}}
	if vary != "" {
		r.Headers = append(r.Headers, [2]string{"vary", vary})
	}
	return [2]string{harness.HeaderResponse, r.Header()}
}

// TestBeforeTheGuards has Istio's authentication and authorization, which refuse, behind corsgate.
func TestBeforeTheGuards(t *testing.T) {
	for _, s := range everywhere(t) {
		for _, design := range []string{"c", "a"} {
			t.Run(s.name+" design "+design, func(t *testing.T) {
				l := install(t, s, design, tenantsFile(t), "")
				l.order(t, design)
				l.ownOutput(t)
				l.recipe(t)
				l.guards(t)
				l.withoutOrigin(t, design)
				l.vary(t)
				l.down(t, design)
			})
		}
	}
}

// guards sends what they refuse.
func (l *lab) guards(t *testing.T) {
	t.Helper()
	before := l.app.Total()
	if got := l.preflight(t, "/guarded/denied", friend); got.Status != 204 || got.Get("access-control-allow-origin") != friend {
		t.Errorf("a preflight for a path that is denied: %d %v", got.Status, got.CORS())
	}
	if got := l.preflight(t, "/guarded/denied", rival); got.Status != 403 || got.Get("access-control-allow-origin") != "" {
		t.Errorf("a preflight of a foreign origin: %d %v", got.Status, got.CORS())
	}
	for status, request := range map[int][]any{
		403: {"/guarded/denied", [2]string{"x-nothing", "1"}},
		401: {"/", [2]string{"x-token", "e30.e30.e30"}},
	} {
		got := l.send(t, "GET", request[0].(string), [2]string{"origin", friend}, request[1].([2]string))
		want := map[string]string{"access-control-allow-origin": friend, "access-control-allow-credentials": "true", "vary": "Origin"}
		if got.Status != status || !cmp.Equal(want, got.CORS()) {
			t.Errorf("refused: %d %v, want %d %v", got.Status, got.CORS(), status, want)
		}
	}
	if asked := l.app.Total() - before; asked != 0 {
		t.Errorf("the application was asked %d times", asked)
	}
	got := l.send(t, "GET", "/", [2]string{"origin", friend}, answer(""))
	if got.Status != 200 || got.Get("access-control-allow-origin") != friend {
		t.Errorf("what nobody refuses: %d %v", got.Status, got.CORS())
	}
}

// withoutOrigin counts calls: in design C there is none for a request without an Origin.
func (l *lab) withoutOrigin(t *testing.T, design string) {
	t.Helper()
	before := l.streams(t)
	for range 5 {
		l.send(t, "GET", "/", answer(""))
	}
	calls := l.streams(t) - before
	if want := map[string]uint64{"c": 0, "a": 5}[design]; calls != want {
		t.Errorf("%d calls for requests without an Origin, want %d", calls, want)
	}
	l.send(t, "GET", "/", [2]string{"origin", friend})
	if got := l.streams(t) - before - calls; got != 1 {
		t.Errorf("%d calls for a request with an Origin, want 1: the count above says nothing", got)
	}
}

// vary is exact: extended where that is needed, and only there. A field that Istio's types do not know
// would be dropped in silence, and this is where it would show.
func (l *lab) vary(t *testing.T) {
	t.Helper()
	for was, want := range map[string]string{
		"": "origin", "Accept": "accept,origin", "Origin": "origin", "*": "*", "Accept-Encoding, ORIGIN": "accept-encoding,origin", "X-Origin": "x-origin,origin",
	} {
		got := l.send(t, "GET", "/", [2]string{"origin", friend}, answer(was))
		if vary := strings.ToLower(strings.ReplaceAll(got.Get("vary"), " ", "")); vary != want {
			t.Errorf("Vary %q of the application became %q, want %q", was, vary, want)
		}
	}
}

// down stops the processor.
func (l *lab) down(t *testing.T, design string) {
	t.Helper()
	l.processor.Stop()
	if got := l.preflight(t, "/", friend); got.Status != 503 || got.Get("access-control-allow-origin") != "" {
		t.Errorf("a preflight without a processor: %d %v", got.Status, got.CORS())
	}
	got := l.send(t, "GET", "/", [2]string{"origin", friend}, answer("Accept"))
	status, vary := 200, "Accept,Origin"
	if design == "a" {
		status, vary = 503, ""
	}
	if got.Status != status || got.Get("access-control-allow-origin") != "" || strings.ReplaceAll(got.Get("vary"), " ", "") != vary {
		t.Errorf("a request without a processor: %d %v, want %d and Vary %q", got.Status, got.CORS(), status, vary)
	}
}

// order reads the chain from the config dump.
func (l *lab) order(t *testing.T, design string) {
	t.Helper()
	want := []string{"cors-apply", "cors-vary", "cors-decide"}
	if design == "a" {
		want = []string{"cors-no-store", "cors-decide"}
	}
	chains := 0
	for _, chain := range filterChains(t, l.ConfigDump(t)) {
		if !slices.Contains(chain, "cors-decide") {
			continue
		}
		chains++
		if len(chain) < len(want) || !slices.Equal(chain[:len(want)], want) {
			t.Errorf("chain %v, want %v first", chain, want)
		}
		for _, guard := range []string{"envoy.filters.http.rbac", "envoy.filters.http.jwt_authn"} {
			if !slices.Contains(chain, guard) {
				t.Errorf("chain %v has no %s: what is above says nothing", chain, guard)
			}
		}
		t.Logf("chain %v", chain)
	}
	if chains == 0 {
		t.Error("no chain has cors-decide")
	}
}

// filterChains are the names of the HTTP filters of every connection manager, in order.
func filterChains(t *testing.T, dump []byte) [][]string {
	t.Helper()
	var tree any
	if err := json.Unmarshal(dump, &tree); err != nil {
		t.Fatal(err)
	}
	var out [][]string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if list, ok := v["http_filters"].([]any); ok {
				var chain []string
				for _, f := range list {
					if m, ok := f.(map[string]any); ok {
						chain = append(chain, m["name"].(string))
					}
				}
				out = append(out, chain)
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(tree)
	return out
}

// ownOutput has lint-envoy look at what Istio made of it all.
func (l *lab) ownOutput(t *testing.T) {
	t.Helper()
	for _, rule := range l.findings(t) {
		// What goes out of a sidecar is not what browsers ask, the timeout is that of a test, and Istio has no setting for a
		// host's last dot; corsgate refuses such hosts.
		if rule != "listener-without-corsgate" && rule != "message-timeout-long" && rule != "host-dot" {
			t.Errorf("lint-envoy finds %s", rule)
		}
	}
}

// TestBesidePolicy has a corsPolicy of Istio's own in the route, which grants other things: the document wins.
func TestBesidePolicy(t *testing.T) {
	l := install(t, styles()[0], "c", tenantsFile(t), rivalPolicy)
	if got := l.preflight(t, "/", friend); got.Status != 204 || got.Get("access-control-allow-methods") == "DELETE" || got.Get("access-control-allow-origin") != friend {
		t.Errorf("a preflight: %d %v", got.Status, got.CORS())
	}
	if got := l.preflight(t, "/", rival); got.Status != 403 || got.Get("access-control-allow-origin") != "" {
		t.Errorf("a preflight that only the corsPolicy would grant: %d %v", got.Status, got.CORS())
	}
	for origin, want := range map[string]string{friend: friend, rival: ""} {
		got := l.send(t, "GET", "/", [2]string{"origin", origin}, answer(""))
		if got.Status != 200 || got.Get("access-control-allow-origin") != want {
			t.Errorf("a request of %s: %d %v", origin, got.Status, got.CORS())
		}
	}
	if found := l.findings(t); !slices.Contains(found, "builtin-cors-beside") {
		t.Errorf("lint-envoy finds %v, and not that there are two sources", found)
	}
}

// findings are the rules that lint-envoy finds broken in the running Envoy. It is the program and not
// its package, which is of a newer Envoy than Istio's types.
func (l *lab) findings(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), "lint-envoy", "--notes", "--output", "json", "http://"+l.AdminAddr())
	text, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatalf("lint-envoy: %v", err)
	}
	var report struct {
		Calls    int `json:"calls"`
		Findings []struct {
			Rule   string `json:"rule"`
			Place  string `json:"place"`
			Detail string `json:"detail"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if report.Calls < 2 {
		t.Errorf("lint-envoy looked at %d calls", report.Calls)
	}
	var out []string
	for _, f := range report.Findings {
		t.Logf("lint-envoy: %s at %s: %s", f.Rule, f.Place, f.Detail)
		out = append(out, f.Rule)
	}
	return out
}
