// Package monitoring_test holds rules, dashboards, runbooks and configurations against each other, against
// what the programs export, and against the real promtool, Prometheus and Alertmanager.
package monitoring_test

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/deploy/monitoring/rules"
	"github.com/corsgate/corsgate/e2e/harness"
)

const rulesDir = "prometheus/rules"

func loadRules(t *testing.T) []rules.Rule {
	t.Helper()
	all, err := rules.Load(rulesDir)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 80 {
		t.Fatalf("%d rules", len(all))
	}
	return all
}

func alerts(t *testing.T) []rules.Rule {
	t.Helper()
	return slices.DeleteFunc(loadRules(t), func(r rules.Rule) bool { return r.Alert == "" })
}

// Whatever a rule reads is exported, or recorded before it.
func TestRulesReadWhatThereIs(t *testing.T) {
	t.Parallel()
	all := loadRules(t)
	c, names := exported(), recorded(all)
	for _, r := range all {
		c.check(t, r.File+": "+r.Alert+r.Record, r.Expr, names)
	}
}

// Every alert says how bad it is, whose, since when, what it means, where to look and what to do.
func TestAlertsAreComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		if seen[a.Alert] {
			t.Errorf("%s stands twice", a.Alert)
		}
		seen[a.Alert] = true
		if s := a.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
		if a.Labels["owner"] == "" || a.For == "" {
			t.Errorf("%s: owner %q, for %q", a.Alert, a.Labels["owner"], a.For)
		}
		if a.Annotations["summary"] == "" || strings.Contains(a.Annotations["summary"], "{{") {
			t.Errorf("%s: the summary must be there and without values, which would change it: %q", a.Alert, a.Annotations["summary"])
		}
		constant := strings.HasPrefix(a.Expr, "absent(")
		if d := a.Annotations["description"]; d == "" || !constant && !strings.Contains(d, "{{") {
			t.Errorf("%s: the description has no value: %q", a.Alert, d)
		}
	}
	if len(seen) < 40 {
		t.Errorf("%d alerts", len(seen))
	}
}

// objectives are the service levels of docs/monitoring.md, as the share that may fail.
func objectives() map[string]float64 {
	return map[string]float64{
		"decision_bad":             1 - 0.9995, // S1
		"decision_slow":            1 - 0.9995, // S3
		"preflight_failed":         1 - 0.995,  // M2
		"preflight_slow":           1 - 0.99,   // M5
		"rum_blocked":              1 - 0.999,  // M1
		"rum_credentialed_blocked": 1 - 0.999,  // M3
		"probe_failed":             1 - 0.995,  // M7
	}
}

// spending says which share of the budget of 30 days an alert lets its long window use.
func spending() map[string]float64 {
	return map[string]float64{"1h": 0.02, "6h": 0.05, "1d": 0.10, "3d": 0.10}
}

var burnTerm = regexp.MustCompile(`cors:(\w+):ratio_rate(\w+) > \(([0-9.]+) \* ([0-9.]+)\)`)

// Every threshold of a burn rate is the share of the budget, times 30 days, divided by the window, times what
// the objective leaves; and the short window is a twelfth of the long one.
func TestThresholdsFollowFromTheObjectives(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, a := range alerts(t) {
		if strings.Count(a.Expr, ":ratio_rate") == 0 {
			continue
		}
		terms := burnTerm.FindAllStringSubmatch(a.Expr, -1)
		if len(terms) != 2 || strings.Count(a.Expr, ":ratio_rate") != 2 {
			t.Errorf("%s: %d windows, want a long and a short one", a.Alert, len(terms))
			continue
		}
		sli, long := terms[0][1], terms[0][2]
		covered[sli] = true
		window, short := window(t, long), window(t, terms[1][2])
		if short*12 != window {
			t.Errorf("%s: the short window %v is no twelfth of %v", a.Alert, short, window)
		}
		factor := spending()[long] * float64(30*24*time.Hour) / float64(window)
		budget, ok := objectives()[sli]
		for _, term := range terms {
			f, b := number(t, term[3]), number(t, term[4])
			if term[1] != sli || !ok || math.Abs(f-factor) > 1e-9 || math.Abs(b-budget) > 1e-9 {
				t.Errorf("%s: %s, want the factor %v and the budget %v of %s", a.Alert, term[0], factor, budget, sli)
			}
		}
	}
	for sli := range objectives() {
		if !covered[sli] {
			t.Errorf("no alert watches %s", sli)
		}
	}
}

// What is burned in 30 days is recorded for every window that alerts and dashboards could ask for.
func TestEveryWindowIsRecorded(t *testing.T) {
	t.Parallel()
	names := recorded(loadRules(t))
	for sli := range objectives() {
		for _, w := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"} {
			if _, ok := names["cors:"+sli+":ratio_rate"+w]; !ok {
				t.Errorf("%s is not recorded for %s", sli, w)
			}
		}
	}
}

var longWindow = regexp.MustCompile(`^cors:(\w+):ratio_rate(\w+)$`)

// The longer windows are all made of the rates of 5 minutes, in the same way.
func TestWindowsAreAlike(t *testing.T) {
	t.Parallel()
	form := map[string]string{}
	for _, r := range loadRules(t) {
		m := longWindow.FindStringSubmatch(r.Record)
		if m == nil || m[2] == "5m" {
			continue
		}
		got := strings.ReplaceAll(r.Expr, "["+m[2]+"]", "[W]")
		if want := form[m[1]]; want != "" && got != want || !strings.Contains(got, "[W]") {
			t.Errorf("%s: %s, want the form %s", r.Record, got, want)
		}
		form[m[1]] = got
	}
}

// window reads a duration of Prometheus.
func window(t *testing.T, text string) time.Duration {
	t.Helper()
	if days, ok := strings.CutSuffix(text, "d"); ok {
		return time.Duration(number(t, days)) * 24 * time.Hour
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }
