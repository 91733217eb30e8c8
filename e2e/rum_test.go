package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/rum"
)

// rumCase is what a page does and what comes of it.
type rumCase struct {
	name   string
	page   string // a page's name, with a path
	script string
	// outcome is what the page sees.
	outcome string
	want    map[string]int
}

// Verdicts of real causes in the real browser. Each page makes requests by fetch and by XMLHttpRequest.
func rumCases() []rumCase {
	const put = `{method: "PUT"}`
	both := func(url, init string) string {
		return `return [await viaFetch(` + url + `, ` + init + `), await viaXHR(` + url + `, ` + init + `)]`
	}
	one := func(verdict string, n int) map[string]int { return map[string]int{"report accepted": 1, verdict: n} }
	return []rumCase{
		{"a listed page reads 200", "app/", both(`api + "/hello"`, `{}`), "cors 200,load 200", one("ok", 2)},
		{"a listed page reads 500", "app/", both(`api + "/status/500"`, `{credentials: "include"}`), "cors 500,load 500", one("ok with credentials", 2)},
		{"a listed page reads Envoy's own 503", "app/", both(`api + "/crash"`, put), "cors 503,load 503", one("ok", 2)},
		{"no Access-Control-Allow-Origin", "evil/", both(`api + "/hello"`, `{}`), "TypeError,error 0", one("cors_blocked", 2)},
		{"nor on a 500", "evil/", both(`api + "/status/500"`, `{credentials: "include"}`), "TypeError,error 0", one("cors_blocked with credentials", 2)},
		{"a refused preflight", "evil/", both(`api + "/hello"`, put), "TypeError,error 0", one("cors_blocked", 2)},
		{"a method that is not listed", "app/", both(`api + "/hello"`, `{method: "DELETE"}`), "TypeError,error 0", one("cors_blocked", 2)},
		{"a header that is not listed", "app/", `return await viaFetch(api + "/hello", {headers: {"x-secret": "1"}})`, "TypeError", one("cors_blocked", 1)},
		{"connection refused", "app/", both(`down + "/hello"`, `{}`), "TypeError,error 0", one("network", 2)},
		{"connection reset", "app/", both(`reset + "/hello"`, `{credentials: "include"}`), "TypeError,error 0", one("network with credentials", 2)},
		{"something strips every CORS header", "app/", both(`stripped + "/hello"`, `{}`), "TypeError,error 0", one("unknown", 2)},
		{
			"several APIs in one beacon", "app/",
			`return [await viaFetch(api + "/hello"), await viaFetch(down), await viaFetch(api + "/hello", {method: "DELETE"}), await viaFetch(stripped)]`,
			"cors 200,TypeError,TypeError,TypeError",
			map[string]int{"report accepted": 3, "ok": 1, "network": 1, "cors_blocked": 1, "unknown": 1},
		},
		{
			"an expected header is hidden", "app/",
			`return [await viaFetch(api + "/hidden"), await viaFetch(api + "/redirect/api/hello"), await viaXHR(api + "/hidden"), await viaXHR(api + "/hello")]`,
			"cors 200,cors 200,load 200,load 200",
			map[string]int{"report accepted": 1, "ok": 4, "exposed missing": 2},
		},
	}
}

// rumSilent are things that fail and that no report may speak of.
func rumSilent() []rumCase {
	return []rumCase{
		{name: "aborted", page: "app/", outcome: "AbortError,abort 0", script: `
const abort = new AbortController(), xhr = new XMLHttpRequest();
const fetched = viaFetch(api + "/hello", {signal: abort.signal});
abort.abort();
const ended = new Promise(done => xhr.onabort = () => done("abort " + xhr.status));
xhr.open("PUT", api + "/hello"); xhr.send(); xhr.abort();
return [await fetched, await ended]`},
		{name: "aborted with a TypeError", page: "evil/", outcome: "TypeError", script: `
const abort = new AbortController();
const fetched = viaFetch(api + "/hello", {signal: abort.signal});
abort.abort(new TypeError("Failed to fetch"));
return await fetched`},
		{name: "the page's own origin", page: "app/", outcome: "TypeError,error 0", script: `return [await viaFetch("/crash"), await viaXHR("/crash")]`},
		{name: "an origin that is not watched", page: "app/", outcome: "TypeError", script: `return await viaFetch("http://else.localhost:" + new URL(stripped).port)`},
		{name: "mistakes of the page", page: "app/", outcome: "TypeError,TypeError,TypeError", script: `
return [await viaFetch(api, {body: "x"}), await viaFetch(api, {method: "a b"}), await viaFetch(api, {headers: {"a b": "c"}})]`},
		{name: "hidden by request", page: "evil/", outcome: "opaque 0,TypeError", script: `
return [await viaFetch(api + "/hello", {mode: "no-cors"}), await viaFetch(down, {mode: "no-cors"})]`},
		{name: "synchronous", page: "evil/", outcome: "NetworkError", script: `return await viaXHR(api + "/hello", {sync: true})`},
	}
}

