package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/wire"
)

// Compose, the chart and the documents use these files.
func TestEnvoyAcceptsTheGoldenFiles(t *testing.T) {
	t.Parallel()
	versions := harness.EnvoyVersions(t)
	files, err := filepath.Glob(filepath.Join(harness.RepoRoot(), "envoy", "testdata", "*.yaml"))
	if err != nil || len(files) < 7 {
		t.Fatalf("found %d golden files (%v), want at least 7", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			config := withCertificates(t, file)
			for _, version := range versions {
				out, err := exec.CommandContext(t.Context(), version.Binary, "--mode", "validate", "-c", config).CombinedOutput()
				if err != nil {
					t.Errorf("%s: %v\n%s", version.Name, err, out)
				}
				if bytes.Contains(out, []byte("Deprecated")) || bytes.Contains(out, []byte("deprecated")) {
					t.Errorf("%s: uses deprecated fields:\n%s", version.Name, out)
				}
			}
		})
	}
}

// withCertificates is file, or a copy that names certificates which exist: Envoy reads them
// when it checks a configuration.
func withCertificates(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const installed = "/etc/corsgate/tls/"
	if !bytes.Contains(text, []byte(installed)) {
		return file
	}
	dir := t.TempDir()
	certs := harness.NewCertificates(t, dir, "corsgate.internal")
	for name, path := range map[string]string{
		"ca.pem": certs.CA, "envoy.pem": certs.Cert, "envoy-key.pem": certs.Key,
	} {
		text = bytes.ReplaceAll(text, []byte(installed+name), []byte(path))
	}
	path := filepath.Join(dir, "envoy.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// leaky is an application that grants everybody everything.
var leaky = [2]string{harness.HeaderResponse, harness.AppResponse{Headers: [][2]string{
	{"Access-Control-Allow-Origin", "*"},
	{"Access-Control-Allow-Credentials", "true"},
	{"Access-Control-Allow-Methods", "DELETE"},
	{"Access-Control-Max-Age", "86400"},
	{"Set-Cookie", "session=secret"},
	{"Timing-Allow-Origin", "https://timing.example"},
	{"Vary", "Accept"},
}}.Header()}

// liveCase is a request through a rendered configuration with [obliging] behind it.
type liveCase struct {
	// beyondUTF8: the Origin has bytes that are no UTF-8.
	beyondUTF8 bool
	name       string
	request    []byte
	status     int
	// cors are the client's CORS headers, and inC those of design C where they differ.
	cors, inC map[string]string
	// messages to the processor by design, "preflight" and "actual".
	messages map[envoy.Design][2]uint64
}

func liveCases() []liveCase {
	origin, timing := [2]string{"Origin", listed}, "https://timing.example"
	asks := [2]string{"Access-Control-Request-Method", "PUT"}
	each := func(a, b, c [2]uint64) map[envoy.Design][2]uint64 {
		return map[envoy.Design][2]uint64{"a": a, "b": b, "c": c}
	}
	allowed := map[string]string{
		"access-control-allow-origin": listed, "vary": "Accept,Origin", "timing-allow-origin": timing,
	}
	bare := map[string]string{"vary": "Accept,Origin", "timing-allow-origin": timing}
	none, onlyVary := map[string]string{}, map[string]string{"vary": "Origin"}
	return []liveCase{
		{
			name:    "rule 51: a preflight is answered with one message",
			request: harness.Request("OPTIONS", "/", host, origin, asks, leaky), status: 204,
			cors: map[string]string{
				"access-control-allow-origin": listed, "access-control-allow-methods": "PUT",
				"vary": "Origin, Access-Control-Request-Method",
			},
			messages: each([2]uint64{1, 0}, [2]uint64{1, 0}, [2]uint64{1, 0}),
		},
		{
			name:    "rule 62: the application's CORS headers are replaced",
			request: harness.Request("GET", "/", host, origin, leaky), status: 200,
			cors:     allowed,
			messages: each([2]uint64{0, 2}, [2]uint64{0, 1}, [2]uint64{0, 1}),
		},
		{
			name:    "rule 3: OPTIONS without a requested method is no preflight",
			request: harness.Request("OPTIONS", "/", host, origin, leaky), status: 200,
			cors:     allowed,
			messages: each([2]uint64{0, 2}, [2]uint64{0, 1}, [2]uint64{0, 1}),
		},
		{
			name:    "rule 1: no Origin costs design C nothing",
			request: harness.Request("GET", "/", host, leaky), status: 200,
			cors:     bare,
			messages: each([2]uint64{0, 2}, [2]uint64{0, 1}, [2]uint64{0, 0}),
		},
		{
			name:    "rule 1: neither does an empty one",
			request: harness.Request("GET", "/", host, [2]string{"Origin", " "}, leaky), status: 200,
			cors:     bare,
			messages: each([2]uint64{0, 2}, [2]uint64{0, 1}, [2]uint64{0, 0}),
		},
		{
			name: "rule 23: an Origin outside UTF-8 is asked about and fails no call", beyondUTF8: true,
			request: harness.Request("GET", "/", host, [2]string{"Origin", "https://\xff.example"}, leaky), status: 200,
			cors:     bare,
			messages: each([2]uint64{0, 2}, [2]uint64{0, 1}, [2]uint64{0, 1}),
		},
		{
			name:    "a malformed request keeps its 400 and opens no stream",
			request: []byte("GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n"), status: 400, cors: none, inC: onlyVary,
		},
		{
			name:    "rule 5: so does a method that is no method",
			request: harness.Request("options (", "/", host, origin, asks), status: 400, cors: none, inC: onlyVary,
		},
		{
			name:    "too many header bytes keep their 431",
			request: harness.Request("GET", "/", host, origin, [2]string{"x-big", string(bytes.Repeat([]byte("a"), 70_000))}),
			status:  431, cors: none, inC: onlyVary,
		},
	}
}

func TestDesignsLive(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			app := harness.StartApp(t)
			p := harness.StartScripted(t, "", obliging)
			e := harness.StartDesign(t, design, app.Addr, p.Addr)
			e.AwaitProcessors(t, 1)
			for _, c := range liveCases() {
				if c.beyondUTF8 && design == envoy.ResponseOnly {
					continue // attributes carry its bytes, which the scripted processor's gRPC refuses; corsgate's does not (TestVectors)
				}
				t.Run(c.name, func(t *testing.T) { c.run(t, design, e) })
			}
			assertNothingSecret(t, p.Asked())
		})
	}
}

