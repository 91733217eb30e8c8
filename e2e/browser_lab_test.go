package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/e2e/webdriver"
	"github.com/corsgate/corsgate/envoy"
)

// browserTenants has the origins of the two listed pages to fill in.
const browserTenants = `
id: api
hosts: [api.localhost]
policy:
  origins: [%[1]q, %[2]q]
  methods: [PUT]
  request_headers: [content-type, x-trace]
  expose_headers: [x-request-id]
  credentials: true
  max_age: 600s
routes:
- path_prefix: /forgotten
  policy: {origins: [%[1]q], methods: [PUT], credentials: true, max_age: 0s}
---
id: public
hosts: [public.localhost]
policy: {origins: ["*"], methods: ["*"], request_headers: ["*"], expose_headers: ["*"]}
`

// browserLab is everything between a browser and an application, in one design.
type browserLab struct {
	browser *webdriver.Session
	envoy   *harness.Envoy
	app     *browserApp
	// origins of the pages by name.
	origins map[string]string
	at      string // the page that the browser shows
}

func startBrowserLab(t *testing.T, browser *webdriver.Session, design envoy.Design) *browserLab {
	t.Helper()
	b := &browserLab{browser: browser, origins: map[string]string{}}
	for name, host := range map[string]string{"app": "app.localhost", "app2": "app.localhost", "evil": "evil.localhost"} {
		addr := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<!doctype html><title>page</title>"))
		}))
		b.origins[name] = "http://" + net.JoinHostPort(host, portOf(addr))
	}
	tenants := filepath.Join(t.TempDir(), "tenants.yaml")
	text := fmt.Sprintf(browserTenants, b.origins["app"], b.origins["app2"])
	if err := os.WriteFile(tenants, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenants})
	b.app = &browserApp{asked: map[string][]string{}}
	b.envoy = harness.StartDesign(t, design, serveHTTP(t, b.app), processor.Addr)
	b.envoy.AwaitProcessors(t, 1)
	b.app.port = portOf(b.envoy.Addr)
	return b
}

// serveHTTP runs h until the test ends and returns its host:port. Browsers keep connections
// that they have not used yet; those would hold up a polite end.
func serveHTTP(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.Listener.Addr().String()
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// fetch makes the fetch of c in the browser.
func (b *browserLab) fetch(t *testing.T, c fetchCase) sight {
	t.Helper()
	if b.at != c.from {
		if err := b.browser.Navigate(t.Context(), b.origins[c.from]); err != nil {
			t.Fatal(err)
		}
		b.at = c.from
	}
	host, path, _ := strings.Cut(c.to, "/")
	target := fmt.Sprintf("http://%s.localhost:%s/%s", host, b.app.port, path)
	before := len(b.requests(c.to))
	script := `const [url, header, framed] = arguments;
const probe = async (url, init, header) => {
  try {
    const r = await fetch(url, init);
    return {Read: true, Type: r.type, Status: r.status, Body: await r.text(), Value: header && r.headers.get(header) || ""};
  } catch (e) { return {}; }
};
const init = ` + "(" + orEmpty(c.init) + ")" + `;
if (!framed) return await probe(url, init, header);
const frame = document.createElement("iframe");
frame.sandbox = "allow-scripts";
const call = [url, init, header].map(v => JSON.stringify(v)).join();
frame.srcdoc = "<script>(" + probe + ")(" + call + ").then(r => parent.postMessage(r, '*'))<" + "/script>";
return await new Promise(done => {
  addEventListener("message", ({source, data}) => { if (source === frame.contentWindow) { frame.remove(); done(data); } });
  document.body.append(frame);
});`
	var got sight
	if err := b.browser.Run(t.Context(), &got, script, target, c.header, c.frame); err != nil {
		t.Fatal(err)
	}
	if asked := b.requests(c.to)[before:]; len(asked) > 0 {
		got.App = asked
	}
	return got
}

func orEmpty(init string) string {
	if init == "" {
		return "{}"
	}
	return init
}

// requests are what the application was asked for an address, redirects followed.
func (b *browserLab) requests(to string) []string {
	_, path, _ := strings.Cut(to, "/")
	path = "/" + path
	if rest, ok := strings.CutPrefix(path, "/redirect/"); ok {
		_, end, _ := strings.Cut(rest, "/")
		path = "/" + end
	}
	b.app.mu.Lock()
	defer b.app.mu.Unlock()
	return append([]string(nil), b.app.asked[path]...)
}

// browserApp is an application that gets CORS wrong.
type browserApp struct {
	port string // of Envoy

	mu sync.Mutex
	// asked :: path → "METHOD Origin" of each request; of a redirect, the path it ends at.
	asked map[string][]string
}

func (a *browserApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "X-Internal-Node")
	h.Set("X-Request-Id", "r-1")
	h.Set("X-Internal-Node", "n-1")
	h.Set("Cache-Control", "no-store")
	note, path := r.Method+" "+r.Header.Get("Origin"), r.URL.Path
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	status, body := http.StatusOK, "hello"
	switch first {
	case "redirect":
		host, end, _ := strings.Cut(rest, "/")
		path, status = "/"+end, http.StatusFound
		h.Set("Location", fmt.Sprintf("http://%s.localhost:%s%s", host, a.port, path))
	case "status":
		status, _ = strconv.Atoi(rest)
	case "cached":
		h.Set("Cache-Control", "max-age=600")
	case "etag":
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", `"one"`)
		if r.Header.Get("If-None-Match") != "" {
			status, note = http.StatusNotModified, note+" 304"
		}
	case "cookie":
		if _, err := r.Cookie("session"); err != nil {
			h.Set("Set-Cookie", "session=ada; Path=/; Secure; SameSite=None; Partitioned")
		}
		body = r.Header.Get("Cookie")
	}
	a.mu.Lock()
	a.asked[path] = append(a.asked[path], note)
	a.mu.Unlock()
	if first == "crash" {
		hangUp(w)
		return
	}
	w.WriteHeader(status)
	if status != http.StatusNotModified {
		_, _ = w.Write([]byte(body)) // the browser may have gone
	}
}

// hangUp ends the connection without a response, so that Envoy has to make one.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}