// TestRUM has Chromium be blocked, allowed and cut off for real, behind the real Envoy.
func TestRUM(t *testing.T) {
	browser := startBrowser(t)
	b := startRUMLab(t, browser, false)
	denied := func(tenant, origin string) bool { return tenant == "api" && origin == b.pages["evil"] }
	url := func(page string) string {
		name, path, _ := strings.Cut(page, "/")
		return b.pages[name] + "/" + path
	}
	for _, c := range rumCases() {
		t.Run(c.name, func(t *testing.T) {
			b.renew(t, denied)
			outcome, asked := b.visit(t, url(c.page), c.script)
			if outcome != c.outcome {
				t.Errorf("the page sees %q, want %q", outcome, c.outcome)
			}
			b.counted.await(t, c.want)
			if n := len(pings(asked)); n > 2*3 {
				t.Errorf("%d pings: %q", n, asked)
			}
		})
	}
	for _, c := range rumSilent() {
		t.Run("silent: "+c.name, func(t *testing.T) {
			b.renew(t, denied)
			outcome, asked := b.visit(t, url(c.page), c.script)
			if outcome != c.outcome {
				t.Errorf("the page sees %q, want %q", outcome, c.outcome)
			}
			if found := pings(asked); len(found) > 0 {
				t.Errorf("the module asked %q", found)
			}
			b.awaitNothingElse(t, url("app/"))
		})
	}
	t.Run("silent: forbidden by the page's policy", func(t *testing.T) {
		b.renew(t, denied)
		if outcome, _ := b.visit(t, url("app/csp"), `return await viaFetch(stripped)`); outcome != "TypeError" {
			t.Errorf("the page sees %q", outcome)
		}
		b.awaitNothingElse(t, url("app/"))
	})
	t.Run("silent: offline", func(t *testing.T) { checkOffline(t, b, url("app/")) })
	t.Run("a page that nobody knows", func(t *testing.T) {
		b.renew(t, nil)
		b.visit(t, url("evil/"), `return await viaFetch(api + "/hello")`)
		b.counted.await(t, map[string]int{"report unverified": 1})
	})
	t.Run("the page does not notice", func(t *testing.T) { checkUnnoticed(t, b, url) })
	t.Run("no preflight, no cookie", func(t *testing.T) { checkBeacons(t, b) })
	t.Run("the metrics of the process", func(t *testing.T) { checkRUMMetrics(t, startRUMLab(t, browser, true)) })
}

func pings(asked []string) []string {
	var found []string
	for _, url := range asked {
		if strings.HasSuffix(url, "/ping") || strings.HasSuffix(url, "/cors-ping") {
			found = append(found, url)
		}
	}
	return found
}

// awaitNothingElse makes one good request: it must be all that is ever reported.
func (b *rumLab) awaitNothingElse(t *testing.T, page string) {
	t.Helper()
	b.visit(t, page, `return await viaFetch(api + "/hello")`)
	b.counted.await(t, map[string]int{"report accepted": 1, "ok": 1})
}

