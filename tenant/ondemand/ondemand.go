// Package ondemand is a read-through cache of a registry that lives in a store, for registries too large to hold, and
// for processes that need few of its tenants.
//
// There are two caches: documents by id, and the tenants of hosts. What is in neither is loaded when it is asked for;
// the request waits for that, though no longer than its budget. What is used is refreshed before its TTL ends. It
// is invalidated by the store's changes, which one goroutine follows, and outlives the store for a time.
//
// Nothing is kept on disk. A process that starts while the store is away decides by the baseline.
//
// The loader, the refreshes and the expiry are otter's. It cannot wait less long than a load takes, so lookups
// wait for a refresh of the missing key, which runs in a goroutine of its own. It cannot hold back what a store
// says that is not trusted, so the loaders do: they fail, and what is in memory stays.
package ondemand

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// Options of a registry. Zero values get the defaults that are named.
type Options struct {
	// Source is the store. Required.
	Source store.Source
	// Baseline answers for tenants that the store does not give. Default: none.
	Baseline tenant.Registry

	// MaxTenants bounds the documents in memory, and a quarter of the hosts. Default: 100,000.
	MaxTenants int
	// MaxNegative bounds the hosts and ids that are known to be nobody's. Default: 16,384.
	MaxNegative int
	// TTL is how long a document is live after the store has confirmed it. What is used is read again after about 70 %
	// of it. Default: 30 s.
	TTL time.Duration
	// MaxStale is how long a document is used after it was read; a tenant may ask for less. Default: 24 h.
	MaxStale time.Duration
	// NegativeTTL is how long the store is not asked again for what it does not have, ± 20 %. Default: 5 s.
	NegativeTTL time.Duration
	// AbsentAfter is how long a document must be missing, without having been deleted, before its tenant is
	// forgotten. Default: 10 min.
	AbsentAfter time.Duration

	// LookupBudget is how long one request may wait. Default: 10 ms.
	LookupBudget time.Duration
	// LoadTimeout bounds each load, and how long it waits for its turn. Default: 250 ms.
	LoadTimeout time.Duration
	// Loads bounds the loads at once of keys that are known, and as many of those that are not. Default: 16.
	Loads int
	// UnknownRate and UnknownBurst bound the loads, a second, that find no tenant. Default: 200 and 200.
	UnknownRate, UnknownBurst int
	// Heartbeat is how long a read of the changes waits for one. Default: 500 ms.
	Heartbeat time.Duration
	// CheckInterval is how often the store is asked where it is. Default: 5 s.
	CheckInterval time.Duration

	// Log takes changes of state, not requests. Default: none.
	Log *slog.Logger
	// OnChange is called, from the goroutine of Run, when [Registry.Status] may say something new.
	OnChange func()
	// OnLoad is called before a load that requests wait for, with the values of the context of the first of them. The
	// store is read with the context that it returns; done is told the result. Default: nothing.
	OnLoad func(ctx context.Context) (_ context.Context, done func(error))
	// OnHead is called with each head that was read together with the store's time, and how long that took.
	OnHead func(head store.Head, took time.Duration)
}

