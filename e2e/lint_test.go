package e2e_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/lint"
	"github.com/corsgate/corsgate/envoy/lint/linttest"
)

// TestLintedExamplesAreRealConfigurations has Envoy itself validate each broken example: what
// lint finds fault with is what Envoy would run.
func TestLintedExamplesAreRealConfigurations(t *testing.T) {
	t.Parallel()
	binary := harness.EnvoyBinary(t)
	examples, err := linttest.Examples()
	if err != nil {
		t.Fatal(err)
	}
	forms, err := linttest.Forms()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range forms {
		examples = append(examples, linttest.Example{Name: f.Name, Text: f.Text})
	}
	dir := t.TempDir()
	for _, x := range examples {
		if x.Dump {
			continue
		}
		path := filepath.Join(dir, "example.json")
		if err := os.WriteFile(path, x.Text, 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		out, err := exec.CommandContext(ctx, binary, "--mode", "validate", "--config-path", path, "--log-level", "error").CombinedOutput()
		cancel()
		switch {
		case err != nil && !x.Refused:
			t.Errorf("Envoy refuses %s: %v\n%s", x.Name, err, out)
		case err == nil && x.Refused:
			t.Errorf("Envoy takes %s, which is said to be refused", x.Name)
		}
	}
}

// TestLintOfARunningEnvoy asks administration ports, over TCP and a Unix socket, and finds there
// what it finds in the file.
func TestLintOfARunningEnvoy(t *testing.T) {
	t.Parallel()
	o := envoy.DefaultOptions(envoy.Metadata)
	edit := func(b *bootstrapv3.Bootstrap) {
		for _, c := range b.GetStaticResources().GetClusters() {
			if c.GetName() == envoy.ClusterProcessor {
				c.CircuitBreakers, c.CommonLbConfig = nil, nil
				c.HealthChecks[0].HealthChecker = &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}}
			}
		}
	}
	for _, x := range []struct {
		name string
		edit func(*bootstrapv3.Bootstrap)
	}{{"rendered", nil}, {"broken", edit}} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			running := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: x.edit})
			want := lintOfFile(t, o, x.edit)
			if (len(want) == 0) != (x.edit == nil) {
				t.Fatalf("the file has %v", want)
			}
			socket := overSocket(t, running.AdminAddr())
			for _, target := range []string{"http://" + running.AdminAddr(), "http://" + running.AdminAddr() + "/config_dump", "unix:" + socket} {
				c, err := lint.Fetch(t.Context(), target)
				if err != nil {
					t.Errorf("%s: %v", target, err)
					continue
				}
				if diff := cmp.Diff(want, found(c), cmp.AllowUnexported(finding{})); diff != "" {
					t.Errorf("%s: file and Envoy differ (-file +Envoy):\n%s", target, diff)
				}
			}
			if _, err := lint.Fetch(t.Context(), "http://"+running.AdminAddr()+"/stats"); err == nil {
				t.Error("statistics passed for a dump")
			}
		})
	}
}

// lintOfFile is what is found in the file of a configuration.
func lintOfFile(tb testing.TB, o envoy.Options, edit func(*bootstrapv3.Bootstrap)) []finding {
	tb.Helper()
	text, err := envoy.Render(o)
	if edit != nil && err == nil {
		var boot *bootstrapv3.Bootstrap
		if boot, err = envoy.Bootstrap(o); err == nil {
			edit(boot)
			text, err = protojson.Marshal(boot)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lint.Read(bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return found(c)
}

// overSocket serves an administration port on a Unix socket as well.
func overSocket(tb testing.TB, addr string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "admin.sock")
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	server := &http.Server{Handler: proxy}
	go func() { _ = server.Serve(l) }()
	tb.Cleanup(func() { _ = server.Close() })
	return path
}
