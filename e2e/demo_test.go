package e2e_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/e2e/harness"
)

// demoRow is what the page says of one fetch, in window.corsgateDemo.
type demoRow struct {
	Name, Expected, Got, Reason, Detail string
	OK                                  bool
	Status                              int
	Decisions                           []struct{ Phase, Decision, Reason, Tenant string }
}

// demoWant is what a row must show on the allowed and on the foreign origin.
type demoWant struct {
	got, reason string
	phases      string // of the decisions, in order
	detail      string // part of what the page could read
}

// demoRows is the truth that the page is held against, independent of what the page expects.
func demoRows() map[string]struct{ allowed, foreign demoWant } {
	const listed, unlisted = "origin_listed", "origin_not_listed"
	hidden := demoWant{got: "blocked", reason: unlisted, phases: "actual", detail: "TypeError"}
	stopped := demoWant{got: "blocked", reason: unlisted, phases: "preflight", detail: "TypeError"}
	isNull := demoWant{got: "blocked", reason: "origin_null", phases: "actual", detail: "TypeError"}
	public := demoWant{got: "read", reason: "origin_public", phases: "actual", detail: "apple"}
	read := func(detail string) demoWant { return demoWant{"read", listed, "actual", detail} }
	return map[string]struct{ allowed, foreign demoWant }{
		"simple":        {read(`200 {"orders"`), hidden},
		"preflighted":   {demoWant{"read", listed, "preflight actual", `{"order":"7","qty":3}`}, stopped},
		"credentialed":  {read(`{"user":"ada"}`), hidden},
		"method":        {demoWant{"blocked", "method_not_listed", "preflight", "TypeError"}, stopped},
		"header":        {demoWant{"blocked", "headers_not_listed", "preflight", "TypeError"}, stopped},
		"exposed":       {read("X-Request-Id: order-"), hidden},
		"hidden":        {demoWant{"blocked", listed, "actual", "X-Internal-Node is hidden"}, hidden},
		"app-error":     {read(`500 {"error"`), hidden},
		"gateway-error": {read("503 upstream connect error"), hidden},
		"null-origin":   {isNull, isNull},
		"public":        {public, public},
	}
}

// TestDemo runs the demo as its reader would: both pages in a browser, the curl
// lines, two edits and a mistake in the tenants file, and Ctrl-C.
func TestDemo(t *testing.T) {
	browser := startBrowser(t)
	d := startDemoProcess(t)
	page := demoPage{t, browser}

	t.Run("the allowed page", func(t *testing.T) {
		page.t = t
		page.open(d.ready.Allowed)
		page.check(func(name string) demoWant { return demoRows()[name].allowed })
	})
	t.Run("the foreign page", func(t *testing.T) {
		page.t = t
		page.open(d.ready.Foreign)
		page.check(func(name string) demoWant { return demoRows()[name].foreign })
	})
	t.Run("the curl lines", func(t *testing.T) { checkCurlLines(t, d) })
	t.Run("why", func(t *testing.T) { checkWhy(t, d) })
	t.Run("live edits", func(t *testing.T) {
		page.t = t
		checkLiveEdits(t, d, page)
	})
	t.Run("nothing is left", func(t *testing.T) { d.stop(t) })
}

// checkWhy reads the pages that say what was blocked, after the foreign page was open.
func checkWhy(t *testing.T, d *demoProcess) {
	t.Helper()
	for url, want := range map[string]string{
		d.ready.Denials: `"origin": "` + d.ready.Foreign + `"`,
		d.ready.Metrics: `cors_decisions_total{cors_outcome="denied",cors_phase="preflight",cors_reason="origin_not_listed"`,
	} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s (%v)", url, want, err)
		}
	}
}

