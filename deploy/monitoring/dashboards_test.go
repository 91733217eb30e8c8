package monitoring_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/deploy/monitoring/dashboards"
	"github.com/corsgate/corsgate/deploy/monitoring/rules"
)

// board is what the tests need of a dashboard as Grafana reads it.
type board struct {
	UID        string
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Annotations struct {
		List []struct{ Expr string }
	}
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	DataSource               struct{ UID string }
	FieldConfig              struct {
		Defaults struct{ Unit string }
	}
	Targets []struct {
		Expr, RefID, LegendFormat string
		DataSource                struct{ UID string }
	}
}

// boards reads what is in the repository, not what the generator gives.
func boards(t *testing.T) []board {
	t.Helper()
	var out []board
	for _, file := range files(t, "grafana/dashboards/*.json") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b board
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if filepath.Base(file) != b.UID+".json" {
			t.Errorf("%s has the uid %s", file, b.UID)
		}
		out = append(out, b)
	}
	return out
}

func TestDashboardsAreCurrent(t *testing.T) {
	t.Parallel()
	for _, d := range dashboards.All() {
		want, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("grafana", "dashboards", d.UID+".json"))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not current: run make generate (%v)", d.UID, err)
		}
	}
	if n := len(files(t, "grafana/dashboards/*.json")); n != len(dashboards.All()) {
		t.Errorf("%d files of dashboards", n)
	}
}

func TestPanelsAreComplete(t *testing.T) {
	t.Parallel()
	uids := map[string]bool{}
	for _, b := range boards(t) {
		if uids[b.UID] {
			t.Errorf("the uid %s stands twice", b.UID)
		}
		uids[b.UID] = true
		ids := map[int]bool{}
		for i, p := range b.Panels {
			where := b.UID + ": " + p.Title
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: the id %d stands twice", where, p.ID)
			}
			ids[p.ID] = true
			for _, other := range b.Panels[:i] {
				if overlap(p, other) {
					t.Errorf("%s lies on %s", where, other.Title)
				}
			}
			if p.Type != "row" {
				checkPanel(t, where, p)
			}
		}
	}
}

func overlap(a, b panel) bool {
	p, q := a.GridPos, b.GridPos
	return p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H
}

func checkPanel(t *testing.T, where string, p panel) {
	t.Helper()
	if p.Title == "" || p.Description == "" || p.GridPos.W < 3 || p.GridPos.H < 4 || p.GridPos.X+p.GridPos.W > 24 {
		t.Errorf("%s: title, description or size %v", where, p.GridPos)
	}
	if p.Type == "text" {
		return
	}
	want := []string{dashboards.DataSource, dashboards.TraceSource}
	if !slices.Contains(want, p.DataSource.UID) || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
		t.Errorf("%s: data source %q, unit %q, %d queries", where, p.DataSource.UID, p.FieldConfig.Defaults.Unit, len(p.Targets))
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		if q.DataSource.UID != p.DataSource.UID || refs[q.RefID] {
			t.Errorf("%s: query %q with the data source %q", where, q.RefID, q.DataSource.UID)
		}
		refs[q.RefID] = true
		if p.DataSource.UID == dashboards.DataSource && (q.Expr == "" || q.LegendFormat == "") {
			t.Errorf("%s: query %q has no expression or no legend", where, q.RefID)
		}
	}
}

// expressions are all queries, and those of annotations, with where they stand.
func (b board) expressions() map[string]string {
	out := map[string]string{}
	for _, p := range b.Panels {
		for _, q := range p.Targets {
			if q.Expr != "" {
				out[b.UID+" "+strconv.Itoa(p.ID)+" "+q.RefID] = q.Expr
			}
		}
	}
	for _, a := range b.Annotations.List {
		out[b.UID+" annotation"] = a.Expr
	}
	return out
}

var legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)

// Whatever a dashboard reads is exported, or recorded; a legend names labels that its query keeps.
func TestDashboardsReadWhatThereIs(t *testing.T) {
	t.Parallel()
	c, names := exported(), recorded(loadRules(t))
	for _, b := range boards(t) {
		for where, expr := range b.expressions() {
			c.check(t, where, expr, names)
		}
		for _, v := range b.Templating.List {
			if v.Type == "query" {
				metric, label, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ")"), ", ")
				c.check(t, b.UID+" variable "+v.Name, "sum by ("+label+") ("+metric+")", names)
			}
		}
		for _, p := range b.Panels {
			for _, q := range p.Targets {
				if kept := c.kept(q.Expr, names); !slices.ContainsFunc(legendLabel.FindAllStringSubmatch(q.LegendFormat, -1), func(m []string) bool { return !slices.Contains(kept, m[1]) }) {
					continue
				}
				t.Errorf("%s %s: the legend %s names what the query does not keep", b.UID, p.Title, q.LegendFormat)
			}
		}
	}
}

// kept are the labels that the result of an expression may have.
func (c catalogue) kept(expr string, names map[string][]string) []string {
	uses := rules.Parse(expr)
	kept := append(ofTargets(), uses.Grouping...)
	if len(uses.Grouping) > 0 {
		return kept
	}
	for _, s := range uses.Selectors {
		kept = append(kept, names[s.Metric]...)
		for l := range c[s.Metric] {
			kept = append(kept, l)
		}
	}
	return kept
}

// promtool parses every expression: it loads them as recording rules.
func TestDashboardExpressionsParse(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("groups:\n- name: dashboards\n  rules:\n")
	n := 0
	for _, b := range boards(t) {
		for _, expr := range b.expressions() {
			quoted, err := json.Marshal(strings.ReplaceAll(expr, "$__rate_interval", "5m"))
			if err != nil {
				t.Fatal(err)
			}
			text.WriteString("  - {record: \"panel:" + strconv.Itoa(n) + "\", expr: " + string(quoted) + "}\n")
			n++
		}
	}
	if n < 90 {
		t.Errorf("%d expressions", n)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "promtool", "check", "rules", file)
}
