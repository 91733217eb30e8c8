package mirror

import (
	"errors"
	"log/slog"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// Options of a mirror. Zero values get the defaults that are named.
type Options struct {
	// Reader is the store. Required.
	Reader store.Source
	// State keeps the last good documents between two runs. Default: nothing is kept.
	State store.State
	// Baseline answers for tenants that neither the store nor a copy of it knows. Default: none.
	Baseline tenant.Registry

	// Lazy loads tenants when they are asked for, instead of all at start.
	Lazy bool
	// MaxTenants bounds the tenants in memory in the lazy mode. Default: 100,000. Without
	// Lazy there is no bound: a part of a registry is none.
	MaxTenants int

	// TTL is how long a document is live after the store has confirmed it; it is refreshed at
	// about 80 % of that. Default: 30 s.
	TTL time.Duration
	// MaxStale is how long an unconfirmed document is used; a tenant may ask for less. Default: 24 h.
	MaxStale time.Duration
	// MaxDiskAge is the same for documents from the last run. Default: 7 days.
	MaxDiskAge time.Duration
	// LookupBudget is how long one request may wait for a tenant that is not in memory. Default: 10 ms.
	LookupBudget time.Duration
	// NegativeTTL is how long the store is not asked again for a tenant that it does not
	// know, ± 20 %. Default: 5 s.
	NegativeTTL time.Duration
	// MaxNegative bounds the tenants that are known not to exist. Default: 16,384.
	MaxNegative int
	// UnknownRate and UnknownBurst bound the loads, a second, of tenants that turn out not to
	// exist. Default: 200 and 200.
	UnknownRate, UnknownBurst int

	// Loads bounds the reads of documents in flight. Default: 4.
	Loads int
	// LoadTimeout bounds each read. Default: 250 ms.
	LoadTimeout time.Duration
	// Heartbeat is how long the follower waits for a change before it asks anew. Default: 500 ms.
	Heartbeat time.Duration
	// CheckInterval is how often the head is read. Default: 5 s.
	CheckInterval time.Duration
	// ResyncInterval is how often everything is read again, ± 10 %. Default: 15 min.
	ResyncInterval time.Duration
	// AbsentAfter is how long a document must be missing, without having been deleted, before
	// its tenant is forgotten. Default: 10 min.
	AbsentAfter time.Duration
	// BrakeFloor and BrakePercent say how many tenants may vanish, or lose all their origins,
	// within a minute: the larger of the two. Default: 50 and 2.
	BrakeFloor, BrakePercent int

	// Log takes changes of state, not requests. Default: none.
	Log *slog.Logger
	// OnChange is called, from a goroutine of Run, when [Status] may say something new.
	OnChange func()
	// OnHead is called with each head that was read together with the store's time, and how
	// long that took.
	OnHead func(head store.Head, took time.Duration)
}

func (o *Options) complete() error {
	if o.Reader == nil {
		return errors.New("making the mirror of a registry: no store is given")
	}
	setDefault(&o.MaxTenants, 100_000)
	setDefault(&o.TTL, 30*time.Second)
	setDefault(&o.MaxStale, 24*time.Hour)
	setDefault(&o.MaxDiskAge, 7*24*time.Hour)
	setDefault(&o.LookupBudget, 10*time.Millisecond)
	setDefault(&o.NegativeTTL, 5*time.Second)
	setDefault(&o.MaxNegative, 16_384)
	setDefault(&o.UnknownRate, 200)
	setDefault(&o.UnknownBurst, 200)
	setDefault(&o.Loads, 4)
	setDefault(&o.LoadTimeout, 250*time.Millisecond)
	setDefault(&o.Heartbeat, 500*time.Millisecond)
	setDefault(&o.CheckInterval, 5*time.Second)
	setDefault(&o.ResyncInterval, 15*time.Minute)
	setDefault(&o.AbsentAfter, 10*time.Minute)
	setDefault(&o.BrakeFloor, 50)
	setDefault(&o.BrakePercent, 2)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnChange == nil {
		o.OnChange = func() {}
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
