package compose_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
)

// monitoring is the profile with Prometheus, Grafana and the rest. Of these programs the tests have Prometheus and
// Alertmanager; the files of Grafana, Jaeger and the collector are held against each other.
const monitoring = "monitoring"

// whenProfile is what stands for something only with a profile.
var whenProfile = regexp.MustCompile(`\$\{COMPOSE_PROFILES:\+([^}]*)\}`)

// expanded are the words as compose has them with a profile, or with none.
func expanded(words []string, profile string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		replacement := ""
		if profile != "" {
			replacement = "$1"
		}
		out[i] = whenProfile.ReplaceAllString(word, replacement)
	}
	return out
}

// read parses a file of the repository.
func read(t *testing.T, name string, into any) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(text)
}

// Without the profile there is what there always was; nothing but loopback can reach a port; every image is pinned.
func TestProfile(t *testing.T) {
	t.Parallel()
	var with []string
	p := load(t)
	for name, s := range p.Services {
		if slices.Equal(s.Profiles, []string{monitoring}) {
			with = append(with, name)
		} else if len(s.Profiles) > 0 {
			t.Errorf("service %s has the profiles %q", name, s.Profiles)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("service %s publishes %s", name, port)
			}
		}
		if _, tag, ok := strings.Cut(s.Image, ":"); !ok || tag == "latest" {
			t.Errorf("service %s has the image %q", name, s.Image)
		}
	}
	slices.Sort(with)
	if diff := cmp.Diff([]string{"alertmanager", "grafana", "jaeger", "otel-collector", "probe", "prometheus"}, with); diff != "" {
		t.Errorf("services of the profile (-want +got):\n%s", diff)
	}
	if text := read(t, "docker-compose.yaml", &struct{}{}); strings.Count(text, "${") != len(whenProfile.FindAllString(text, -1)) {
		t.Error("a variable other than that of the profile")
	}
	for profile, want := range map[string]string{"": "", monitoring: "http://otel-collector:4318"} {
		if got := expanded([]string{p.Services["corsgate"].Environment["OTEL_EXPORTER_OTLP_ENDPOINT"]}, profile)[0]; got != want {
			t.Errorf("with profile %q spans go to %q", profile, got)
		}
	}
}

