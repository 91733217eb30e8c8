package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// failure is a way in which a processor fails, and what clients then see of a design.
type failure struct {
	script harness.Script
	// stop closes the processor's port instead.
	stop bool
	// preflight is the status of a preflight; actual that of designs that fail closed.
	preflight, actual int
}

func failures() map[string]failure {
	return map[string]failure{
		"it is gone": {stop: true, preflight: 503, actual: 503},
		"it hangs": {
			script:    hang,
			preflight: 504, actual: 504,
		},
		"it answers with an error": {
			script:    boom,
			preflight: 503, actual: 503,
		},
	}
}

// Whatever happens to the processor, no CORS header of the application may get out, unless
// the operator asked to fail open; and in design C the application stays reachable.
func TestProcessorFailure(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		for name, f := range failures() {
			t.Run(string(design)+", "+name, func(t *testing.T) {
				t.Parallel()
				app := harness.StartApp(t)
				p := harness.StartScripted(t, "", obliging)
				e := harness.StartDesign(t, design, app.Addr, p.Addr)
				e.AwaitProcessors(t, 1)
				if f.stop {
					p.Stop()
					e.AwaitProcessors(t, 0)
				}
				p.SetScript(f.script)
				assertFailure(t, e, app, design, f)
			})
		}
	}
}

func assertFailure(t *testing.T, e *harness.Envoy, app *harness.App, design envoy.Design, f failure) {
	t.Helper()
	origin, asks := [2]string{"Origin", listed}, [2]string{"Access-Control-Request-Method", "PUT"}
	got := harness.Exchange(t, e.Addr, harness.Request("OPTIONS", "/", host, origin, asks, leaky))
	if got.Status != f.preflight || app.Total() != 0 {
		t.Errorf("preflight: status %d, want %d; the application saw %d requests, want none", got.Status, f.preflight, app.Total())
	}
	noCORS(t, "preflight", got)

	want := f.actual
	if design == envoy.Metadata {
		want = http.StatusOK
	}
	got = harness.Exchange(t, e.Addr, harness.Request("GET", "/", host, origin, leaky))
	if got.Status != want {
		t.Errorf("actual: status %d, want %d", got.Status, want)
	}
	noCORS(t, "actual", got)
	if design == envoy.Metadata && got.Get("vary") != "Accept,Origin" {
		t.Errorf("actual: Vary is %q", got.Get("vary"))
	}
}

func noCORS(t *testing.T, what string, got *harness.Response) {
	t.Helper()
	for name, value := range got.CORS() {
		if name != "vary" && name != "timing-allow-origin" {
			t.Errorf("%s: %s: %q got out", what, name, value)
		}
	}
}

// Failing open is what it says: the request passes, and so do the application's CORS headers.
func TestFailOpenPassesTheApplicationsHeaders(t *testing.T) {
	t.Parallel()
	app := harness.StartApp(t)
	o := envoy.DefaultOptions(envoy.TwoCallbacks)
	o.Upstream, o.Processors, o.FailOpen = app.Addr, []string{harness.FreeAddr(t)}, true
	e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o})
	got := harness.Exchange(t, e.Addr, harness.Request("GET", "/", host, [2]string{"Origin", listed}, leaky))
	if got.Status != http.StatusOK || got.Get("access-control-allow-origin") != "*" {
		t.Errorf("status %d, headers %v", got.Status, got.CORS())
	}
	got = harness.Exchange(t, e.Addr, harness.Request("OPTIONS", "/", host,
		[2]string{"Origin", listed}, [2]string{"Access-Control-Request-Method", "PUT"}, leaky))
	if got.Status != http.StatusServiceUnavailable {
		t.Errorf("preflight: status %d, want 503", got.Status)
	}
}

// Calls that one client makes fail must not take a processor from all others.
func TestFailingCallsEjectNoProcessor(t *testing.T) {
	t.Parallel()
	app := harness.StartApp(t)
	broken := failures()["it answers with an error"].script
	a, b := harness.StartScripted(t, "", broken), harness.StartScripted(t, "", broken)
	e := harness.StartDesign(t, envoy.TwoCallbacks, app.Addr, a.Addr, b.Addr)
	e.AwaitProcessors(t, 2)
	for range 30 {
		harness.Exchange(t, e.Addr, harness.Request("GET", "/", host, [2]string{"Origin", listed}))
	}
	if failed := e.Calls(t, envoy.CallActualClosed).Failed; failed != 30 {
		t.Errorf("%d calls failed, want 30", failed)
	}
	if n := e.Stat(t, "cluster."+envoy.ClusterProcessor+".outlier_detection.ejections_active"); n != 0 {
		t.Errorf("%d processors were ejected", n)
	}
}

func TestProcessorOverUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "corsgate-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	app := harness.StartApp(t)
	p := harness.StartScripted(t, "unix:"+filepath.Join(dir, "s"), obliging)
	e := harness.StartDesign(t, envoy.Metadata, app.Addr, p.Addr)
	assertDecides(t, e)
}

func TestProcessorOverMutualTLS(t *testing.T) {
	t.Parallel()
	const name = "corsgate.internal"
	certs := harness.NewCertificates(t, t.TempDir(), name)
	app := harness.StartApp(t)
	p := harness.StartScripted(t, "", obliging, grpc.Creds(serverTLS(t, certs)))
	for san, want := range map[string]bool{name: true, "other.internal": false} {
		t.Run(san, func(t *testing.T) {
			o := envoy.DefaultOptions(envoy.Metadata)
			o.Upstream, o.Processors = app.Addr, []string{p.Addr}
			o.ProcessorTLS = &envoy.TLS{CA: certs.CA, Cert: certs.Cert, Key: certs.Key, SAN: san}
			e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o})
			if want {
				assertDecides(t, e)
				return
			}
			e.AwaitStat(t, "cluster."+envoy.ClusterProcessor+".ssl.fail_verify_san", func(n uint64) bool { return n > 0 })
			e.AwaitProcessors(t, 0)
		})
	}
}

func serverTLS(t *testing.T, c harness.Certificates) credentials.TransportCredentials {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	})
}

// assertDecides fails unless Envoy gets decisions.
func assertDecides(t *testing.T, e *harness.Envoy) {
	t.Helper()
	e.AwaitProcessors(t, 1)
	got := harness.Exchange(t, e.Addr, harness.Request("GET", "/", host, [2]string{"Origin", listed}))
	if got.Get("access-control-allow-origin") != listed {
		t.Errorf("no decision: %d %v", got.Status, got.Headers)
	}
}
