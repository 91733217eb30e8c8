package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/corsgate/corsgate/envoy"
)

// envoyStart bounds the time until Envoy serves.
const envoyStart = 20 * time.Second

// gateway is a running Envoy.
type gateway struct {
	*child
	admin  string // path of the file that names its admin address
	client *http.Client
}

// startEnvoy runs the Envoy at path with the configuration file config. Access log lines go
// to the journal, everything else to envoy.log beside it. The end of ctx does not end Envoy.
func startEnvoy(ctx context.Context, path, config string, j *journal) (*gateway, error) {
	dir := filepath.Dir(config)
	g := &gateway{admin: filepath.Join(dir, "envoy.admin"), client: newClient()}
	// One that an earlier Envoy left in a kept directory would lead us astray.
	if err := os.Remove(g.admin); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("starting envoy: %w", err)
	}
	var err error
	g.child, err = startChild(ctx, program{
		name: "envoy", path: path, log: filepath.Join(dir, "envoy.log"), read: j.follow,
		args: []string{
			"--config-path", config, "--disable-hot-restart", "--concurrency", "1",
			"--log-level", "warning", "--file-flush-interval-msec", "50", "--admin-address-path", g.admin,
		},
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

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
	admin, err := os.ReadFile(g.admin)
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
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", err
	}
	return envoy.ListenerAddress(answer, envoy.ListenerName)
}
