package monitoring_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/deploy/monitoring/rules"
	"github.com/corsgate/corsgate/e2e/harness"
)

const runbooks = "../../docs/runbooks"

var dashboardLink = regexp.MustCompile(`^/d/([a-z-]+)\?viewPanel=(\d+)$`)

// Every alert leads to a panel that shows one of its own metrics.
func TestAlertsLeadToTheirPanel(t *testing.T) {
	t.Parallel()
	all := boards(t)
	sources := rawMetrics(loadRules(t))
	for _, a := range alerts(t) {
		m := dashboardLink.FindStringSubmatch(a.Annotations["dashboard_url"])
		if m == nil {
			t.Errorf("%s: dashboard %q", a.Alert, a.Annotations["dashboard_url"])
			continue
		}
		id, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		shown := map[string]bool{}
		for _, b := range all {
			for _, p := range b.Panels {
				if b.UID != m[1] || p.ID != id {
					continue
				}
				for _, q := range p.Targets {
					for _, metric := range sources(q.Expr) {
						shown[metric] = true
					}
				}
			}
		}
		if !slices.ContainsFunc(sources(a.Expr), func(metric string) bool { return shown[metric] }) && a.Alert != "CorsCardinalityOverflow" {
			t.Errorf("%s leads to panel %d of %s, which has none of its metrics %q", a.Alert, id, m[1], sources(a.Expr))
		}
	}
}

// rawMetrics gives the exported metrics behind an expression, through all recording rules.
func rawMetrics(all []rules.Rule) func(expr string) []string {
	of := map[string]string{}
	for _, r := range all {
		if r.Record != "" {
			of[r.Record] = r.Expr
		}
	}
	var find func(expr string) []string
	find = func(expr string) []string {
		var out []string
		for _, metric := range rules.Parse(expr).Metrics() {
			if behind, ok := of[metric]; ok {
				out = append(out, find(behind)...)
			} else if metric != "cors_build_info" || strings.HasPrefix(expr, "absent") || strings.HasPrefix(expr, "sum by (version)") {
				out = append(out, metric)
			}
		}
		return out
	}
	return find
}

// section is one alert's part of a runbook.
func section(t *testing.T, page, alert string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(runbooks, page))
	if err != nil {
		t.Errorf("%s: %v", alert, err)
		return ""
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+alert+"\n")
	if !ok {
		t.Errorf("%s has no section %s", page, alert)
	}
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

// Every alert has its section of a runbook, and every runbook says what to run first, what is likely, how to go
// back and when to call somebody.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	const base = "https://github.com/corsgate/corsgate/blob/main/docs/runbooks/"
	pages := map[string]bool{}
	for _, a := range alerts(t) {
		page, anchor, _ := strings.Cut(strings.TrimPrefix(a.Annotations["runbook_url"], base), "#")
		if anchor != strings.ToLower(a.Alert) || !strings.HasPrefix(a.Annotations["runbook_url"], base) {
			t.Errorf("%s: runbook %q", a.Alert, a.Annotations["runbook_url"])
			continue
		}
		pages[page] = true
		if len(strings.TrimSpace(section(t, page, a.Alert))) < 60 {
			t.Errorf("%s: the section says next to nothing", a.Alert)
		}
	}
	for _, file := range files(t, runbooks+"/*.md") {
		name := filepath.Base(file)
		if name != "README.md" && !pages[name] {
			t.Errorf("no alert leads to %s", name)
		}
		if name != "README.md" {
			checkRunbook(t, file)
		}
	}
}

// command is a line of a runbook that is to be run.
var command = regexp.MustCompile(`(?m)^\s*(?:curl|corsgate|kubectl|amtool) .+$`)

func checkRunbook(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"## First three commands", "## Likely causes", "## Going back", "## Escalate"} {
		if !strings.Contains(string(text), "\n"+part+"\n") {
			t.Errorf("%s has no part %q", file, part)
		}
	}
	_, rest, _ := strings.Cut(string(text), "## First three commands")
	first, _, _ := strings.Cut(rest, "\n## ")
	if n := len(command.FindAllString(first, -1)); n < 3 {
		t.Errorf("%s: %d commands, want three", file, n)
	}
}

// Whatever a runbook tells to run is a command with these flags.
func TestRunbookCommandsExist(t *testing.T) {
	t.Parallel()
	binary := harness.CorsgateBinary(t)
	flag := regexp.MustCompile(`\s--([a-z-]+)`)
	line := regexp.MustCompile("(?m)(?:^|`)corsgate ((?:[a-z]+ )?[a-z]+)([^`\n]*)")
	helps := map[string]string{}
	used := map[string]bool{}
	for _, file := range files(t, runbooks+"/*.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			if words[0] != "tenant" && words[0] != "render" {
				words = words[:1]
			}
			name := strings.Join(words, " ")
			used[name] = true
			if _, ok := helps[name]; !ok {
				out, err := exec.CommandContext(t.Context(), binary, append(words, "--help")...).CombinedOutput()
				if err != nil || !strings.Contains(string(out), "corsgate "+name) {
					t.Errorf("%s: there is no command corsgate %s: %v", filepath.Base(file), name, err)
				}
				helps[name] = string(out)
			}
			for _, f := range flag.FindAllStringSubmatch(" "+m[2], -1) {
				if !strings.Contains(helps[name], "--"+f[1]) {
					t.Errorf("%s: corsgate %s has no flag --%s", filepath.Base(file), name, f[1])
				}
			}
		}
	}
	for _, want := range []string{"explain", "probe", "tenant history", "tenant rollback", "tenant confirm"} {
		if !used[want] {
			t.Errorf("no runbook uses corsgate %s; does the test still read them?", want)
		}
	}
}
