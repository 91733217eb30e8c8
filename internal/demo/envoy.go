package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// envoyStart bounds the time until Envoy serves, and envoyStop until it has ended.
	envoyStart = 20 * time.Second
	envoyStop  = 5 * time.Second
)

// gateway is a running Envoy.
type gateway struct {
	cmd    *exec.Cmd
	dir    string
	client *http.Client
	done   chan struct{} // closed when the process has been waited for
	err    error         // how it ended; read after done
}

// startEnvoy runs program with the configuration file config. Access log lines go
// to the journal, everything else to envoy.log beside it. The end of ctx does not end Envoy.
func startEnvoy(ctx context.Context, program, config string, j *journal) (*gateway, error) {
	g := &gateway{dir: filepath.Dir(config), client: newClient(), done: make(chan struct{})}
	// One that an earlier Envoy left in a kept directory would lead us astray.
	if err := os.Remove(g.adminPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("starting envoy: %w", err)
	}
	logs, err := os.Create(g.logPath())
	if err != nil {
		return nil, fmt.Errorf("starting envoy: %w", err)
	}
	//nolint:gosec // which Envoy to run is the user's choice
	g.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, "--config-path", config, "--disable-hot-restart", "--concurrency", "1",
		"--log-level", "warning", "--file-flush-interval-msec", "50", "--admin-address-path", g.adminPath())
	g.cmd.Stderr = logs
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		_ = logs.Close()
		return nil, fmt.Errorf("starting envoy: %w", err)
	}
	g.cmd.SysProcAttr = ownGroup()
	if err := g.cmd.Start(); err != nil {
		_ = logs.Close()
		return nil, fmt.Errorf("starting envoy: %w", err)
	}
	go func() {
		defer close(g.done)
		defer logs.Close()
		read := j.follow(out) // Wait closes the pipe, so read it to the end first
		g.err = errors.Join(g.cmd.Wait(), read)
	}()
	return g, nil
}

func (g *gateway) logPath() string   { return filepath.Join(g.dir, "envoy.log") }
func (g *gateway) adminPath() string { return filepath.Join(g.dir, "envoy.admin") }

// address waits until Envoy listens and returns the host:port it listens on,
// which only Envoy knows when it was told port 0.
func (g *gateway) address(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, envoyStart)
	defer cancel()
	var last error
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		var addr string
		if addr, last = g.listener(ctx); last == nil {
			tick.Stop()
			return addr, nil
		}
		select {
		case <-tick.C:
		case <-g.done:
			return "", fmt.Errorf("starting envoy: it %w", g.end())
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for envoy: %w: %w", ctx.Err(), last)
		}
	}
}

// listener asks Envoy's admin interface for its one listener.
func (g *gateway) listener(ctx context.Context) (string, error) {
	admin, err := os.ReadFile(g.adminPath())
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+strings.TrimSpace(string(admin))+"/listeners?format=json", http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var reply struct {
		Listeners []struct {
			Local struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&reply); err != nil {
		return "", err
	}
	if len(reply.Listeners) == 0 || reply.Listeners[0].Local.Socket.Port == 0 {
		return "", errors.New("no listener yet")
	}
	s := reply.Listeners[0].Local.Socket
	return fmt.Sprintf("%s:%d", s.Address, s.Port), nil
}

// stop ends Envoy: politely, then by force.
func (g *gateway) stop() error {
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.done:
		return nil
	case <-time.After(envoyStop):
	}
	_ = g.cmd.Process.Kill()
	<-g.done
	return errors.New("stopping envoy: it had to be killed")
}

// end says how Envoy ended and what it said last. Call it after done is closed.
func (g *gateway) end() error {
	how := g.err
	if how == nil {
		how = errors.New("exit code 0")
	}
	return fmt.Errorf("ended with %w; its log ends with %q", how, g.logTail())
}

// logTail returns the last lines that Envoy wrote, for an error message.
func (g *gateway) logTail() string {
	const keep = 5
	content, err := os.ReadFile(g.logPath())
	if err != nil {
		return err.Error()
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return strings.Join(lines[max(0, len(lines)-keep):], "\n")
}
