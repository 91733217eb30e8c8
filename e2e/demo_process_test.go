package e2e_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corsgate/corsgate/e2e/harness"
)

// demoProcess is a running "corsgate demo".
type demoProcess struct {
	cmd   *exec.Cmd
	done  chan error
	ready struct {
		API, Allowed, Foreign, Tenants string
		Denials, Metrics               string
		EnvoyPID                       int `json:"envoy_pid"`
		Redis                          struct {
			URL                string
			PID                int
			Apply, Kill, Start string
		}
		Curl []struct{ Shows, Command string }
	}
}

func demoArgs(t *testing.T) []string {
	t.Helper()
	return []string{
		"demo", "--json", "--envoy", harness.EnvoyBinary(t),
		"--listen", "127.0.0.1:0", "--allowed-page", "127.0.0.1:0", "--foreign-page", "127.0.0.1:0",
	}
}

// startDemoProcess runs the demo and waits for its line of JSON.
func startDemoProcess(t *testing.T, more ...string) *demoProcess {
	t.Helper()
	d := &demoProcess{cmd: exec.Command(harness.CorsgateBinary(t), append(demoArgs(t), more...)...), done: make(chan error, 1)}
	d.cmd.Stderr = t.Output()
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
		_, _ = io.Copy(io.Discard, out)
		d.done <- d.cmd.Wait()
		close(d.done)
	}()
	t.Cleanup(func() { // for a test that failed half-way
		_ = d.cmd.Process.Signal(os.Interrupt)
		select {
		case <-d.done:
		case <-time.After(20 * time.Second):
			_ = d.cmd.Process.Kill()
			<-d.done
		}
	})
	select {
	case text := <-line:
		if err := json.Unmarshal([]byte(text), &d.ready); err != nil {
			t.Fatalf("the demo announced %q: %v", text, err)
		}
	case <-time.After(45 * time.Second):
		t.Fatal("the demo announced nothing")
	}
	t.Logf("the demo was ready after %s", time.Since(began).Round(time.Millisecond))
	return d
}

// stop does what Ctrl-C does, and checks that nothing is left.
func (d *demoProcess) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-d.done:
		if err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the demo did not stop")
	}
	t.Logf("the demo stopped in %s", time.Since(began).Round(time.Millisecond))
	for name, pid := range map[string]int{"Envoy": d.ready.EnvoyPID, "Redis": d.ready.Redis.PID} {
		if err := syscall.Kill(pid, 0); pid > 0 && !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	for _, origin := range []string{d.ready.API, d.ready.Allowed, d.ready.Foreign} {
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(origin, "http://"))
		if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second); err == nil {
			_ = conn.Close()
			t.Errorf("%s still takes connections", origin)
		}
	}
	dir := filepath.Dir(d.ready.Tenants)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
	checkNoProcess(t, dir)
}

// checkNoProcess looks for processes that were started with dir in their arguments.
func checkNoProcess(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		// A process that has just ended has no file to read any more.
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), dir) {
			t.Errorf("still there: %s", strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
}
