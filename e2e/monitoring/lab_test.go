package monitoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

const (
	listed = "https://app.acme.example"
	other  = "https://evil.example"
)

// documents of the lab. The last one cannot be used, so its requests are errors of ours.
func documents() map[string]string {
	return map[string]string{
		"acme": `{"id":"acme","revision":3,"hosts":["api.acme.example"],"labels":{"tier":"gold"},
			"policy":{"origins":["https://app.acme.example","https://*.old.example"],"methods":["PUT"],"credentials":true,"expose_headers":["x-request-id"]},
			"candidate":{"policy":{"origins":["https://evil.example"]},"percent":0}}`,
		"public": `{"id":"public","revision":1,"hosts":["public.example"],"policy":{"origins":["*"]}}`,
		"probe":  `{"id":"probe","revision":1,"hosts":["probe.acme.example"],"labels":{"probe":"true"},"policy":{"origins":["https://app.acme.example"]}}`,
		"broken": `{"id":"broken","revision":1,"hosts":["broken.example"],"policy":{"origins":["no origin"]}}`,
	}
}

// lab is everything that a Prometheus of an operator scrapes.
type lab struct {
	api   string // of Prometheus
	redis *redistest.Server
	edge  *harness.Envoy
}

func newLab(t *testing.T) *lab {
	t.Helper()
	program := harness.PrometheusProgram(t, "prometheus")
	harness.RedisServer(t)
	l := &lab{redis: redistest.Start(t, redistest.Options{})}
	pipe := l.redis.Admin().Pipeline()
	for id, text := range documents() {
		pipe.Set(t.Context(), "{corsgate}:tenant:"+id, text, 0)
		var doc struct{ Hosts []string }
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		for _, host := range doc.Hosts {
			pipe.Set(t.Context(), "{corsgate}:host:"+host, id, 0)
		}
		pipe.Do(t.Context(), "XADD", "{corsgate}:changes", "*", "tenant", id, "kind", "apply")
	}
	pipe.HSet(t.Context(), "{corsgate}:meta", "epoch", "first", "schema", "1")
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	proc := harness.StartProcessor(t, harness.ProcessorOptions{Args: []string{
		"--redis", "redis://" + l.redis.Addr(), "--state-dir", t.TempDir(), "--record-usage", "--rum-listen", "127.0.0.1:0",
	}, Env: []string{"GOMEMLIMIT=512MiB"}})
	app := harness.StartApp(t)
	l.edge = harness.StartDesign(t, envoy.Metadata, app.Addr, proc.Addr)
	l.edge.AwaitProcessors(t, 1)
	l.start(t, program, map[string]string{
		"corsgate": proc.AdminAddr + "/metrics", "envoy": l.edge.AdminAddr() + "/stats/prometheus",
		"probe": l.prober(t) + "/metrics", "audit": l.audit(t) + "/metrics",
	})
	return l
}

// start runs Prometheus with the rules of the repository, evaluated each second.
func (l *lab) start(t *testing.T, program string, targets map[string]string) {
	t.Helper()
	dir := t.TempDir()
	var config strings.Builder
	fmt.Fprintf(&config, "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n",
		filepath.Join(harness.RepoRoot(), "deploy/monitoring/prometheus/rules/*.yaml"))
	for job, target := range targets {
		address, path, _ := strings.Cut(target, "/")
		fmt.Fprintf(&config, "- {job_name: %s, metrics_path: /%s, static_configs: [{targets: [%q]}]}\n", job, path, address)
	}
	path := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	address := harness.FreeAddr(t)
	cmd := exec.Command(program, "--config.file", path, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address, "--log.level", "warn")
	harness.StartProcess(t, "prometheus", cmd)
	l.api = "http://" + address + "/api/v1/"
	harness.Eventually(t, "Prometheus to scrape everything", func() error {
		up, err := l.query(t, "up == 1")
		if err == nil && len(up) != len(targets) {
			err = fmt.Errorf("%d of %d targets are up", len(up), len(targets))
		}
		return err
	})
}

// prober is a long-running corsgate probe that serves what it finds. It changes a tenant to see how long that takes.
func (l *lab) prober(t *testing.T) string {
	t.Helper()
	address := harness.FreeAddr(t)
	cmd := exec.Command(harness.CorsgateBinary(t), "probe", "--url", "http://api.acme.example/", "--connect", l.edge.Addr, "--direct", "http://"+l.edge.Addr,
		"--redis", "redis://"+l.redis.Addr(), "--nonce-tenant", "probe", "--nonce-url", "http://probe.acme.example/", "--nonce-bound", "10s",
		"--interval", "2s", "--listen", address)
	harness.StartProcess(t, "probe", cmd)
	harness.Eventually(t, "the prober to serve", func() error {
		resp, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(text), "cors_probe_propagation_seconds{") {
			err = errors.New("no run yet")
		}
		return err
	})
	return address
}

// audit serves the output of corsgate tenant audit, as a job with a textfile collector does.
func (l *lab) audit(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), "tenant", "audit", "--redis", "redis://"+l.redis.Addr(), "-o", "prometheus").Output()
	if err != nil {
		t.Fatalf("auditing: %v", err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(out) }))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// get asks Prometheus and reads the data of its answer.
func (l *lab) get(t *testing.T, path string, into any) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.api+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", path, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// query evaluates an expression now, and returns the label sets that it gives.
func (l *lab) query(t *testing.T, expr string) ([]map[string]string, error) {
	t.Helper()
	var data struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := l.get(t, "query?query="+url.QueryEscape(expr), &data); err != nil {
		return nil, err
	}
	if data.ResultType == "scalar" {
		return []map[string]string{{}}, nil
	}
	var result []struct{ Metric map[string]string }
	if err := json.Unmarshal(data.Result, &result); err != nil {
		return nil, err
	}
	var sets []map[string]string
	for _, r := range result {
		sets = append(sets, r.Metric)
	}
	return sets, nil
}
