package monitoring

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/deploy/monitoring/dashboards"
	"github.com/corsgate/corsgate/deploy/monitoring/rules"
	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/internal/telemetry"
)

// TestMonitoring: what rules and dashboards ask of a Prometheus that scrapes a gateway under load.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	load := harness.StartLoad(t, harness.Load{Workers: 4, Rate: 200, Request: l.request})
	load.Await(t, 400)
	all, err := rules.Load(filepath.Join(harness.RepoRoot(), "deploy/monitoring/prometheus/rules"))
	if err != nil || len(all) < 50 {
		t.Fatalf("%d rules: %v", len(all), err)
	}
	// Rates want two samples of the recorded rates, which want two of the counters.
	harness.Eventually(t, "rates", func() error {
		got, err := l.query(t, "cors:decision_bad:ratio_rate5m > 0")
		if err == nil && len(got) == 0 {
			err = fmt.Errorf("no failure is recorded yet")
		}
		return err
	})
	// A copy of the registry decides without it, and its errors are there to be seen.
	l.redis.Kill()
	harness.Eventually(t, "errors of Redis", func() error {
		got, err := l.query(t, `rate(db_client_operation_duration_seconds_count{error_type!=""}[30s]) > 0 and on () cors_store_up == 0`)
		if err == nil && len(got) == 0 {
			err = fmt.Errorf("none is recorded yet")
		}
		return err
	})
	t.Run("names", func(t *testing.T) { checkNames(t, l, all) })
	t.Run("rules", func(t *testing.T) { checkRules(t, l, all) })
	t.Run("dashboards", func(t *testing.T) { checkDashboards(t, l) })
	t.Run("series", func(t *testing.T) {
		got, err := l.query(t, `{job="corsgate",__name__!~"up|scrape_.*"}`)
		if err != nil || len(got) < 300 || len(got) > telemetry.MaxSeries {
			t.Errorf("%d series, want 300 to %d (%v)", len(got), telemetry.MaxSeries, err)
		}
		t.Logf("%d series of one process", len(got))
	})
	if report := load.Stop(); report.Failed() > 0 {
		t.Errorf("the load: %s", report)
	}
}

// request makes every outcome: allowed, denied, failing, of no tenant, and preflights.
func (l *lab) request(i int) *http.Request {
	method, host, origin := http.MethodGet, "api.acme.example", listed
	switch i % 8 {
	case 1, 2:
		method = http.MethodOptions
	case 3:
		origin = other
	case 4:
		host = "broken.example"
	case 5:
		host = "nobody.example"
	case 6:
		host, origin = "public.example", other
	case 7:
		method, origin = http.MethodOptions, other
	}
	r, _ := http.NewRequest(method, "http://"+l.edge.Addr+"/", http.NoBody) // cannot fail
	r.Host = host
	r.Header.Set("Origin", origin)
	if method == http.MethodOptions {
		r.Header.Set("Access-Control-Request-Method", "PUT")
	}
	return r
}

// silent are expressions that rightly give nothing here, by a part of them, and why.
func silent() map[string]string {
	return map[string]string{
		"otel_metric_overflow": "no metric has too many sets of labels, and none ever shall",
		// The days until a budget is used up are shown only where it is being used up.
		"30 * clamp_min((1 - cors:rum_blocked:":              "no browser reports here",
		"30 * clamp_min((1 - cors:rum_credentialed_blocked:": "no browser reports here",
		"30 * clamp_min((1 - cors:preflight_slow:":           "preflights are fast enough",
		"30 * clamp_min((1 - cors:probe_failed:":             "the probe finds nothing",
	}
}

// mayBeEmpty says why an expression gives nothing, or "".
func mayBeEmpty(expr string) string {
	for part, why := range silent() {
		if strings.Contains(expr, part) {
			return why
		}
	}
	return ""
}

