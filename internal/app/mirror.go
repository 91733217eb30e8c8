package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/internal/wallclock"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/filestore"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/statefile"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/usage"
)

// policyWait is how long a process without a single tenant stays NOT_SERVING: long enough for
// Redis to come back, and for Envoy to use other processes. After that, closed answers are better
// than none.
const policyWait = 30 * time.Second

// mirrorRegistry is a registry in a store, copied: the mirror, what is under it, and the time.
type mirrorRegistry struct {
	*mirror.Mirror
	log       *slog.Logger
	telemetry *telemetry.Telemetry // nil when nobody is told
	clock     *wallclock.Clock
	usage     *usage.Recorder   // nil when no uses are recorded
	redis     *redisstore.Store // nil in tests of the rest
	baseline  *filestore.Store  // nil when there is none
	state     *statefile.File   // nil when nothing is kept
	// require: see [config.Mirror.RequirePolicies].
	require bool
	// changed is told when Ready or describe may say something new.
	changed func()
	// source is as in [wallclock.Options].
	source func() (time.Time, time.Duration)
	// closers release what was opened, the last one first.
	closers []func() error

	ready atomic.Bool
}

// openMirror opens all that the configuration names. It waits for nothing and asks Redis nothing.
func openMirror(cfg config.Serve, log *slog.Logger, t *telemetry.Telemetry, changed func()) (registry, error) {
	r := &mirrorRegistry{log: log, telemetry: t, require: cfg.Mirror.RequirePolicies, changed: changed}
	if err := r.open(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the tenant registry: %w", err), r.Close())
	}
	return r, nil
}

func (r *mirrorRegistry) open(cfg config.Serve) error {
	redis, err := OpenRedis(cfg.Redis, r.log, r.watch)
	if err != nil {
		return err
	}
	r.redis = redis
	r.closers = append(r.closers, redis.Close)
	if err := r.openUsage(cfg); err != nil {
		return err
	}
	if dir := cfg.Mirror.StateDir; dir != "" {
		r.state, err = statefile.New(statefile.Options{
			Dir: dir, Identity: identity(cfg.Redis), ValidID: tenant.ValidID, Log: r.log, Keep: r.keep(cfg.Mirror.Lazy),
		})
		if err != nil {
			return err
		}
	}
	if path := cfg.Mirror.Baseline; path != "" {
		r.baseline, err = filestore.New(filestore.Options{
			Path: path, Log: r.log,
			OnReload: func(filestore.Report) { r.update() },
		})
		if err != nil {
			return err
		}
	}
	return r.assemble(cfg.Mirror, redis)
}

// watch has commands made spans and metrics.
func (r *mirrorRegistry) watch(o *redisstore.Options) {
	o.TracerProvider = r.telemetry.TracerProvider()
	o.Observe = func(op redisstore.Operation) { r.telemetry.Operation(op.Name, string(op.Error), op.Duration) }
}

// keep says which tenants stay on disk: in the lazy mode those in memory, otherwise all. It is
// asked while the mirror runs.
func (r *mirrorRegistry) keep(lazy bool) func(id string) bool {
	if !lazy {
		return nil
	}
	return func(id string) bool { return r.Holds(id) }
}

// identity names the registry for the state directory. The addresses are no part of it: a
// mistake in them must not cost the last good tenants, and another registry behind them has
// another epoch.
func identity(r config.Redis) string {
	target, err := r.Target()
	if err != nil {
		return r.Prefix
	}
	return fmt.Sprintf("redis %d %s", target.Database, r.Prefix)
}

// assemble makes the clock, and the mirror of what reader reads.
func (r *mirrorRegistry) assemble(m config.Mirror, reader store.Source) error {
	r.clock = wallclock.New(wallclock.Options{
		SuspendAfter: m.TTL,
		OnSuspend:    func() { r.Suspended() },
		Source:       r.source,
		Log:          r.log,
	})
	opt := mirror.Options{
		Reader:       reader,
		Lazy:         m.Lazy,
		MaxTenants:   m.MaxTenants,
		TTL:          m.TTL,
		MaxStale:     m.MaxStale,
		LookupBudget: m.LookupBudget,
		Log:          r.log,
		OnChange:     r.update,
		OnHead:       func(head store.Head, took time.Duration) { r.clock.Observe(head.Time, took) },
	}
	// A nil pointer in an interface is not nil.
	if r.baseline != nil {
		opt.Baseline = r.baseline
	}
	if r.state != nil {
		opt.State = r.state
	}
	var err error
	r.Mirror, err = mirror.New(opt)
	return err
}

// Run implements [registry].
func (r *mirrorRegistry) Run(ctx context.Context) error {
	// The state outlives the mirror, which says last of all where it is.
	states, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	if r.state != nil {
		group.Go(func() error { return r.state.Run(states) })
	}
	group.Go(func() error {
		defer stop()
		return r.Mirror.Run(ctx)
	})
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
func (r *mirrorRegistry) serveAnyway(ctx context.Context) error {
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
func (r *mirrorRegistry) update() {
	if r.Status().Ready || r.baseline != nil && r.baseline.Status().Ready() {
		r.ready.Store(true)
	}
	r.changed()
}

// Ready implements [registry]: what made it ready once, memory, disk or the baseline, is there
// still, whatever became of Redis.
func (r *mirrorRegistry) Ready() bool { return r.ready.Load() }

// Now implements [registry].
func (r *mirrorRegistry) Now() time.Time { return r.clock.Now() }

// Close implements [registry].
func (r *mirrorRegistry) Close() error {
	var failed error
	for _, release := range slices.Backward(r.closers) {
		failed = errors.Join(failed, release())
	}
	r.closers = nil
	return failed
}

func (r *mirrorRegistry) describe(to *Readiness) {
	s := r.Status()
	to.Tenants = s.Tenants
	to.Redis = describeMirror(s, r.clock.Status())
	for _, id := range slices.Sorted(maps.Keys(s.Problems)) {
		to.Problems = append(to.Problems, "tenant "+id+": "+s.Problems[id])
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

var _ tenant.Registry = (*mirrorRegistry)(nil)