// The real Prometheus takes its command, its configuration and the rules, and knows where everything is.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	program := harness.PrometheusProgram(t, "prometheus")
	p := load(t)
	var c struct {
		RuleFiles []string `yaml:"rule_files"`
		Scrape    []struct {
			Name   string                       `yaml:"job_name"`
			Static []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	text := read(t, "deploy/monitoring/compose/prometheus.yaml", &c)
	got := map[string]string{}
	for _, job := range c.Scrape {
		for _, static := range job.Static {
			got[job.Name] += strings.Join(static.Targets, ",")
		}
	}
	want := map[string]string{
		"corsgate": "corsgate:" + portAfter(t, p.Services["corsgate"], "--admin-listen"),
		"probe":    "probe:" + portAfter(t, p.Services["probe"], "--listen"),
		"envoy":    configurations()["envoy-monitoring.yaml"].Admin,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	// The admin address answers to the name by which Prometheus asks for it.
	if command := p.here(t, "corsgate", nil); command[slices.Index(command, "--admin-host")+1] != "corsgate" {
		t.Errorf("corsgate is not asked by the name in --admin-host: %q", command)
	}
	// The rules are read from where they are mounted.
	mounted := map[string]string{}
	for _, volume := range p.Services["prometheus"].Volumes {
		source, rest, _ := strings.Cut(volume, ":")
		target, _, _ := strings.Cut(rest, ":")
		mounted[target] = source
	}
	if len(c.RuleFiles) != 1 || mounted[path.Dir(c.RuleFiles[0])] == "" {
		t.Fatalf("rules are read from %q, mounted is %v", c.RuleFiles, mounted)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yaml")
	rules, err := filepath.Abs(filepath.Join(root, mounted[path.Dir(c.RuleFiles[0])]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(text, path.Dir(c.RuleFiles[0]), rules)), 0o600); err != nil {
		t.Fatal(err)
	}
	address := harness.FreeAddr(t)
	command := p.here(t, "prometheus", map[string]string{"/prometheus": filepath.Join(dir, "data"), "0.0.0.0:9090": address})
	command[slices.Index(command, "--config.file")+1] = config
	harness.StartProcess(t, "prometheus", exec.CommandContext(t.Context(), program, command...))
	harness.Eventually(t, "Prometheus", func() error { return ok("http://" + address + "/-/ready") })
	resp, err := http.Get("http://" + address + "/api/v1/rules")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var loaded struct {
		Data struct{ Groups []struct{ Name string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&loaded); err != nil || len(loaded.Data.Groups) < 5 {
		t.Errorf("%d groups of rules are loaded: %v", len(loaded.Data.Groups), err)
	}
	if p.Services["prometheus"].NetworkMode != "service:envoy" || !slices.Contains(p.Services["envoy"].Ports, "127.0.0.1:9090:9090") {
		t.Error("Prometheus cannot reach Envoy's admin interface, or nobody Prometheus")
	}
}

// portAfter is the port of the address behind a flag.
func portAfter(t *testing.T, s service, flag string) string {
	t.Helper()
	i := slices.Index(s.Command, flag)
	if i < 0 {
		t.Fatalf("no %s in %q", flag, s.Command)
	}
	_, port, _ := strings.Cut(s.Command[i+1], ":")
	return port
}

func ok(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// The real Alertmanager takes its command and its configuration.
func TestAlertmanager(t *testing.T) {
	t.Parallel()
	program := harness.PrometheusProgram(t, "prometheus-alertmanager")
	address := harness.FreeAddr(t)
	command := load(t).here(t, "alertmanager", map[string]string{"/alertmanager": t.TempDir()})
	harness.StartProcess(t, "alertmanager", exec.CommandContext(t.Context(), program, append(command, "--web.listen-address", address)...))
	harness.Eventually(t, "Alertmanager", func() error { return ok("http://" + address + "/-/ready") })
}

// The prober starts with its command; that nobody answers here is what it then says.
func TestProbe(t *testing.T) {
	t.Parallel()
	address := harness.FreeAddr(t)
	command := load(t).here(t, "probe", map[string]string{"0.0.0.0:9120": address, "envoy:10000": harness.FreeAddr(t)})
	harness.StartProcess(t, "probe", exec.CommandContext(t.Context(), harness.CorsgateBinary(t), command...))
	harness.Eventually(t, "the prober", func() error { return ok("http://" + address + "/metrics") })
}

// The collector takes what Envoy and corsgate send, and every component that a pipeline names is there.
func TestCollector(t *testing.T) {
	t.Parallel()
	var c struct {
		Receivers struct {
			OTLP struct {
				Protocols map[string]struct{ Endpoint string }
			} `yaml:"otlp"`
		}
		Processors map[string]any
		Exporters  map[string]struct{ Endpoint string }
		Service    struct {
			Pipelines map[string]struct{ Receivers, Processors, Exporters []string }
		}
	}
	read(t, "deploy/monitoring/compose/collector.yaml", &c)
	for protocol, endpoint := range map[string]string{"grpc": "0.0.0.0:4317", "http": "0.0.0.0:4318"} {
		if got := c.Receivers.OTLP.Protocols[protocol].Endpoint; got != endpoint {
			t.Errorf("%s is taken at %q, want %s", protocol, got, endpoint)
		}
	}
	traces := c.Service.Pipelines["traces"]
	if !slices.Equal(traces.Receivers, []string{"otlp"}) || len(traces.Exporters) != 1 || c.Exporters[traces.Exporters[0]].Endpoint != "jaeger:4317" {
		t.Errorf("spans do not reach Jaeger: %+v", c.Service)
	}
	for _, name := range traces.Processors {
		if _, known := c.Processors[name]; !known {
			t.Errorf("there is no processor %s", name)
		}
	}
}

// Grafana finds the dashboards where they are mounted, and data sources where their services are.
func TestGrafana(t *testing.T) {
	t.Parallel()
	p := load(t)
	var sources struct {
		Datasources []struct{ Name, UID, Type, URL string }
	}
	read(t, "deploy/monitoring/grafana/provisioning/datasources/corsgate.yaml", &sources)
	urls := map[string]string{}
	for _, s := range sources.Datasources {
		urls[s.Type] = s.URL
	}
	want := map[string]string{"prometheus": "http://envoy:9090", "jaeger": "http://jaeger:16686"}
	if diff := cmp.Diff(want, urls); diff != "" {
		t.Errorf("data sources (-want +got):\n%s", diff)
	}
	var providers struct {
		Providers []struct {
			Options struct{ Path string }
		}
	}
	read(t, "deploy/monitoring/grafana/provisioning/dashboards/corsgate.yaml", &providers)
	grafana := p.Services["grafana"]
	if len(providers.Providers) != 1 || !slices.ContainsFunc(grafana.Volumes, func(v string) bool { return strings.Contains(v, ":"+providers.Providers[0].Options.Path+":") }) {
		t.Errorf("dashboards are looked for at %+v, mounted is %q", providers.Providers, grafana.Volumes)
	}
	home := strings.Replace(grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"], "/etc/grafana/dashboards", filepath.Join(root, "deploy/monitoring/grafana/dashboards"), 1)
	if _, err := os.Stat(home); err != nil || home == "" {
		t.Error(errors.Join(errors.New("the first dashboard is not there"), err))
	}
}