// checkNames holds every metric and label of rules and dashboards against what was scraped or recorded.
func checkNames(t *testing.T, l *lab, all []rules.Rule) {
	exprs := map[string]string{}
	for _, r := range all {
		exprs[r.File+": "+r.Alert+r.Record] = r.Expr
	}
	maps.Copy(exprs, queries())
	labels := map[string][]string{}
	for where, expr := range exprs {
		uses := rules.Parse(expr)
		for _, s := range uses.Selectors {
			if s.Metric == "" || s.Metric == "ALERTS" || mayBeEmpty(s.Metric) != "" {
				continue
			}
			if _, known := labels[s.Metric]; !known {
				labels[s.Metric] = l.labelsOf(t, s.Metric)
			}
			if labels[s.Metric] == nil {
				t.Errorf("%s: there is no %s", where, s.Metric)
				continue
			}
			for _, m := range s.Matchers {
				if !slices.Contains(labels[s.Metric], m.Label) {
					t.Errorf("%s: %s has no label %s", where, s.Metric, m.Label)
				}
			}
		}
	}
	if len(labels) < 40 {
		t.Errorf("only %d metrics are used", len(labels))
	}
}

// labelsOf are the labels that any series of a metric has; nil when there is none.
func (l *lab) labelsOf(t *testing.T, metric string) []string {
	t.Helper()
	sets, err := l.query(t, "last_over_time("+metric+"[5m])")
	if err != nil {
		t.Fatal(err)
	}
	if len(sets) == 0 {
		return nil
	}
	names := []string{"job", "instance", "le"}
	for _, set := range sets {
		for name := range set {
			names = append(names, name)
		}
	}
	return names
}

// checkRules: Prometheus evaluates every rule without an error, and every recorded series is there.
func checkRules(t *testing.T, l *lab, all []rules.Rule) {
	var state struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError, Type string }
		}
	}
	if err := l.get(t, "rules", &state); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range state.Groups {
		for _, r := range g.Rules {
			n++
			if r.Health != "ok" || r.LastError != "" {
				t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if n != len(all) {
		t.Errorf("Prometheus has %d rules, the files %d", n, len(all))
	}
	for _, r := range all {
		if r.Record == "" || mayBeEmpty(r.Record) != "" {
			continue
		}
		if got, err := l.query(t, r.Record); err != nil || len(got) == 0 {
			t.Errorf("%s records nothing (%v)", r.Record, err)
		}
	}
}

// queries are the expressions of all panels, with their variables replaced.
func queries() map[string]string {
	out := map[string]string{}
	for _, d := range dashboards.All() {
		for _, row := range d.Rows {
			for _, p := range row.Panels {
				for i, q := range p.Queries {
					expr := strings.NewReplacer("$__rate_interval", "30s", "$__interval", "30s", "$__range", "1m").Replace(q.Expr)
					for _, v := range d.Variables {
						expr = strings.NewReplacer("${"+v.Name+":regex}", ".*", "${"+v.Name+"}", ".*", "$"+v.Name, ".*").Replace(expr)
					}
					out[fmt.Sprintf("%s, panel %d %q, query %d", d.UID, p.ID, p.Title, i)] = expr
				}
			}
		}
	}
	return out
}

// checkDashboards: every query of every panel gives data.
func checkDashboards(t *testing.T, l *lab) {
	all := queries()
	if len(all) < 50 {
		t.Errorf("only %d queries", len(all))
	}
	for part := range silent() {
		if !slices.ContainsFunc(slices.Collect(maps.Values(all)), func(expr string) bool { return strings.Contains(expr, part) }) {
			t.Errorf("no panel asks for %s any more", part)
		}
	}
	for where, expr := range all {
		got, err := l.query(t, expr)
		switch why := mayBeEmpty(expr); {
		case err != nil:
			t.Errorf("%s: %v", where, err)
		case len(got) == 0 && why == "":
			t.Errorf("%s gives nothing: %s", where, expr)
		}
	}
}