// TestDemoStartFailsClean: whatever cannot start, nothing of the demo is left.
func TestDemoStartFailsClean(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	cases := map[string]struct {
		args []string
		says string
	}{
		"a page's port is taken": {[]string{"--foreign-page", taken.Addr().String()}, "address already in use"},
		"Envoy's port is taken":  {[]string{"--listen", taken.Addr().String()}, "starting envoy: it ended"},
		"there is no Envoy":      {[]string{"--envoy", "/nowhere/envoy"}, "no such file"},
	}
	binary := harness.CorsgateBinary(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "demo")
			args := append(demoArgs(t), "--dir", dir)
			out, err := exec.CommandContext(t.Context(), binary, append(args, c.args...)...).CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
				t.Errorf("ended with %v, want exit code 1", err)
			}
			if !strings.Contains(string(out), c.says) {
				t.Errorf("said %q, want %q in it", out, c.says)
			}
			checkNoProcess(t, dir)
		})
	}
}

func checkCurlLines(t *testing.T, d *demoProcess) {
	want := map[string]struct {
		status int
		origin string
	}{
		"a preflight that passes":            {http.StatusNoContent, d.ready.Allowed},
		"a preflight that is denied":         {http.StatusForbidden, ""},
		"a request that the page may read":   {http.StatusOK, d.ready.Allowed},
		"a request that it may not read":     {http.StatusOK, ""},
		"what is public, read from anywhere": {http.StatusOK, "*"},
	}
	if len(d.ready.Curl) != len(want) {
		t.Errorf("%d curl lines are printed, want %d", len(d.ready.Curl), len(want))
	}
	for _, try := range d.ready.Curl {
		w, ok := want[try.Shows]
		if !ok {
			t.Errorf("nothing is known of %q", try.Shows)
			continue
		}
		status, header := doCurlLine(t, try.Command)
		if got := header.Values("Access-Control-Allow-Origin"); status != w.status || strings.Join(got, "|") != w.origin {
			t.Errorf("%s: status %d, allowed origin %q, want %d and %q\n%s", try.Shows, status, got, w.status, w.origin, try.Command)
		}
	}
}

// doCurlLine does what curl would do for a line as the demo prints it.
func doCurlLine(t *testing.T, line string) (int, http.Header) {
	t.Helper()
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	req := &http.Request{Method: http.MethodGet, Header: http.Header{}}
	for i := 1; i < len(words); i++ {
		var err error
		switch words[i] {
		case "curl", "-i":
		case "-X":
			i++
			req.Method = words[i]
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			if name == "Host" {
				req.Host = value
			}
			req.Header.Set(name, value)
		default:
			if req.URL, err = url.Parse(words[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req.WithContext(t.Context()))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header
}

func checkLiveEdits(t *testing.T, d *demoProcess, page demoPage) {
	shipped, err := os.ReadFile(d.ready.Tenants)
	if err != nil {
		t.Fatal(err)
	}
	revision := 1
	save := func(text string) {
		t.Helper()
		revision++
		began := time.Now()
		if err := os.WriteFile(d.ready.Tenants, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		page.awaitRevision(revision)
		t.Logf("revision %d was shown by the page after %s", revision, time.Since(began).Round(time.Millisecond))
	}
	expect := func(name, got, reason string) {
		t.Helper()
		if r := page.row(name); r.Got != got || r.Reason != reason {
			t.Errorf("revision %d: %s is %s for %s, want %s for %s", revision, name, r.Got, r.Reason, got, reason)
		}
	}
	swapped := strings.ReplaceAll(string(shipped), "  - "+d.ready.Allowed, "  - "+d.ready.Foreign)

	page.open(d.ready.Foreign)
	save(swapped)
	expect("simple", "read", "origin_listed")
	expect("preflighted", "read", "origin_listed")
	page.open(d.ready.Allowed)
	expect("simple", "blocked", "origin_not_listed")
	expect("public", "read", "origin_public")

	save("id: [this is no tenant")
	expect("simple", "blocked", "origin_not_listed") // the last good version
	var problem string
	if err := page.browser.Run(t.Context(), &problem, `return document.getElementById("problem").textContent`); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(problem, "tenants.yaml") {
		t.Errorf("of a broken file the page says %q", problem)
	}

	save(string(shipped))
	page.check(func(name string) demoWant { return demoRows()[name].allowed })
}
