package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/internal/wallclock"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/files"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/usage"
)

// policyWait is how long a process without a single tenant stays NOT_SERVING: long enough for
// Redis to come back, and for Envoy to use other processes. After that, closed answers are better
// than none.
const policyWait = 30 * time.Second

// backupName is the file of the state directory in which the copy is kept.
const backupName = "tenants.backup"

// roundTrip bounds a round trip to Redis, for pages of a whole registry. All other reads have shorter limits of their own.
const roundTrip = 2 * time.Second

// follower is what a process knows of the tenants in a store: all of them, or those that are asked for.
type follower interface {
	tenant.Registry
	// Run follows the store until ctx ends.
	Run(ctx context.Context) error
	// Suspended says that the machine slept.
	Suspended()
}

// storedRegistry is a registry in a store: what is known of it, what is under it, and the time.
type storedRegistry struct {
	follower
	// Either of the two is the follower; the other is nil.
	replica  *replica.Replica
	ondemand *ondemand.Registry

	log       *slog.Logger
	telemetry *telemetry.Telemetry // nil when nobody is told
	clock     *wallclock.Clock
	usage     *usage.Recorder   // nil when no uses are recorded
	redis     *redisstore.Store // nil in tests of the rest
	baseline  *files.Store      // nil when there is none
	// require: see [config.Stored.RequirePolicies].
	require bool
	// changed is told when Ready or describe may say something new.
	changed func()
	// source is as in [wallclock.Options].
	source func() (time.Time, time.Duration)
	// closers release what was opened, the last one first.
	closers []func() error

	ready atomic.Bool
}

// openStored opens all that the configuration names. It waits for nothing and asks Redis nothing.
func openStored(cfg config.Serve, log *slog.Logger, t *telemetry.Telemetry, changed func()) (registry, error) {
	r := &storedRegistry{log: log, telemetry: t, require: cfg.Stored.RequirePolicies, changed: changed}
	if err := r.open(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the tenant registry: %w", err), r.Close())
	}
	return r, nil
}

func (r *storedRegistry) open(cfg config.Serve) error {
	redis, err := OpenRedis(cfg.Redis, r.log, r.watch)
	if err != nil {
		return err
	}
	r.redis = redis
	r.closers = append(r.closers, redis.Close)
	if err := r.openUsage(cfg); err != nil {
		return err
	}
	if path := cfg.Stored.Baseline; path != "" {
		r.baseline, err = files.New(files.Options{
			Path: path, MaxBytes: memoryBudget(), Log: r.log, OnReload: func(files.Report) { r.update() },
		})
		if err != nil {
			return err
		}
	}
	return r.assemble(cfg.Stored, redis, identity(cfg.Redis))
}

// watch has commands made spans and metrics, and gives them time.
func (r *storedRegistry) watch(o *redisstore.Options) {
	o.Timeout = roundTrip
	o.TracerProvider = r.telemetry.TracerProvider()
	o.Observe = func(op redisstore.Operation) { r.telemetry.Operation(op.Name, string(op.Error), op.Duration) }
}

// identity names the registry for the backup. The addresses are no part of it: a
// mistake in them must not cost the last good tenants, and another registry behind them has
// another epoch.
func identity(r config.Redis) string {
	target, err := r.Target()
	if err != nil {
		return r.Prefix
	}
	return fmt.Sprintf("redis %d %s", target.Database, r.Prefix)
}

// assemble makes the clock, and what follows source.
func (r *storedRegistry) assemble(c config.Stored, source store.Source, identity string) error {
	r.clock = wallclock.New(wallclock.Options{
		SuspendAfter: c.TTL,
		OnSuspend:    func() { r.Suspended() },
		Source:       r.source,
		Log:          r.log,
	})
	onHead := func(head store.Head, took time.Duration) { r.clock.Observe(head.Time, took) }
	var baseline tenant.Registry
	if r.baseline != nil { // a nil pointer in an interface is not nil
		baseline = r.baseline
	}
	var err error
	if c.Lazy {
		r.ondemand, err = ondemand.New(ondemand.Options{
			Source: source, Baseline: baseline, MaxTenants: c.MaxTenants, TTL: c.TTL, MaxStale: c.MaxStale,
			LookupBudget: c.LookupBudget, Log: r.log, OnChange: r.update, OnHead: onHead,
		})
		r.follower = r.ondemand
		return err
	}
	opt := replica.Options{
		Source: source, Baseline: baseline, TTL: c.TTL, MaxStale: c.MaxStale, ResyncInterval: c.Resync,
		MaxBytes: memoryBudget(), Log: r.log, OnChange: r.update, OnHead: onHead,
	}
	if c.StateDir != "" {
		if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
			return fmt.Errorf("making the state directory: %w", err)
		}
		opt.Backup, opt.Identity = filepath.Join(c.StateDir, backupName), identity
	}
	r.replica, err = replica.New(opt)
	r.follower = r.replica
	return err
}

// Run implements [registry].
func (r *storedRegistry) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.follower.Run(ctx) })
	group.Go(func() error { return r.clock.Run(ctx) })
	if r.usage != nil {
		group.Go(func() error { return r.usage.Run(ctx) })
	}
	if r.baseline != nil {
		group.Go(func() error { return r.baseline.Run(ctx) })
	}
	if !r.require {
		group.Go(func() error { return r.serveAnyway(ctx) })
	}
	return group.Wait()
}

// serveAnyway makes the registry ready when it has nothing to wait for any longer.
func (r *storedRegistry) serveAnyway(ctx context.Context) error {
	timer := time.NewTimer(policyWait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-timer.C:
	}
	if !r.ready.Swap(true) {
		r.log.WarnContext(ctx, "there is no tenant to decide by; serving closed answers until there is one", "waited", policyWait.String())
		r.changed()
	}
	return nil
}

// update looks again whether there is something to decide by, and says that something changed.
func (r *storedRegistry) update() {
	if r.status().Ready || r.baseline != nil && r.baseline.Status().Tenants > 0 {
		r.ready.Store(true)
	}
	r.changed()
}

// Ready implements [registry]: what made it ready once, memory, disk or the baseline, is there
// still, whatever became of Redis.
func (r *storedRegistry) Ready() bool { return r.ready.Load() }

// Now implements [registry].
func (r *storedRegistry) Now() time.Time { return r.clock.Now() }

// Close implements [registry].
func (r *storedRegistry) Close() error {
	var failed error
	for _, release := range slices.Backward(r.closers) {
		failed = errors.Join(failed, release())
	}
	r.closers = nil
	return failed
}

// maxProblems bounds the problems of stored documents that readiness lists.
const maxProblems = 100

func (r *storedRegistry) describe(to *Readiness) {
	s := r.status()
	v := r.survey()
	to.Tenants = s.Tenants
	to.Redis = describeStore(&s, &v, r.clock.Status())
	for i := range v.Rejected[:min(len(v.Rejected), maxProblems)] {
		p := &v.Rejected[i]
		to.Problems = append(to.Problems, fmt.Sprintf("tenant %s: %s [%s]", p.ID, p.Detail, p.Why))
	}
	if r.baseline == nil {
		return
	}
	report := r.baseline.Status()
	to.Files, to.LoadedAt, to.Kept = report.Files, report.LoadedAt, report.Kept
	for i := range report.Problems {
		to.Problems = append(to.Problems, "baseline: "+report.Problems[i].String())
	}
}

var _ tenant.Registry = (*storedRegistry)(nil)
