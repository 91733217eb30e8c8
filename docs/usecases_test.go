// Package docs_test keeps the documentation true: it loads the documents of the
// use cases and asks their requests, and holds tables against the code.
package docs_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// askedAt is when a request is made that does not say when.
const askedAt = "2026-12-01T00:00:00Z"

func TestUseCases(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("use-cases/*.md")
	if err != nil || len(pages) != 10 {
		t.Fatalf("pages of use cases: %d (%v), want 10", len(pages), err)
	}
	for _, name := range pages {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			page := read(t, name)
			registry := load(t, page)
			rows := table(t, page, "Method")
			if len(rows) < 6 {
				t.Errorf("%d requests are too few to show anything", len(rows))
			}
			outcomes := map[string]bool{}
			for _, r := range rows {
				outcomes[ask(t, registry, r)] = true
			}
			if !outcomes["allowed"] || !outcomes["denied"] {
				t.Errorf("outcomes shown: %v; want allowed and denied requests", outcomes)
			}
		})
	}
}

// TestDocumentsOfPages loads the tenant documents that other pages show.
func TestDocumentsOfPages(t *testing.T) {
	t.Parallel()
	load(t, read(t, "../README.md"))
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// load makes a registry of the page's only YAML block.
func load(t *testing.T, page string) *tenant.Snapshot {
	t.Helper()
	_, rest, found := strings.Cut(page, "\n```yaml\n")
	block, after, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed || strings.Contains(after, "```yaml") {
		t.Fatal("want exactly one block of YAML")
	}
	snapshot := tenanttest.New(t, block)
	if snapshot.Tenants() == 0 {
		t.Fatal("the page has no tenant document")
	}
	return snapshot
}

// ask makes the request of a row, compares the decision and returns its outcome.
func ask(t *testing.T, registry tenant.Registry, row map[string]string) string {
	t.Helper()
	target, err := url.Parse(code(row["URL"]))
	if err != nil || target.Host == "" {
		t.Fatalf("URL %q: %v", row["URL"], err)
	}
	when := askedAt
	if row["When"] != "" {
		when = row["When"]
	}
	now, err := time.Parse(time.RFC3339, when)
	if err != nil {
		t.Fatal(err)
	}
	r := policy.Request{
		Method: row["Method"], Scheme: target.Scheme, Authority: target.Host, Origin: code(row["Origin"]), Now: now.Unix(),
	}
	if r.Method == "WEBSOCKET" {
		r.Method, r.WebSocket = "GET", true
	}
	method, headers, _ := strings.Cut(row["Preflight asks for"], " with ")
	r.RequestMethod, r.RequestHeaders = method, code(headers)

	view := registry.Lookup(t.Context(), tenant.Key{Authority: target.Host, Path: target.RequestURI()})
	got := view.Decide(&r, policy.UnknownRefuse)
	if said := got.Outcome.String() + ", `" + got.Reason.String() + "`"; said != row["Decision"] {
		t.Errorf("%s %s from %s at %s, asking for %q: %s; the page says %s",
			row["Method"], row["URL"], row["Origin"], when, row["Preflight asks for"], said, row["Decision"])
	}
	if isPreflight := got.Kind == policy.Preflight; isPreflight != (method != "") {
		t.Errorf("%s %s from %s: kind %v", row["Method"], row["URL"], row["Origin"], got.Kind)
	}
	return got.Outcome.String()
}

// code is the text between backquotes, or nothing.
func code(cell string) string { return strings.Trim(cell, "`") }

// table returns the rows of the page's table whose first column is named first, by
// column names.
func table(t *testing.T, page, first string) []map[string]string {
	t.Helper()
	var columns []string
	var rows []map[string]string
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case columns == nil && strings.HasPrefix(line, "| "+first+" |"):
			columns = cells(line)
		case columns == nil || strings.HasPrefix(line, "|---"):
		case !strings.HasPrefix(line, "|"):
			return rows
		default:
			values := cells(line)
			if len(values) != len(columns) {
				t.Fatalf("a row of %d cells under %d columns: %s", len(values), len(columns), line)
			}
			row := map[string]string{}
			for i, column := range columns {
				row[column] = values[i]
			}
			rows = append(rows, row)
		}
	}
	if rows == nil {
		t.Fatalf("no table with a first column %q", first)
	}
	return rows
}

func cells(line string) []string {
	values := strings.Split(strings.Trim(line, "|"), "|")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return values
}