func (c *liveCase) run(t *testing.T, design envoy.Design, e *harness.Envoy) {
	preflight, actual := e.Calls(t, envoy.CallPreflight), e.Calls(t, envoy.CallActual, envoy.CallActualClosed)
	got := harness.Exchange(t, e.Addr, c.request)
	if got.Status != c.status {
		t.Errorf("status %d, want %d", got.Status, c.status)
	}
	want := c.cors
	if design == envoy.Metadata && c.inC != nil {
		want = c.inC
	}
	if diff := cmp.Diff(want, got.CORS()); diff != "" {
		t.Errorf("CORS headers (-want +got):\n%s", diff)
	}
	preflight = e.Calls(t, envoy.CallPreflight).Sub(preflight)
	actual = e.Calls(t, envoy.CallActual, envoy.CallActualClosed).Sub(actual)
	if got := [2]uint64{preflight.Messages, actual.Messages}; got != c.messages[design] {
		t.Errorf("messages for preflight and actual: %v, want %v", got, c.messages[design])
	}
	if preflight.Failed+actual.Failed != 0 {
		t.Errorf("failed calls: %+v %+v", preflight, actual)
	}
}

// assertNothingSecret fails when credentials have left Envoy, or the scheme was taken from a client.
func assertNothingSecret(t *testing.T, asked []harness.Asked) {
	t.Helper()
	if len(asked) == 0 {
		t.Error("the processor was not asked at all")
	}
	for _, a := range asked {
		for _, h := range append(a.GetRequestHeaders().GetHeaders().GetHeaders(), a.GetResponseHeaders().GetHeaders().GetHeaders()...) {
			switch h.GetKey() {
			case "cookie", "authorization", "set-cookie":
				t.Errorf("%s was sent to the processor", h.GetKey())
			}
		}
	}
}

