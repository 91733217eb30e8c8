package monitoring_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
)

const alertmanagerFile = "alertmanager/alertmanager.yaml"

// Pages and tickets go to whom they are meant for, alerts of others to neither of the two pagers.
func TestRoutes(t *testing.T) {
	t.Parallel()
	run(t, "amtool", "check-config", alertmanagerFile)
	for labels, want := range map[string]string{
		"owner=cors severity=page": "pager", "owner=cors severity=ticket": "tickets", "owner=else severity=page": "tickets",
	} {
		args := append([]string{"config", "routes", "test", "--config.file", alertmanagerFile}, strings.Fields(labels)...)
		said := strings.Fields(run(t, "amtool", args...)) // a warning may come first
		if got := said[len(said)-1]; got != want {
			t.Errorf("%s goes to %q, want %s", labels, got, want)
		}
	}
}

// inhibition is one rule of the example.
type inhibition struct {
	Source []string `yaml:"source_matchers"`
	Target []string `yaml:"target_matchers"`
	Equal  []string `yaml:"equal"`
}

// The real Alertmanager suppresses what each inhibition names, as long as its source fires, and nothing else.
func TestInhibitions(t *testing.T) {
	t.Parallel()
	var config struct {
		Rules []inhibition `yaml:"inhibit_rules"`
	}
	text, err := os.ReadFile(alertmanagerFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &config); err != nil || len(config.Rules) < 5 {
		t.Fatalf("%d inhibitions: %v", len(config.Rules), err)
	}
	known := map[string]bool{}
	for _, a := range alerts(t) {
		known[a.Alert] = true
	}
	api := startAlertmanager(t)
	// One rule after the other: inhibitions do not look at the label "world", so the alerts of each end before the next.
	for i, rule := range config.Rules {
		world := map[string]string{"world": fmt.Sprint(i), "cors_probe_case": "actual_allowed"}
		sources, targets := named(t, rule.Source), named(t, rule.Target)
		for _, name := range append(sources, targets...) {
			if !known[name] {
				t.Errorf("inhibition %d names %s, which is no alert", i, name)
			}
		}
		// The first source is enough: all of a rule are the one expression.
		api.post(t, sources[0], world)
		for _, name := range targets {
			api.post(t, name, world)
		}
		api.post(t, "CorsPanics", world)
		for _, name := range targets {
			api.await(t, name, world, "suppressed")
		}
		api.await(t, "CorsPanics", world, "active")
		if len(rule.Equal) > 0 {
			other := map[string]string{"world": fmt.Sprint(i), "cors_probe_case": "max_age"}
			api.post(t, targets[0], other)
			api.await(t, targets[0], other, "active")
		}
		for _, name := range append(append(sources[:1:1], targets...), "CorsPanics") {
			api.resolve(t, name, world) // the next world must not hear of this one
		}
		if len(rule.Equal) > 0 {
			api.resolve(t, targets[0], map[string]string{"world": fmt.Sprint(i), "cors_probe_case": "max_age"})
		}
	}
}

// named are the alerts that matchers name one by one.
func named(t *testing.T, matchers []string) []string {
	t.Helper()
	for _, m := range matchers {
		for _, op := range []string{`alertname=~"`, `alertname="`} {
			value, ok := strings.CutPrefix(m, op)
			if !ok {
				continue
			}
			value = strings.TrimSuffix(value, `"`)
			prefix, rest, grouped := strings.Cut(value, "(")
			if !grouped {
				return strings.Split(value, "|")
			}
			var names []string
			for part := range strings.SplitSeq(strings.TrimSuffix(rest, ")"), "|") {
				names = append(names, prefix+part)
			}
			return names
		}
	}
	t.Fatalf("no alert in %q", matchers)
	return nil
}

// alertmanager is the API of a running one.
type alertmanager string

func startAlertmanager(t *testing.T) alertmanager {
	t.Helper()
	program, address := harness.PrometheusProgram(t, "prometheus-alertmanager"), harness.FreeAddr(t)
	harness.StartProcess(t, "alertmanager", exec.CommandContext(t.Context(), program, "--config.file", alertmanagerFile,
		"--storage.path", t.TempDir(), "--cluster.listen-address", "", "--web.listen-address", address))
	api := alertmanager("http://" + address + "/api/v2/alerts")
	harness.Eventually(t, "Alertmanager", func() error {
		_, err := api.list(t)
		return err
	})
	return api
}

type alert struct {
	Labels map[string]string `json:"labels"`
	EndsAt *time.Time        `json:"endsAt,omitempty"`
	Status struct {
		State string `json:"state"`
	} `json:"status,omitzero"`
}

func labelled(name string, world map[string]string) map[string]string {
	labels := map[string]string{"alertname": name, "owner": "cors", "severity": "ticket"}
	maps.Copy(labels, world)
	return labels
}

func (a alertmanager) post(t *testing.T, name string, world map[string]string) {
	t.Helper()
	a.send(t, alert{Labels: labelled(name, world)})
}

func (a alertmanager) resolve(t *testing.T, name string, world map[string]string) {
	t.Helper()
	ended := time.Now().Add(-time.Second)
	a.send(t, alert{Labels: labelled(name, world), EndsAt: &ended})
	harness.Eventually(t, name+" to end", func() error {
		if state := a.state(t, name, world); state != "" {
			return fmt.Errorf("it is %s", state)
		}
		return nil
	})
}

func (a alertmanager) send(t *testing.T, one alert) {
	t.Helper()
	body, err := json.Marshal([]alert{one})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(string(a), "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("posting %s: %s", body, resp.Status)
	}
}

func (a alertmanager) list(t *testing.T) ([]alert, error) {
	t.Helper()
	resp, err := http.Get(string(a))
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var all []alert
	return all, json.NewDecoder(resp.Body).Decode(&all)
}

// state is that of an alert, or "" when there is none.
func (a alertmanager) state(t *testing.T, name string, world map[string]string) string {
	t.Helper()
	all, err := a.list(t)
	if err != nil {
		t.Fatal(err)
	}
	want := labelled(name, world)
	for _, one := range all {
		if fmt.Sprint(one.Labels) == fmt.Sprint(want) {
			return one.Status.State
		}
	}
	return ""
}

func (a alertmanager) await(t *testing.T, name string, world map[string]string, want string) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%s of %v to be %s", name, world, want), func() error {
		if got := a.state(t, name, world); got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}
