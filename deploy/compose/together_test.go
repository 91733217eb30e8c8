package compose_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
)

// Where the page of the sample shop comes from, and one that it does not know.
const (
	page     = "http://app.localhost:10001"
	stranger = "http://stranger.localhost:10001"
)

// All services that docker compose up starts, as processes with their commands, answer a browser through the real Envoy; and what the
// head of the file promises: a changed document is seen at once, and Redis may go.
func TestTogether(t *testing.T) {
	t.Parallel()
	server := harness.RedisServer(t)
	harness.EnvoyBinary(t)
	p := load(t)
	at := places(t)
	redis := startRedis(t, p, server, at)
	binary := harness.CorsgateBinary(t)
	start := func(name string) *harness.Process {
		return harness.StartProcess(t, name, exec.CommandContext(t.Context(), binary, p.here(t, name, at)...))
	}
	start("corsgate")
	if err := run(t, binary, p.here(t, "seed", at)...); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "corsgate", func() error { return run(t, binary, "health", "--addr", at["0.0.0.0:9002"]) })
	start("app")
	harness.Eventually(t, "the application", func() error { return accepts(at["0.0.0.0:8080"]) })
	startEnvoy(t, p, at)
	edge := at["envoy:10000"]
	harness.Eventually(t, "Envoy", func() error { return accepts(edge) })

	harness.Eventually(t, "the first decision", func() error { return decided(t, edge) })
	if got := ask(t, edge, http.MethodGet, stranger); got.Status != http.StatusOK || got.Get("access-control-allow-origin") != "" {
		t.Errorf("a stranger gets %d %v", got.Status, got.CORS())
	}
	start("probe")
	harness.Eventually(t, "a successful probe", func() error { return probed("http://" + at["0.0.0.0:9120"] + "/metrics") })

	changed := t.TempDir()
	editTenant(t, changed)
	seed := p.here(t, "seed", at)
	seed[slices.Index(seed, "-f")+1] = changed
	if err := run(t, binary, seed...); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the changed document", func() error {
		if ask(t, edge, http.MethodGet, stranger).Get("access-control-allow-origin") != stranger {
			return errors.New("the origin that was added gets nothing")
		}
		return nil
	})
	redis.Stop()
	if err := decided(t, edge); err != nil {
		t.Errorf("without Redis: %v", err)
	}
}

// places are what names of services and directories of containers are here.
func places(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"redis://redis:6379": "redis://" + harness.FreeAddr(t), "/data": t.TempDir(), "/var/lib/corsgate": t.TempDir(),
		"0.0.0.0:9002": harness.FreeAddr(t), "0.0.0.0:9003": "127.0.0.1:0", "0.0.0.0:8080": harness.FreeAddr(t),
		"0.0.0.0:9120": harness.FreeAddr(t), "envoy:10000": harness.FreeAddr(t),
	}
}

func startRedis(t *testing.T, p project, server string, at map[string]string) *harness.Process {
	t.Helper()
	host, port, err := net.SplitHostPort(strings.TrimPrefix(at["redis://redis:6379"], "redis://"))
	if err != nil {
		t.Fatal(err)
	}
	command := append(p.here(t, "redis", at)[1:], "--bind", host, "--port", port)
	started := harness.StartProcess(t, "redis", exec.CommandContext(t.Context(), server, command...))
	check := p.Services["redis"].Healthcheck.Test
	harness.Eventually(t, "the health check of Redis", func() error {
		return run(t, check[1], append([]string{"-h", host, "-p", port}, check[2:]...)...)
	})
	return started
}

// startEnvoy runs Envoy with the file that it is given, but for the addresses in it.
func startEnvoy(t *testing.T, p project, at map[string]string) {
	t.Helper()
	command := p.here(t, "envoy", nil)
	file := slices.Index(command, "--config-path") + 1
	data, err := os.ReadFile(command[file])
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, a := range []struct {
		there, here string
		times       int
	}{{"0.0.0.0:10000", at["envoy:10000"], 1}, {processor, at["0.0.0.0:9002"], 2}, {upstream, at["0.0.0.0:8080"], 1}} {
		old := socket(t, a.there)
		if n := strings.Count(text, old); n != a.times {
			t.Fatalf("%s has %d times %q", command[file], n, old)
		}
		text = strings.ReplaceAll(text, old, socket(t, a.here))
	}
	command[file] = filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(command[file], []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	harness.StartProcess(t, "envoy", exec.CommandContext(t.Context(), harness.EnvoyBinary(t), append(command, "--concurrency", "1", "--disable-hot-restart")...))
}

// socket is an address as Envoy's configuration has it.
func socket(t *testing.T, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("{address: %s, port_value: %s}", host, port)
}

func accepts(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func ask(t *testing.T, edge, method, origin string, more ...[2]string) *harness.Response {
	t.Helper()
	return harness.Exchange(t, edge, harness.Request(method, "/v1/orders", "api.localhost", append([][2]string{{"Origin", origin}}, more...)...))
}

// decided says what is wrong with the answers to a preflight and to the request behind it.
func decided(t *testing.T, edge string) error {
	t.Helper()
	preflight := ask(t, edge, http.MethodOptions, page, [2]string{"Access-Control-Request-Method", "PUT"}, [2]string{"Access-Control-Request-Headers", "content-type,x-trace"})
	want := map[string]string{
		"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-allow-methods": "PUT",
		"access-control-allow-headers": "content-type, x-trace", "access-control-max-age": "600",
		"vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
	}
	if diff := cmp.Diff(want, preflight.CORS()); diff != "" || preflight.Status != http.StatusNoContent {
		return fmt.Errorf("the preflight is answered %d (-want +got):\n%s", preflight.Status, diff)
	}
	actual := ask(t, edge, http.MethodGet, page)
	want = map[string]string{
		"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-expose-headers": "x-request-id",
		"vary": "Origin",
	}
	if diff := cmp.Diff(want, actual.CORS()); diff != "" || actual.Status != http.StatusOK {
		return fmt.Errorf("the request is answered %d (-want +got):\n%s", actual.Status, diff)
	}
	return nil
}

// editTenant writes the sample document with one more origin into a directory.
func editTenant(t *testing.T, dir string) {
	t.Helper()
	data, err := os.ReadFile("tenants/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "["+page+"]", "["+page+", "+stranger+"]", 1)
	if err := os.WriteFile(filepath.Join(dir, "shop.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// probed is content when every case of the prober has succeeded.
func probed(metrics string) error {
	resp, err := http.Get(metrics)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	cases := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "cors_probe_success{") {
			continue
		}
		if cases++; !strings.HasSuffix(line, " 1\n") {
			return fmt.Errorf("failed: %s", line)
		}
	}
	if cases < 5 {
		return fmt.Errorf("%d cases were tried", cases)
	}
	return nil
}