func (o *Options) complete() error {
	if o.Source == nil {
		return errors.New("making an on-demand registry: no store is given")
	}
	setDefault(&o.MaxTenants, 100_000)
	setDefault(&o.MaxNegative, 16_384)
	setDefault(&o.TTL, 30*time.Second)
	setDefault(&o.MaxStale, 24*time.Hour)
	setDefault(&o.NegativeTTL, 5*time.Second)
	setDefault(&o.AbsentAfter, 10*time.Minute)
	setDefault(&o.LookupBudget, 10*time.Millisecond)
	setDefault(&o.LoadTimeout, 250*time.Millisecond)
	setDefault(&o.Loads, 16)
	setDefault(&o.UnknownRate, 200)
	setDefault(&o.UnknownBurst, 200)
	setDefault(&o.Heartbeat, 500*time.Millisecond)
	setDefault(&o.CheckInterval, 5*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnChange == nil {
		o.OnChange = func() {}
	}
	if o.OnLoad == nil {
		o.OnLoad = func(ctx context.Context) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	if o.OnHead == nil {
		o.OnHead = func(store.Head, time.Duration) {}
	}
	return nil
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Registry is the cache. Make it with [New], call [Registry.Run] once.
type Registry struct {
	opt Options
	// start is when the clock was 0.
	start time.Time
	// ended is a context that has.
	ended context.Context //nolint:containedctx // a constant

	documents *otter.Cache[string, *document]
	hosts     *otter.Cache[string, binding]
	// absent has the keys that need not be asked for now; true when the store could not say.
	absent *otter.Cache[string, bool]
	// The loaders of refreshes.
	documentRefresher otter.Loader[string, *document]
	hostRefresher     otter.Loader[string, binding]

	slots   budgets
	changes changes
	// standing is how far the store is trusted; Run changes it.
	standing atomic.Pointer[standing]
	// confirmed is when Run last knew that it had missed no change. It vouches for what was read at since or later. What
	// was read before floor is not live.
	confirmed, since, floor atomic.Int64
	// forced is when an operator last confirmed the store: it is believed also where it contradicts what was read
	// before.
	forced atomic.Int64
	// look has Run ask where the store is.
	look                 atomic.Bool
	reachable, following atomic.Bool
	position             atomic.Pointer[store.Position]
	counters             counters
}

var _ tenant.Registry = (*Registry)(nil)

// document is one tenant in memory.
type document struct {
	current tenant.Current
	// read is when it began to be read, by the registry's clock.
	read int64
}

// binding is whose a host is.
type binding struct {
	id string
	// as is the host as the document lists it: itself, or a wildcard.
	as string
}

// hostsPerTenant bounds the hosts in memory.
const hostsPerTenant = 4

// Clock values that are none.
const (
	never  = math.MinInt64
	always = math.MaxInt64
)

// New makes a registry. It reads nothing yet, and starts goroutines that end with Run; the error is about opt.
func New(opt Options) (*Registry, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	r := &Registry{opt: opt, start: time.Now(), slots: budgets{
		known: make(chan struct{}, opt.Loads), unknown: make(chan struct{}, opt.Loads),
		rate: rate.NewLimiter(rate.Limit(opt.UnknownRate), opt.UnknownBurst),
	}}
	var end context.CancelFunc
	r.ended, end = context.WithCancel(context.Background())
	end()
	r.documentRefresher, r.hostRefresher = documentLoader{r, inBackground}, hostLoader{r, inBackground}
	r.standing.Store(&standing{})
	r.confirmed.Store(never)
	r.floor.Store(never)
	r.forced.Store(never)
	r.since.Store(always)
	r.position.Store(&store.Position{})
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("making the caches of an on-demand registry: %w", err)
	}
	return r, nil
}

func (r *Registry) open() (err error) {
	r.documents, err = otter.New(&otter.Options[string, *document]{
		MaximumSize:       r.opt.MaxTenants,
		ExpiryCalculator:  otter.ExpiryWritingFunc(func(e otter.Entry[string, *document]) time.Duration { return r.life(e.Value) }),
		RefreshCalculator: refresh[*document]{after: r.refreshAfter, update: r.refreshAfter},
		OnDeletion: func(e otter.DeletionEvent[string, *document]) {
			if e.Cause == otter.CauseExpiration && !r.following.Load() {
				r.counters.expired.Add(1)
			}
		},
		Logger: &otter.NoopLogger{},
	})
	if err != nil {
		return err
	}
	r.hosts, err = otter.New(&otter.Options[string, binding]{
		MaximumSize:      r.opt.MaxTenants * hostsPerTenant,
		ExpiryCalculator: otter.ExpiryWriting[string, binding](r.opt.MaxStale),
		RefreshCalculator: refresh[binding]{
			after:  func(binding) time.Duration { return spread(r.opt.TTL * 7 / 10) },
			update: func(binding) time.Duration { return 1 }, // only [Registry.askAgain] updates
		},
		Logger: &otter.NoopLogger{},
	})
	if err != nil {
		return err
	}
	r.absent, err = otter.New(&otter.Options[string, bool]{
		MaximumSize: r.opt.MaxNegative,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, bool]) time.Duration {
			if e.Value {
				return spread(min(failedTTL, r.opt.NegativeTTL))
			}
			return spread(r.opt.NegativeTTL)
		}),
		Logger: &otter.NoopLogger{},
	})
	return err
}

// clock is the time since the registry was made.
func (r *Registry) clock() int64 { return int64(time.Since(r.start)) }

// maxStale is how long d is used.
func (r *Registry) maxStale(d *document) time.Duration {
	if own := d.current.Record().MaxStale(); own > 0 {
		return min(own, r.opt.MaxStale)
	}
	return r.opt.MaxStale
}

// life is how long d, which has just been read, may stay. What is held back has been so for some of it.
func (r *Registry) life(d *document) time.Duration {
	limit := r.maxStale(d)
	if since := d.current.HeldSince(); !since.IsZero() {
		limit -= time.Since(since)
	}
	return max(limit, 1)
}

func (r *Registry) refreshAfter(d *document) time.Duration {
	return spread(min(r.opt.TTL, r.maxStale(d)) * 7 / 10)
}
