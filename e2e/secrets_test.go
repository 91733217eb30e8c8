package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
)

// planted stands in every setting that may hold credentials.
const planted = "s3cr3t"

// F46: what cannot be used is named, and never printed: it may hold credentials.
func TestMistakesShowNoSecret(t *testing.T) {
	t.Parallel()
	const good = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	tenants := tenantsFile(t, acme)
	for _, setting := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + planted,
		"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318/?token=" + planted,
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:" + planted + "/word@collector:4318",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://user:%" + planted + "@collector:4318",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=grpc://user:" + planted + "@collector:4317",
		"OTEL_EXPORTER_OTLP_HEADERS=" + planted,
		"OTEL_EXPORTER_OTLP_HEADERS=a=b,authorization=Bearer%" + planted,
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS=api key " + planted + "=x",
		"OTEL_EXPORTER_OTLP_METRICS_HEADERS=authorization: Bearer " + planted,
		"CORSGATE_REDIS=redis://user:" + planted,
		"CORSGATE_REDIS=redis://user:" + planted + "@host:port",
		"CORSGATE_REDIS=redis://user:" + planted + "/word@host?db=1",
		"CORSGATE_REDIS=http://user:" + planted + "@host",
		"CORSGATE_REDIS=" + planted,
	} {
		name, _, _ := strings.Cut(setting, "=")
		args := []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-level", "debug"}
		if name != "CORSGATE_REDIS" {
			args = append(args, "--tenants", tenants)
		}
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience) // it would serve if it took the setting
		cmd := exec.CommandContext(ctx, harness.CorsgateBinary(t), args...)
		cmd.Env = append(cmd.Environ(), good, setting)
		out, err := cmd.CombinedOutput()
		cancel()
		end := (*exec.ExitError)(nil)
		if !errors.As(err, &end) || end.ExitCode() != 2 || !strings.Contains(string(out), name+": ") {
			t.Errorf("%s: %v, want exit code 2 and the name of the variable: %s", setting, err, out)
		}
		if strings.Contains(string(out), planted) {
			t.Errorf("%s is printed: %s", setting, out)
		}
	}
}

// F46: nor does a process that runs show them, whatever a collector or Redis does. The controls: the collector was sent the
// secret, and the log does name the host.
func TestRunningShowsNoSecret(t *testing.T) {
	t.Parallel()
	var sent atomic.Bool
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), planted) && strings.Contains(r.URL.Path, planted) {
			sent.Store(true)
		}
		http.Error(w, "no", http.StatusUnauthorized)
	}))
	t.Cleanup(collector.Close)
	host := strings.TrimPrefix(collector.URL, "http://")
	nobody := harness.FreeAddr(t)
	env := []string{
		"OTEL_METRIC_EXPORT_INTERVAL=100",
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer " + planted,
	}
	for name, endpoint := range map[string]string{
		"refused": "http://user:" + planted + "@" + host + "/" + planted + "/?token=" + planted,
		"absent":  "http://user:" + planted + "@" + nobody + "/" + planted + "?token=" + planted,
	} {
		p := harness.StartProcessor(t, harness.ProcessorOptions{
			Tenants: tenantsFile(t, acme), Args: []string{"--log-level", "debug"},
			Env: append(env, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint),
		})
		if name == "refused" {
			harness.Eventually(t, "the log to tell of the collector", func() error {
				if !strings.Contains(p.Log(), "cannot be delivered") {
					return errIncomplete
				}
				return nil
			})
			if !sent.Load() || !strings.Contains(p.Log(), host) {
				t.Errorf("control: the secret was sent %t; log: %s", sent.Load(), p.Log())
			}
		}
		for _, page := range []string{"/metrics", "/readyz", "/denials"} {
			if r := harness.Exchange(t, p.AdminAddr, harness.Request("GET", page, "localhost")); strings.Contains(string(r.Body), planted) {
				t.Errorf("%s: the page %s shows the secret", name, page)
			}
		}
		p.Stop() // pushes once more
		if strings.Contains(p.Log(), planted) {
			t.Errorf("%s: the log shows the secret: %s", name, p.Log())
		}
	}

	cmd := exec.Command(harness.CorsgateBinary(t), "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-level", "debug", "--drain-delay", "0s")
	cmd.Env = append(cmd.Environ(), "CORSGATE_REDIS=redis://user:"+planted+"@"+nobody)
	p := harness.StartProcess(t, "corsgate", cmd)
	harness.Eventually(t, "the log to tell of Redis", func() error {
		if !strings.Contains(p.Log(), nobody) {
			return errIncomplete
		}
		return nil
	})
	p.Stop()
	if strings.Contains(p.Log(), planted) {
		t.Errorf("Redis: the log shows the secret: %s", p.Log())
	}
}
