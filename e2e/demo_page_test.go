package e2e_test

import (
	"os"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/e2e/webdriver"
)

// demoPage is the demo page in a browser.
type demoPage struct {
	t       *testing.T
	browser *webdriver.Session
}

func (p demoPage) open(origin string) {
	p.t.Helper()
	if err := p.browser.Navigate(p.t.Context(), origin); err != nil {
		p.t.Fatal(err)
	}
	p.awaitRevision(1)
}

// awaitRevision waits until the page has run with at least the given revision of
// the tenants file.
func (p demoPage) awaitRevision(revision int) {
	p.t.Helper()
	const script = `
for (let i = 0; i < 200; i++) {
  const s = window.corsgateDemoState;
  if (s && s.ran >= arguments[0] && !s.running) return true;
  await new Promise(wake => setTimeout(wake, 100));
}
throw new Error("revision " + arguments[0] + " was never run: " + JSON.stringify(window.corsgateDemoState));`
	if err := p.browser.Run(p.t.Context(), nil, script, revision); err != nil {
		p.t.Fatal(err)
	}
}

func (p demoPage) rows() []demoRow {
	p.t.Helper()
	var rows []demoRow
	if err := p.browser.Run(p.t.Context(), &rows, `return window.corsgateDemo`); err != nil {
		p.t.Fatal(err)
	}
	return rows
}

func (p demoPage) row(name string) demoRow {
	p.t.Helper()
	for _, r := range p.rows() {
		if r.Name == name {
			return r
		}
	}
	p.t.Fatalf("the page has no row %q", name)
	return demoRow{}
}

// check holds every row against want, and the page's own verdict too.
func (p demoPage) check(want func(name string) demoWant) {
	p.t.Helper()
	rows := p.rows()
	if len(rows) != len(demoRows()) {
		p.t.Errorf("the page shows %d fetches, want %d", len(rows), len(demoRows()))
	}
	for _, r := range rows {
		w := want(r.Name)
		var phases []string
		for _, d := range r.Decisions {
			phases = append(phases, d.Phase)
			if d.Tenant != "shop" {
				p.t.Errorf("%s: decided for tenant %q", r.Name, d.Tenant)
			}
		}
		got := demoWant{r.Got, r.Reason, strings.Join(phases, " "), w.detail}
		if got != w || !r.OK || r.Expected != w.got {
			p.t.Errorf("%s: got %+v (expected by the page: %s, ok: %v), want %+v", r.Name, got, r.Expected, r.OK, w)
		}
		if !strings.Contains(r.Detail, w.detail) {
			p.t.Errorf("%s: the page could read %q, want %q in it", r.Name, r.Detail, w.detail)
		}
	}
}

// startBrowser opens Chromium, and skips only where there is none and none is required.
func startBrowser(t *testing.T) *webdriver.Session {
	t.Helper()
	if err := webdriver.Available(); err != nil {
		if os.Getenv("CORSGATE_REQUIRE_BROWSER") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s, err := webdriver.Start(t.Context(), webdriver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
