package e2e_test

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/e2e/webdriver"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/rum"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// rumTenant has the listed page's origin to fill in. All hosts but the first are reached without Envoy.
const rumTenant = `
id: api
hosts: [api.localhost, down.localhost, reset.localhost, stripped.localhost]
policy:
  origins: [%[1]q]
  methods: [PUT]
  request_headers: [content-type]
  expose_headers: [x-request-id]
  credentials: true
  max_age: 0s
routes:
- path_prefix: /hidden
  policy: {origins: [%[1]q], credentials: true}
`

// rumLab is a browser, pages that are watched, Envoy with the paths that they need, a gateway, and
// a collector whose counters the test sees.
type rumLab struct {
	browser *webdriver.Session
	envoy   *harness.Envoy
	// apis by name: "api" behind Envoy, "down" where nobody listens, "reset" where connections break,
	// "stripped" which answers without any CORS header.
	apis map[string]string
	// pages by name: "app" is listed, "evil" is not.
	pages map[string]string
	known tenant.Registry
	// process is the gateway.
	process *harness.Processor

	mu        sync.Mutex
	collector *rum.Collector
	counted   *rumTally
	// beacons are the requests that reached the collector, bodies apart.
	beacons []*http.Request
}

// startRUMLab starts everything but the browser. Reports go to a collector inside the test, or to
// that of the process.
func startRUMLab(t *testing.T, browser *webdriver.Session, toProcess bool) *rumLab {
	t.Helper()
	b := &rumLab{browser: browser, apis: map[string]string{}, pages: map[string]string{}}
	for _, name := range []string{"app", "evil"} {
		b.pages[name] = "http://" + net.JoinHostPort(name+".localhost", portOf(serveHTTP(t, b.page())))
	}
	document := fmt.Sprintf(rumTenant, b.pages["app"])
	b.known = tenanttest.New(t, document)
	tenants := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(tenants, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	o := envoy.DefaultOptions(envoy.Metadata)
	o.MessageTimeout = patientTimeout
	b.process = harness.StartProcessor(t, harness.ProcessorOptions{
		Tenants: tenants, Args: []string{"--rum-listen", "127.0.0.1:0", "--rum-trusted-hops", "1"},
	})
	o.Processors = []string{b.process.Addr}
	app := &browserApp{asked: map[string][]string{}}
	o.Upstream = serveHTTP(t, app)
	if toProcess {
		o.RUM = &envoy.RUM{Collector: rumAddr(t, b.process)}
	} else {
		o.RUM = &envoy.RUM{Collector: serveHTTP(t, http.HandlerFunc(b.collect))}
	}
	b.envoy = harness.StartEnvoy(t, harness.EnvoyOptions{Config: o})
	b.envoy.AwaitProcessors(t, 1)
	app.port = portOf(b.envoy.Addr)
	for name, addr := range map[string]string{
		"api":      b.envoy.Addr,
		"down":     harness.FreeAddr(t),
		"reset":    resetting(t),
		"stripped": serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })),
	} {
		b.apis[name] = "http://" + net.JoinHostPort(name+".localhost", portOf(addr))
	}
	return b
}

