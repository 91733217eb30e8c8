package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/internal/app"
	"github.com/corsgate/corsgate/internal/config"
)

const (
	// processorStart bounds the time until corsgate has read the tenants file.
	processorStart = 10 * time.Second
	// applyBound is how long a change of the tenants file may take; then the page shows it anyway.
	applyBound = 3 * time.Second
)

// processor is corsgate, inside this process.
type processor struct {
	app    *app.App
	client *http.Client
	// seen is the readiness at the last look. After the start only the goroutine that
	// follows the tenants file looks.
	seen app.Readiness
}

// startProcessor runs corsgate on the tenants. Its log goes to corsgate.log.
func (d *demo) startProcessor(ctx context.Context) error {
	file, err := os.Create(filepath.Join(d.dir, "corsgate.log"))
	if err != nil {
		return fmt.Errorf("starting corsgate: %w", err)
	}
	d.later(file.Close)
	cfg := config.Serve{
		Listen:        "127.0.0.1:0",
		AdminListen:   "127.0.0.1:0",
		UnknownTenant: "refuse",
		StopTimeout:   2 * time.Second,
		Telemetry:     config.Telemetry{Origins: true},
	}
	if d.database != nil {
		cfg.Redis = config.Redis{URL: d.database.url(), Prefix: config.DefaultRedisPrefix}
		cfg.Stored.StateDir = filepath.Join(d.dir, "state")
	} else {
		cfg.Tenants = d.ready.Tenants
	}
	corsgate, err := app.New(ctx, cfg, app.Log{Logger: slog.New(slog.NewTextHandler(file, nil))})
	if err != nil {
		return fmt.Errorf("starting corsgate: %w", err)
	}
	d.processor = &processor{app: corsgate, client: newClient()}
	admin := "http://" + corsgate.AdminAddr().String()
	d.ready.Denials, d.ready.Metrics = admin+"/denials", admin+"/metrics"
	// It outlives ctx: when that ends, Envoy stops first.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		err := corsgate.Run(running)
		if running.Err() == nil {
			d.failed <- fmt.Errorf("corsgate ended: %w", err)
		}
		done <- err
	}()
	d.later(func() error { cancel(); return <-done })
	return d.awaitProcessor(ctx)
}

func (d *demo) awaitProcessor(ctx context.Context) error {
	select {
	case <-d.processor.app.Ready():
		var err error
		d.processor.seen, err = d.processor.readiness(ctx)
		return err
	case <-ctx.Done():
		return ctx.Err()
	case err := <-d.failed:
		return err
	case <-time.After(processorStart):
	}
	status, err := d.processor.readiness(ctx)
	return errors.Join(fmt.Errorf("starting corsgate: no tenant is in force after %s: %s",
		processorStart, strings.Join(status.Problems, "; ")), err)
}

func (p *processor) addr() string { return p.app.Addr().String() }

// applied waits until corsgate has read the tenants file again. The error says
// what is wrong with the file; then the last good version stays in force.
func (p *processor) applied(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, applyBound)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := p.readiness(ctx)
		if err == nil && p.news(now) {
			return problems(now)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return problems(p.seen)
		}
	}
}

// news reports whether the file was read since the last look, and remembers now.
func (p *processor) news(now app.Readiness) bool {
	same := now.LoadedAt.Equal(p.seen.LoadedAt) && slices.Equal(now.Problems, p.seen.Problems)
	p.seen = now
	return !same
}

func problems(r app.Readiness) error {
	if len(r.Problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(r.Problems, "\n"))
}

// readiness asks corsgate's own readiness page.
func (p *processor) readiness(ctx context.Context) (app.Readiness, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.app.AdminAddr().String()+"/readyz", http.NoBody)
	if err != nil {
		return app.Readiness{}, err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return app.Readiness{}, fmt.Errorf("asking corsgate whether it is ready: %w", err)
	}
	defer resp.Body.Close()
	var r app.Readiness
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return app.Readiness{}, fmt.Errorf("reading corsgate's readiness: %w", err)
	}
	return r, nil
}
