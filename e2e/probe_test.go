package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/probe"
	"github.com/corsgate/corsgate/internal/probe/probetest"
	"github.com/corsgate/corsgate/internal/redistest"
)

const probeURL = "http://" + host + probetest.Path

// startProbed starts an obliging application behind Envoy and one corsgate process.
func startProbed(t *testing.T, design envoy.Design, edit func(*envoy.Options)) *edge {
	t.Helper()
	app := httptest.NewServer(probetest.Application())
	t.Cleanup(app.Close)
	e := &edge{tenants: tenantsFile(t, acme)}
	e.processor = harness.StartProcessor(t, harness.ProcessorOptions{Tenants: e.tenants})
	e.Envoy = startEnvoy(t, design, app.Listener.Addr().String(), edit, e.processor.Addr)
	return e
}

// corsgateProbe runs the command and reads its report.
func corsgateProbe(t *testing.T, args ...string) (int, *probe.Report) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), append([]string{"probe", "-o", "json"}, args...)...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	_ = cmd.Run() // the exit code tells
	var r probe.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), problems.String())
	}
	return cmd.ProcessState.ExitCode(), &r
}

// verdicts are the cases of a path that ended in this way.
func verdicts(r *probe.Report, path probe.Path, v probe.Verdict) []string {
	var names []string
	for _, target := range r.Targets {
		for _, c := range target.Cases {
			if c.Path == path && c.Verdict == v {
				names = append(names, string(c.Case))
			}
		}
	}
	slices.Sort(names)
	return names
}

func reportText(r *probe.Report) string {
	var b strings.Builder
	_ = r.Text(&b) // a Builder does not fail
	return b.String()
}

// TestProbe: behind the real Envoy every case passes, by the tenant's document and by flags, over both versions of HTTP.
func TestProbe(t *testing.T) {
	t.Parallel()
	for _, design := range []envoy.Design{envoy.TwoCallbacks, envoy.Metadata} {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startProbed(t, design, nil)
			for how, args := range map[string][]string{
				"document": {"--tenants", e.tenants},
				"flags": {
					"--allowed-origin", listed, "--method", "PUT", "--denied-method", "DELETE", "--header", "content-type", "--credentials", "--max-age", "600s",
				},
			} {
				for _, version := range []string{"1.1", "2"} {
					code, r := corsgateProbe(t, append(args, "--url", probeURL, "--connect", e.Addr, "--direct", "http://"+e.Addr, "--http", version,
						"--expose", "x-request-id", "--error-path", "/private=401,/busy=503")...)
					if code != 0 || r.Counts.Pass != 28 {
						t.Errorf("%s, HTTP %s: code %d, %+v\n%s", how, version, code, r.Counts, reportText(r))
					}
				}
			}
		})
	}
}