// resetting accepts connections, reads something and resets them.
func resetting(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// rumKit runs before the module: it remembers what reaches the browser, and tells when the module has
// nothing more to ask.
const rumKit = `<!doctype html><title>page</title><script>
const asked = [], pending = new Set(), unhandled = [];
const browserFetch = fetch;
window.fetch = function fetch(input) {
  const url = String(input?.url ?? input), promise = browserFetch.apply(this, arguments);
  asked.push(url);
  if (url.includes("/.well-known/")) {
    const settled = promise.then(() => {}, () => {}).then(() => pending.delete(settled));
    pending.add(settled);
  }
  return promise;
};
const browserTimeout = setTimeout;
window.setTimeout = (run, ms, ...rest) => {
  if (!(ms > 0 && ms < 1000)) return browserTimeout(run, ms, ...rest);
  const ran = new Promise(done => browserTimeout(() => { run(...rest); done(); }, ms)).then(() => pending.delete(ran));
  pending.add(ran);
};
addEventListener("unhandledrejection", event => unhandled.push(String(event.reason)));
const nextTask = () => new Promise(done => setTimeout(done));
async function quiet() {
  do { await Promise.all(pending); await nextTask(); } while (pending.size > 0);
}
const viaFetch = (url, init) => fetch(url, init).then(r => r.type + " " + r.status, e => e.name);
const viaXHR = (url, {method = "GET", credentials, sync = false} = {}) => new Promise(done => {
  const xhr = new XMLHttpRequest();
  xhr.open(method, url, !sync);
  xhr.withCredentials = credentials === "include";
  for (const type of ["load", "error", "abort", "timeout"]) xhr.addEventListener(type, () => done(type + " " + xhr.status));
  try { xhr.send(); } catch (e) { done(e.name); }
});
</script>`

// page serves a page with the module ("/"), one without ("/plain"), one whose content security policy
// forbids an API ("/csp"), and a path that fails.
func (b *rumLab) page() http.Handler {
	module := filepath.Join(harness.RepoRoot(), "rum", "corsgate-rum.js")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/corsgate-rum.js":
			http.ServeFile(w, r, module)
			return
		case "/crash":
			hangUp(w)
			return
		case "/csp":
			w.Header().Set("Content-Security-Policy", "connect-src 'self' "+b.apis["api"])
		}
		text := rumKit
		if r.URL.Path != "/plain" {
			var apis []string
			for _, name := range []string{"api", "down", "reset", "stripped"} {
				apis = append(apis, b.apis[name])
			}
			text += fmt.Sprintf(`<script src="/corsgate-rum.js" data-apis="%s http://%s" data-exposed="x-request-id" data-collector="%s%s"></script>`,
				strings.Join(apis, " "), r.Host, b.apis["api"], rum.Path)
		}
		_, _ = io.WriteString(w, text)
	})
}

// collect hands a request to the collector of the moment.
func (b *rumLab) collect(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	collector := b.collector
	b.beacons = append(b.beacons, r.Clone(r.Context()))
	b.mu.Unlock()
	collector.ServeHTTP(w, r)
}

// renew starts to count anew.
func (b *rumLab) renew(t *testing.T, denied func(tenant, origin string) bool) {
	t.Helper()
	counted := &rumTally{n: map[string]int{}}
	collector, err := rum.New(rum.Options{Registry: b.known, Meter: counted, Denied: denied, TrustedHops: 1})
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.collector, b.counted = collector, counted
}

// visit opens a page, runs a script in it, waits until the module has made up its mind, and leaves the
// page, which sends the beacon. It gives what the script returned and what the page asked for.
func (b *rumLab) visit(t *testing.T, url, script string) (outcome string, asked []string) {
	t.Helper()
	if err := b.browser.Navigate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Outcome string
		Asked   []string
	}
	const frame = `const [api, down, reset, stripped] = arguments;
const Outcome = await (async () => { %s })();
await quiet();
return {Outcome: String(Outcome), Asked: asked};`
	err := b.browser.Run(t.Context(), &got, fmt.Sprintf(frame, script), b.apis["api"], b.apis["down"], b.apis["reset"], b.apis["stripped"])
	if err != nil {
		t.Fatal(err)
	}
	if err := b.browser.Navigate(t.Context(), "about:blank"); err != nil {
		t.Fatal(err)
	}
	return got.Outcome, got.Asked
}

// rumTally is a meter that the test reads.
type rumTally struct {
	mu sync.Mutex
	n  map[string]int
}

func (m *rumTally) add(what string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n[what] += n
}

// Report implements [rum.Meter].
func (m *rumTally) Report(result string) { m.add("report "+result, 1) }

// Requests implements [rum.Meter].
func (m *rumTally) Requests(verdict string, credentials bool, n int) {
	if credentials {
		verdict += " with credentials"
	}
	m.add(verdict, n)
}

// ExposedMissing implements [rum.Meter].
func (m *rumTally) ExposedMissing(n int) { m.add("exposed missing", n) }

// await waits until the counters are these.
func (m *rumTally) await(t *testing.T, want map[string]int) {
	t.Helper()
	harness.Eventually(t, "the counters", func() error {
		m.mu.Lock()
		got := maps.Clone(m.n)
		m.mu.Unlock()
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("counters (-want +got):\n%s", diff)
		}
		return nil
	})
}