func checkOffline(t *testing.T, b *rumLab, page string) {
	b.renew(t, nil)
	if err := b.browser.Navigate(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	if err := b.browser.Offline(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Outcome string
		Online  bool
		Asked   []string
	}
	script := `const Outcome = await viaFetch(arguments[0] + "/hello"); await quiet(); return {Outcome, Online: navigator.onLine, Asked: asked};`
	err := b.browser.Run(t.Context(), &got, script, b.apis["api"])
	if back := b.browser.Offline(t.Context(), false); err != nil || back != nil {
		t.Fatal(err, back)
	}
	if got.Outcome != "TypeError" || got.Online || len(pings(got.Asked)) > 0 {
		t.Errorf("offline the page sees %+v", got)
	}
	b.awaitNothingElse(t, page)
}

// checkUnnoticed does everything twice, with the module and without.
func checkUnnoticed(t *testing.T, b *rumLab, url func(string) string) {
	const script = `
const told = async promise => { try { return await promise } catch (e) { return e.name + ": " + e.message } };
const stream = async response => { let n = 0; for await (const part of (await response).body) n += part.length; return n };
const late = new AbortController();
const hanging = fetch(api + "/hello", {signal: late.signal});
late.abort(new RangeError("mine"));
const request = new Request(api + "/hello", {method: "PUT", headers: {"content-type": "application/json"}, body: "{}"});
const results = [
  await told(fetch(api + "/hello").then(r => r.text())),
  await told(fetch(api + "/status/404").then(r => [r.status, r.ok, r.type, r.redirected, r.url === api + "/status/404"])),
  await told(fetch(api + "/redirect/api/hello").then(r => [r.redirected, r.status])),
  await told(stream(fetch(api + "/hello"))),
  await told(fetch(request).then(r => r.status)), request.bodyUsed,
  await told(fetch(request)),
  await told(hanging),
  await told(fetch(api + "/hello", {method: "DELETE"})),
  await told(fetch(down)),
  await told(fetch(api, {body: "x"})),
  await told(fetch()),
  await told(fetch(api + "/hello", {method: "POST", keepalive: true, body: "x"}).then(r => r.status)),
  await told(fetch(api + "/hello").then(r => r.clone().text())),
  await viaXHR(api + "/hello"), await viaXHR(api + "/status/500"), await viaXHR(down), await viaXHR(api + "/hello", {sync: true}),
  fetch.name, fetch.length, XMLHttpRequest.prototype.open.length,
];
fetch(down); // nobody handles it
await new Promise(done => addEventListener("unhandledrejection", () => done(), {once: true}));
return JSON.stringify([...results, unhandled])`
	b.renew(t, nil)
	plain, _ := b.visit(t, url("app/plain"), script)
	watched, asked := b.visit(t, url("app/"), script)
	// The addresses of plain and watched pages do not differ in what is said.
	if diff := cmp.Diff(plain, watched); diff != "" {
		t.Errorf("a watched page sees something else (-plain +watched):\n%s", diff)
	}
	if !strings.Contains(watched, "Failed to fetch") || len(pings(asked)) == 0 {
		t.Errorf("nothing was watched: %s, %q", watched, asked)
	}
}

// checkBeacons looks at everything that ever reached the collector, and at Envoy's log.
func checkBeacons(t *testing.T, b *rumLab) {
	b.mu.Lock()
	beacons := b.beacons
	b.mu.Unlock()
	if len(beacons) < len(rumCases()) {
		t.Errorf("%d beacons in all", len(beacons))
	}
	for _, r := range beacons {
		if r.Method != http.MethodPost || r.URL.String() != rum.Path || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s %s, %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		for _, name := range []string{"Cookie", "Authorization", "Referer"} {
			if value := r.Header.Get(name); value != "" {
				t.Errorf("a beacon carries %s: %s", name, value)
			}
		}
		if origin := r.Header.Get("Origin"); origin != b.pages["app"] && origin != b.pages["evil"] {
			t.Errorf("a beacon of %q", origin)
		}
	}
	seen := map[string]int{}
	for _, entry := range b.envoy.AccessLog(t) {
		if path := entry.Text("path"); strings.HasPrefix(path, "/.well-known/") {
			seen[entry.Text("method")+" "+path]++
		}
	}
	for _, want := range []string{"GET /.well-known/corsgate/ping", "GET /.well-known/corsgate/cors-ping", "POST " + rum.Path} {
		if seen[want] == 0 {
			t.Errorf("Envoy saw no %s", want)
		}
		delete(seen, want)
	}
	if len(seen) > 0 {
		t.Errorf("Envoy also saw %v", seen)
	}
}
