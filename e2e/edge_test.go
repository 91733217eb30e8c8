package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

var errIncomplete = errors.New("incomplete")

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

// Names of the tenant that most tests speak to.
const (
	host    = "api.acme.example"
	listed  = "https://app.acme.example"
	foreign = "https://evil.example"
)

const acme = `
id: acme
hosts: [api.acme.example]
policy:
  origins: ["https://app.acme.example"]
  methods: [PUT]
  request_headers: [content-type]
  expose_headers: [x-request-id]
  credentials: true
  max_age: 600s
`

// patientTimeout is a message timeout that only a processor which hangs reaches, however busy
// the machine is.
const patientTimeout = harness.PatientTimeout

// tenantsFile writes documents into a file of their own.
func tenantsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	replaceFile(t, path, text)
	return path
}

// replaceFile puts text in place of path at once, as a careful writer does.
func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// edge is an application behind Envoy with one corsgate process.
type edge struct {
	*harness.Envoy
	app       *harness.App
	processor *harness.Processor
	tenants   string
	fault     func(*testing.T) // what is done to the processor, by tests that do something
}

// startEdge starts all three. edit may change what is rendered.
func startEdge(t *testing.T, design envoy.Design, edit func(*envoy.Options)) *edge {
	t.Helper()
	e := startBehind(t)
	e.Envoy = startEnvoy(t, design, e.app.Addr, edit, e.processor.Addr)
	return e
}

// startBehind starts what is behind Envoy: the application and a corsgate process.
func startBehind(t *testing.T) *edge {
	t.Helper()
	e := &edge{app: harness.StartApp(t), tenants: tenantsFile(t, acme)}
	e.processor = harness.StartProcessor(t, harness.ProcessorOptions{Tenants: e.tenants})
	return e
}

func startEnvoy(t *testing.T, d envoy.Design, app string, edit func(*envoy.Options), processors ...string) *harness.Envoy {
	t.Helper()
	o := envoy.DefaultOptions(d)
	o.Upstream, o.Processors = app, processors
	o.MessageTimeout = patientTimeout
	if edit != nil {
		edit(&o)
	}
	e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o})
	e.AwaitProcessors(t, len(processors))
	return e
}

// ask sends one request to the tenant's host on a connection of its own.
func (e *edge) ask(t *testing.T, method, path string, headers ...[2]string) *harness.Response {
	t.Helper()
	return harness.Exchange(t, e.Addr, harness.Request(method, path, host, headers...))
}

func preflight(origin, method string) [][2]string {
	return [][2]string{{"origin", origin}, {"access-control-request-method", method}}
}

// answer makes the application answer with these header lines.
func answer(status int, headers ...[2]string) [2]string {
	return [2]string{harness.HeaderResponse, harness.AppResponse{Status: status, Headers: headers}.Header()}
}

// grants are the headers that tell a browser to let a page of the listed origin read.
func grants() map[string]string {
	return map[string]string{
		"access-control-allow-origin":      listed,
		"access-control-allow-credentials": "true",
		"access-control-expose-headers":    "x-request-id",
		"vary":                             "Origin",
	}
}

// onlyVary is what a page that must not read gets.
func onlyVary() map[string]string { return map[string]string{"vary": "Origin"} }
