package helm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/internal/config"
)

// serve reads the arguments of the server as the program does: every problem of flags, variables and files.
func serve(t *testing.T, args []string, c container) (config.Serve, config.Problems) {
	t.Helper()
	if len(args) == 0 || args[0] != "serve" {
		t.Fatalf("arguments %q, want serve", args)
	}
	var s config.Serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.Bind(flags)
	config.Arm(flags)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	if err := flags.Parse(args[1:]); err != nil {
		t.Fatal(err)
	}
	var environ, left []string
	for _, v := range c.Env {
		environ = append(environ, v.Name+"="+v.Value)
	}
	flags.VisitAll(func(f *pflag.Flag) { left = append(left, f.Name) })
	sources, problems := config.Resolve(config.Input{Flags: flags, Args: unknown(args[1:], flags), Program: left, Environ: environ})
	problems = append(problems, s.Check(sources)...)
	return s, append(problems, s.Telemetry.Environment(environ)...)
}

// unknown are the arguments that are no flags of the program.
func unknown(args []string, flags *pflag.FlagSet) []string {
	var out []string
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !strings.HasPrefix(arg, "--") || flags.Lookup(name) == nil {
			out = append(out, arg)
		}
	}
	return out
}

// Every golden passes flags, variables and files that the program takes.
func TestServeTakesItsArguments(t *testing.T) {
	t.Parallel()
	for _, r := range goldens(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			c, p := r.server(t)
			if _, problems := serve(t, r.machine(t, c, p), c); len(problems) > 0 {
				t.Error(problems)
			}
		})
	}
}

// The ports, the drain and the way to secure the port are the same everywhere that they are said.
func TestServeAgreesWithItsPod(t *testing.T) {
	t.Parallel()
	for _, r := range goldens(t) {
		c, p := r.server(t)
		s, _ := serve(t, r.machine(t, c, p), c)
		listens := map[string]string{"grpc": s.Listen, "admin": s.AdminListen}
		if s.RUM.Enabled() {
			listens["rum"] = s.RUM.Listen
		}
		if len(c.Ports) != len(listens) {
			t.Errorf("%s: ports %v for %v", r.name, c.Ports, listens)
		}
		for _, port := range c.Ports {
			if want := fmt.Sprintf(":%d", port.ContainerPort); listens[port.Name] != want {
				t.Errorf("%s: the port %s is %s, and the program listens on %s", r.name, port.Name, want, listens[port.Name])
			}
		}
		if got, least := time.Duration(p.Spec.TerminationGracePeriod)*time.Second, s.DrainDelay+s.StopTimeout+5*time.Second; got < least {
			t.Errorf("%s: a pod has %s to stop, and needs %s", r.name, got, least)
		}
		switch {
		case s.InsecureListen == s.TLS.Enabled():
			t.Errorf("%s: insecure %t, TLS %t", r.name, s.InsecureListen, s.TLS.Enabled())
		case s.TLS.Enabled() == (c.ReadinessProbe.GRPC != nil):
			t.Errorf("%s: readiness is asked by %+v, TLS %t", r.name, c.ReadinessProbe, s.TLS.Enabled())
		}
	}
}

// The program runs with the arguments and files of the smallest golden, and answers what the kubelet asks.
func TestServeAnswersTheKubelet(t *testing.T) {
	t.Parallel()
	var minimal rendered
	for _, r := range goldens(t) {
		if r.name == "minimal" {
			minimal = r
		}
	}
	c, p := minimal.server(t)
	dir, binary := t.TempDir(), harness.CorsgateBinary(t)
	socket, admin := filepath.Join(dir, "grpc"), filepath.Join(dir, "admin")
	// The last value of a flag counts: the ports of the pod may be taken here.
	args := append(minimal.machine(t, c, p), "--listen=unix:"+socket, "--admin-listen=unix:"+admin)
	harness.StartProcess(t, "corsgate", exec.CommandContext(context.WithoutCancel(t.Context()), binary, args...))
	harness.Eventually(t, "the health that gRPC probes ask", func() error {
		out, err := exec.CommandContext(t.Context(), binary, "health", "--addr", "unix:"+socket).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", admin)
	}}}
	for _, path := range asked(t) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.0.0.7:9003"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s %v", path, response.StatusCode, body, err)
		}
	}
}

// asked are the paths of all goldens that the kubelet and Prometheus ask.
func asked(t *testing.T) []string {
	t.Helper()
	paths := map[string]bool{}
	for _, r := range goldens(t) {
		c, _ := r.server(t)
		for _, probe := range []check{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if probe.HTTPGet != nil {
				paths[probe.HTTPGet.Path] = true
			}
		}
		for _, o := range r.all("ServiceMonitor") {
			for _, endpoint := range o.monitored(t) {
				paths[endpoint.Path] = true
			}
		}
	}
	if len(paths) < 3 {
		t.Errorf("only %v are asked", paths)
	}
	return slices.Sorted(maps.Keys(paths))
}

// The program understands what the CronJob tells it. Nobody answers here, which is the exit code 3 and not 2.
func TestProbeTakesItsArguments(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, r := range goldens(t) {
		c, p, ok := r.probe(t)
		if !ok {
			continue
		}
		seen++
		args := append(r.machine(t, c, p), "--timeout=100ms", "--case=no_origin")
		out, err := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), args...).CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
			t.Errorf("%s: %q: %v\n%s", r.name, args, err, out)
		}
	}
	if seen == 0 {
		t.Error("no golden has a probe")
	}
}