// brokenEdge is a proxy in front of Envoy that changes responses.
func brokenEdge(t *testing.T, addr string, fault func(http.Header)) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	proxy.ModifyResponse = func(r *http.Response) error {
		fault(r.Header)
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestProbeBrokenEdge: what a proxy in front of Envoy does to the headers is named, and the direct path is not blamed.
func TestProbeBrokenEdge(t *testing.T) {
	t.Parallel()
	e := startProbed(t, envoy.Metadata, nil)
	for _, tc := range []struct {
		name   string
		fault  func(http.Header)
		header string
		failed []string
	}{
		{
			"strips ACAO", func(h http.Header) { h.Del("Access-Control-Allow-Origin") }, "access-control-allow-origin",
			[]string{"actual_allowed", "error_answers", "not_modified", "preflight_allowed"},
		},
		{
			"strips Vary", func(h http.Header) { h.Del("Vary") }, "vary",
			[]string{"actual_allowed", "actual_denied", "error_answers", "no_origin", "not_modified", "preflight_allowed"},
		},
		{
			"doubles headers", func(h http.Header) {
				for _, line := range h.Values("Access-Control-Allow-Origin") {
					h.Add("Access-Control-Allow-Origin", line)
				}
			}, "access-control-allow-origin", []string{"duplicate_lines"},
		},
		{
			"adds a star", func(h http.Header) {
				if h.Get("Access-Control-Allow-Origin") == "" {
					h.Set("Access-Control-Allow-Origin", "*")
				}
			}, "access-control-allow-origin",
			[]string{"actual_denied", "lookalike_origins", "no_origin", "null_origin", "preflight_header_denied", "preflight_method_denied", "preflight_origin_denied"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			front := brokenEdge(t, e.Addr, tc.fault)
			code, r := corsgateProbe(t, "--url", probeURL, "--connect", front, "--direct", "http://"+e.Addr, "--tenants", e.tenants)
			if failed := verdicts(r, probe.Direct, probe.Fail); code != 1 || failed != nil {
				t.Errorf("code %d, %v fail on the direct path", code, failed)
			}
			if diff := cmp.Diff(tc.failed, verdicts(r, probe.Edge, probe.Fail)); diff != "" {
				t.Errorf("failed at the edge (-want +got):\n%s\n%s", diff, reportText(r))
			}
			for _, c := range r.Targets[0].Cases {
				named := slices.ContainsFunc(c.Differences, func(d probe.Difference) bool { return d.Header == tc.header })
				if c.Verdict == probe.Fail && !named {
					t.Errorf("%s does not name %s: %v", c.Case, tc.header, c.Differences)
				}
			}
		})
	}
}

// TestProbeLeak: Envoy that fails open in design A lets the application's star out, and the probe finds it.
func TestProbeLeak(t *testing.T) {
	t.Parallel()
	e := startProbed(t, envoy.TwoCallbacks, func(o *envoy.Options) { o.FailOpen = true })
	e.processor.Signal(t, syscall.SIGKILL)
	<-e.processor.Done()
	e.AwaitProcessors(t, 0)
	code, r := corsgateProbe(t, "--url", probeURL, "--connect", e.Addr, "--tenants", e.tenants)
	failed := verdicts(r, probe.Edge, probe.Fail)
	for _, name := range []probe.Name{probe.ActualDenied, probe.NullOrigin, probe.LookalikeOrigins, probe.NoOrigin, probe.PreflightAllowed} {
		if !slices.Contains(failed, string(name)) {
			t.Errorf("%s did not fail", name)
		}
	}
	if code != 1 {
		t.Errorf("code %d\n%s", code, reportText(r))
	}
}

// TestProbeForever: a long-running prober serves its results, sees what breaks and what heals, and ends by a signal.
func TestProbeForever(t *testing.T) {
	t.Parallel()
	e := startProbed(t, envoy.Metadata, nil)
	addr := harness.FreeAddr(t)
	prober := harness.StartProcess(t, "probe", exec.Command(harness.CorsgateBinary(t), "probe", "--url", probeURL, "--connect", e.Addr,
		"--tenants", e.tenants, "--interval", "1s", "--listen", addr))
	await := func(what, line string) {
		t.Helper()
		harness.Eventually(t, what, func() error {
			text, err := metrics(addr)
			if err == nil && !strings.Contains(text, line) {
				err = fmt.Errorf("no %s in\n%s", line, text)
			}
			return err
		})
	}
	const series = `cors_probe_success{cors_probe_case="preflight_allowed",cors_probe_path="edge"} `
	await("a right answer", series+"1")
	replaceFile(t, e.tenants, strings.Replace(acme, "[PUT]", "[PUT, PATCH]", 1)) // both follow the document
	await("a right answer to another question", series+"1")
	e.processor.Signal(t, syscall.SIGKILL)
	<-e.processor.Done()
	await("a wrong answer", series+"0")
	prober.Signal(t, syscall.SIGTERM)
	if err := prober.Wait(t); err != nil {
		t.Errorf("ending after SIGTERM: %v", err)
	}
	if log := prober.Log(); !strings.Contains(log, `"msg":"answered wrong"`) || !strings.Contains(log, "curl -sS") {
		t.Errorf("the log does not say what is wrong:\n%s", log)
	}
}

func metrics(addr string) (string, error) {
	res, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// TestProbePropagation: a nonce in a real Redis is allowed at the edge, then denied, and nothing of it is left.
func TestProbePropagation(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t, redistest.Options{})
	env := append(os.Environ(), "CORSGATE_REDIS="+redis.URL(), "CORSGATE_BY=ana")
	docs := filepath.Join(t.TempDir(), "tenants.yaml")
	replaceFile(t, docs, acme+"---\nid: probe\nhosts: [probe.acme.example]\nlabels: {probe: \"true\"}\npolicy: {origins: [\"https://app.acme.example\"]}\n")
	corsgate := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	corsgate("tenant", "apply", "-f", docs, "--write")
	app := httptest.NewServer(probetest.Application())
	t.Cleanup(app.Close)
	one := harness.StartProcessor(t, harness.ProcessorOptions{Env: env})
	two := harness.StartProcessor(t, harness.ProcessorOptions{Env: env})
	proxy := startEnvoy(t, envoy.Metadata, app.Listener.Addr().String(), nil, one.Addr, two.Addr)
	before := corsgate("tenant", "get", "probe")
	code, r := corsgateProbe(t, "--redis", redis.URL(), "--url", probeURL, "--connect", proxy.Addr,
		"--nonce-tenant", "probe", "--nonce-url", "http://probe.acme.example"+probetest.Path, "--nonce-bound", "10s")
	if code != 0 || !slices.Contains(verdicts(r, probe.Edge, probe.Pass), string(probe.Propagation)) {
		t.Fatalf("code %d\n%s", code, reportText(r))
	}
	seen := r.Targets[1].Cases[0].Propagation
	t.Logf("allowed after %.3fs, denied after %.3fs", seen.Allow, seen.Revoke)
	after := corsgate("tenant", "get", "probe")
	if strings.Contains(after, "nonce") || !strings.Contains(before, "https://app.acme.example") {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if code, r := corsgateProbe(t, "--redis", redis.URL(), "--url", probeURL, "--connect", proxy.Addr, "--nonce-tenant", "acme"); code != 3 {
		t.Errorf("a tenant that is not made for it: code %d\n%s", code, reportText(r))
	}
}
