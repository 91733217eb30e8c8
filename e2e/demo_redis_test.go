package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corsgate/corsgate/e2e/harness"
)

// TestDemoRedis runs the demo with its tenants in Redis as its reader would: the command
// lines that it prints change a tenant, kill Redis, and start it again.
func TestDemoRedis(t *testing.T) {
	d := startDemoProcess(t, "--with-redis", "--redis-server", harness.RedisServer(t))
	shipped, err := os.ReadFile(d.ready.Tenants)
	if err != nil {
		t.Fatal(err)
	}
	swapped := strings.ReplaceAll(string(shipped), "  - "+d.ready.Allowed, "  - "+d.ready.Foreign)
	denied := d.try(t, "a preflight that is denied")

	t.Run("the curl lines", func(t *testing.T) { checkCurlLines(t, d) })
	t.Run("a change", func(t *testing.T) {
		if first := d.document(t, 0); first.Command != d.ready.Redis.Apply || !strings.Contains(first.Content, d.ready.Allowed) {
			t.Errorf("the page shows %+v", first)
		}
		// The first half of what counts: saving the file alone changes nothing.
		if err := os.WriteFile(d.ready.Tenants, []byte(swapped), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, _ := doCurlLine(t, denied); status != http.StatusForbidden {
			t.Errorf("before the change was applied: status %d", status)
		}
		d.applyWithin(t, denied, http.StatusNoContent, 2*time.Second)
		if shown := d.document(t, 1); !strings.Contains(shown.Content, d.ready.Foreign) || shown.Problem != "" {
			t.Errorf("after the change the page shows %+v", shown)
		}
	})
	t.Run("back", func(t *testing.T) {
		if err := os.WriteFile(d.ready.Tenants, shipped, 0o600); err != nil {
			t.Fatal(err)
		}
		d.applyWithin(t, denied, http.StatusForbidden, 2*time.Second)
	})
	t.Run("Redis is killed", func(t *testing.T) {
		if want := fmt.Sprintf("kill -9 %d", d.ready.Redis.PID); d.ready.Redis.Kill != want {
			t.Fatalf("the demo says %q, want %q", d.ready.Redis.Kill, want)
		}
		if err := syscall.Kill(d.ready.Redis.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "Redis is gone", func() error {
			if _, err := d.apply(t); err == nil {
				return fmt.Errorf("a change can still be applied")
			}
			return nil
		})
		checkCurlLines(t, d)
	})
	t.Run("Redis is back", func(t *testing.T) {
		words := strings.Fields(d.ready.Redis.Start)
		redis := harness.StartProcess(t, "redis", exec.CommandContext(t.Context(), words[0], words[1:]...))
		if err := os.WriteFile(d.ready.Tenants, []byte(swapped), 0o600); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "the change is applied", func() error { out, err := d.apply(t); return errorWith(err, out) })
		harness.Eventually(t, "the change is live", func() error {
			if status, _ := doCurlLine(t, denied); status != http.StatusNoContent {
				return fmt.Errorf("status %d", status)
			}
			return nil
		})
		redis.Stop()
	})
	t.Run("nothing is left", func(t *testing.T) { d.stop(t) })
}

// TestDemoRedisStartFailsClean: a Redis that cannot start leaves nothing of the demo.
func TestDemoRedisStartFailsClean(t *testing.T) {
	dir := t.TempDir()
	args := append(demoArgs(t), "--dir", dir, "--with-redis", "--redis-server", "false")
	out, err := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "starting redis: it ended") {
		t.Errorf("ended with %v and %q", err, out)
	}
	checkNoProcess(t, dir)
}

// try is the curl line that shows something.
func (d *demoProcess) try(t *testing.T, shows string) string {
	t.Helper()
	for _, c := range d.ready.Curl {
		if c.Shows == shows {
			return c.Command
		}
	}
	t.Fatalf("the demo prints no line for %q", shows)
	return ""
}

// apply runs the line that puts the tenants file into Redis.
func (d *demoProcess) apply(t *testing.T) (string, error) {
	t.Helper()
	words := strings.Fields(d.ready.Redis.Apply)
	out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput()
	return string(out), err
}

func errorWith(err error, out string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", err, out)
}

// applyWithin applies the file and waits until a curl line gives a status; both together may take
// as long as bound.
func (d *demoProcess) applyWithin(t *testing.T, line string, want int, bound time.Duration) {
	t.Helper()
	began := time.Now()
	if out, err := d.apply(t); err != nil {
		t.Fatalf("%s: %v\n%s", d.ready.Redis.Apply, err, out)
	}
	applied := time.Now()
	harness.Eventually(t, "the status is "+strconv.Itoa(want), func() error {
		if status, _ := doCurlLine(t, line); status != want {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	took := time.Since(began)
	t.Logf("the change was written within %s and seen through Envoy %s later", applied.Sub(began).Round(time.Millisecond), time.Since(applied).Round(time.Millisecond))
	if took > bound {
		t.Errorf("the change was live after %s, want %s", took, bound)
	}
}

// shown is what the page shows of the tenants.
type shown struct {
	Revision                        uint64
	Path, Content, Command, Problem string
}

// document asks as the page does for the tenants newer than a revision.
func (d *demoProcess) document(t *testing.T, after int) shown {
	t.Helper()
	_, port, _ := strings.Cut(strings.TrimPrefix(d.ready.Allowed, "http://"), ":")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%s/document?after=%d", port, after), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var s shown
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}