// What a client sends must neither reach the processor as a hint nor change the scheme.
func TestClientCannotForgeTenantOrScheme(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			app := harness.StartApp(t)
			p := harness.StartScripted(t, "", obliging)
			o := envoy.DefaultOptions(design)
			o.Upstream, o.Processors = app.Addr, []string{p.Addr}
			o.Routes = []envoy.Route{{Domains: []string{"*.acme.example"}, Tenant: "acme"}}
			e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o})
			e.AwaitProcessors(t, 1)
			forged := [][2]string{
				{"Origin", listed},
				{wire.GRPCTenant, "other"},
				{"X-Forwarded-Proto", "https"},
				{"Cookie", "a=b"},
				{"Authorization", "Bearer x"},
			}
			for authority, tenant := range map[string][]string{host + ":8443": {"acme"}, "elsewhere.example": nil} {
				harness.Exchange(t, e.Addr, harness.Request("GET", "/", authority, forged...))
				asked := p.Asked()
				assertNothingSecret(t, asked)
				for _, a := range asked {
					if diff := cmp.Diff(tenant, a.Metadata.Get(wire.GRPCTenant)); diff != "" {
						t.Errorf("tenant of %s (-want +got):\n%s", authority, diff)
					}
					if s := schemeOf(a); s != "" && s != "http" {
						t.Errorf("scheme is %q, want http", s)
					}
				}
			}
		})
	}
}

func schemeOf(a harness.Asked) string {
	if s := field(a.GetRequestHeaders(), ":scheme"); s != "" {
		return s
	}
	return attribute(a.ProcessingRequest, wire.AttrScheme)
}

// A processor that was taken over can write CORS headers and nothing else.
func TestProcessorMayWriteOnlyCORS(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			app := harness.StartApp(t)
			p := harness.StartScripted(t, "", func(a harness.Asked) (*extprocv3.ProcessingResponse, error) {
				resp, err := obliging(a)
				extra := mutation("set-cookie", "a=b", "location", "https://evil.example", "x-app", "b")
				for _, m := range mutationsOf(resp) {
					m.SetHeaders = append(m.SetHeaders, extra.GetSetHeaders()...)
				}
				return resp, err
			})
			e := harness.StartDesign(t, design, app.Addr, p.Addr)
			e.AwaitProcessors(t, 1)
			for _, method := range []string{"OPTIONS", "GET"} {
				got := harness.Exchange(t, e.Addr, harness.Request(method, "/", host,
					[2]string{"Origin", listed}, [2]string{"Access-Control-Request-Method", "PUT"}))
				if got.Get("access-control-allow-origin") != listed {
					t.Errorf("%s: not decided: %v", method, got.Headers)
				}
				for _, name := range []string{"set-cookie", "location", "x-app"} {
					if v := got.Get(name); v != "" {
						t.Errorf("%s: the processor set %s: %q", method, name, v)
					}
				}
			}
		})
	}
}

// The decision, or its absence, must be visible to operators.
func TestAccessLogShowsTheDecision(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			app := harness.StartApp(t)
			p := harness.StartScripted(t, "", obliging)
			e := harness.StartDesign(t, design, app.Addr, p.Addr)
			e.AwaitProcessors(t, 1)
			origin, asks := [2]string{"Origin", listed}, [2]string{"Access-Control-Request-Method", "PUT"}
			harness.Exchange(t, e.Addr, harness.Request("OPTIONS", "/preflight", host, origin, asks))
			harness.Exchange(t, e.Addr, harness.Request("GET", "/actual", host, origin))
			for path, details := range map[string]string{"/preflight": "cors_preflight_allowed", "/actual": "via_upstream"} {
				line := e.AwaitLog(t, path)
				got := map[string]string{}
				for _, member := range []string{"cors_decision", "cors_reason", "details", "origin", "authority"} {
					got[member] = line.Text(member)
				}
				want := map[string]string{
					"cors_decision": "allowed", "cors_reason": "obliging", "details": details,
					"origin": listed, "authority": host,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s\n%v", path, diff, fmt.Sprint(line))
				}
				for _, absent := range []string{
					"cors_tenant", "cors_phase", "cors_tier", "cors_version", "cors_source", "cors_entry", "cors_variant", "cors_shadow", "trace_id",
				} {
					if v, ok := line[absent]; !ok || v != nil {
						t.Errorf("%s: %s, which nobody set, is %v", path, absent, v)
					}
				}
			}
		})
	}
}
