// Package replica keeps a copy of a whole registry that lives in a store, and goes on deciding by it when the store is
// slow, gone, emptied or older than it was.
//
// One goroutine follows the store: it reads where the store is, asks [trust] whether that counts, reads everything or
// goes on from the last change, and puts what has changed into the next [tenant.Snapshot] by [tenant.Snapshot.Merge].
// From time to time it reads everything again, page by page between two readings of changes, for what was written
// without being announced. A second goroutine writes the backup, a file from which the next run starts.
//
// A lookup reads one pointer to the present snapshot. It takes no lock and never waits.
package replica

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// Options of a replica. Zero values get the defaults that are named.
type Options struct {
	// Source is the store. Required.
	Source store.Source
	// Baseline answers for tenants that the copy does not have. Default: none.
	Baseline tenant.Registry
	// Backup names a file that keeps the copy for the next run, and Identity the registry that it is of. Default: none.
	Backup   string
	Identity string

	// TTL is how long the copy is live after the store was last heard. Default: 30 s.
	TTL time.Duration
	// MaxStale is how long it is used after that; a tenant may ask for less. Default: 24 h.
	MaxStale time.Duration
	// MaxBackupAge is the same for the copy of the last run. Default: 7 days.
	MaxBackupAge time.Duration

	// ReadTimeout bounds each read. Default: 250 ms.
	ReadTimeout time.Duration
	// Heartbeat is how long one read waits for a change. Default: 500 ms.
	Heartbeat time.Duration
	// CheckInterval is how often the replica reads where the store is. Default: 5 s.
	CheckInterval time.Duration
	// ResyncInterval is how often it reads everything again, ± 10 %. Default: 15 min.
	ResyncInterval time.Duration
	// BackupInterval is how often the backup is written when something has changed. Default: 30 s.
	BackupInterval time.Duration
	// AbsentAfter is how long a document must be missing, without having been deleted, before its tenant is forgotten.
	// Default: 10 min.
	AbsentAfter time.Duration
	// Limit bounds mass changes. Default: 50 tenants, or 2 %.
	Limit tenant.MassChangeLimit
	// MaxBytes bounds the texts of all documents in memory. Default: no bound.
	MaxBytes int64

	// Log takes changes of state, not requests. Default: none.
	Log *slog.Logger
	// OnChange is called, from a goroutine of Run, when [Status] may say something new.
	OnChange func()
	// OnHead is called with each head that was read with the store's time, and how long that took.
	OnHead func(head store.Head, took time.Duration)
}

func (o *Options) complete() error {
	if o.Source == nil {
		return errors.New("making the copy of a registry: no store is given")
	}
	setDefault(&o.TTL, 30*time.Second)
	setDefault(&o.MaxStale, 24*time.Hour)
	setDefault(&o.MaxBackupAge, 7*24*time.Hour)
	setDefault(&o.ReadTimeout, 250*time.Millisecond)
	setDefault(&o.Heartbeat, 500*time.Millisecond)
	setDefault(&o.CheckInterval, 5*time.Second)
	setDefault(&o.ResyncInterval, 15*time.Minute)
	setDefault(&o.BackupInterval, 30*time.Second)
	setDefault(&o.AbsentAfter, 10*time.Minute)
	if o.Limit == (tenant.MassChangeLimit{}) {
		o.Limit = tenant.MassChangeLimit{Tenants: 50, Percent: 2}
	}
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

func setDefault(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

// Replica is the copy of a registry. Make it with [New], call [Replica.Run] once.
type Replica struct {
	opt Options
	// began is the time from which the others count, in nanoseconds.
	began time.Time

	// What lookups read.
	snapshot atomic.Pointer[tenant.Snapshot]
	// primed: what is not in the copy is not in the store either, as of lastContact.
	primed atomic.Bool
	// lastContact is when the follower last knew that it had missed nothing; for the copy of the last run it is below
	// 0, as long before the start as the store was last heard then.
	lastContact atomic.Int64
	// slept is how often the machine slept, awake how often it had when the store was last heard.
	slept, awake atomic.Int64

	// What the follower alone uses.
	trust      trust.Trust
	position   store.Position // the last change whose document was read
	pageSize   int            // documents in one read
	limit      int            // changes in one read
	force      bool           // an operator has confirmed the store: all that it has counts
	priming    bool           // everything is being read at once
	heard      int64          // slept, when the session began
	cut        int            // how often in turn waiting for changes failed
	pollsUntil time.Time      // waiting for changes is of no use till then
	comparedAt time.Time
	resyncAt   time.Time
	checkAt    time.Time

	backup *backup
	// compilers has an item for each goroutine that compiles: more of them would only keep the reads from the processors.
	compilers chan struct{}
	wake      chan struct{} // ends the present session of the follower

	counters counters
	mu       sync.Mutex // guards state
	state    state
}

var _ tenant.Registry = (*Replica)(nil)

// lastBackup is how long the end waits for a disk that does not answer.
const lastBackup = 5 * time.Second

// Bounds of one read, as the contract of a store has them.
const (
	maxPage    = 500
	firstPage  = 64
	maxChanges = 1000
)

// New makes a replica. It reads nothing yet; the error is about opt.
func New(opt Options) (*Replica, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	r := &Replica{
		opt: opt, began: time.Now(), wake: make(chan struct{}, 1),
		pageSize: firstPage, limit: maxChanges, compilers: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	r.snapshot.Store(tenant.NewSnapshot())
	r.lastContact.Store(never)
	if opt.Backup != "" {
		r.backup = newBackup(opt.Backup, opt.Identity, opt.BackupInterval, opt.Log)
	}
	return r, nil
}

// Run decides by the backup at once, then reads and follows the store, until ctx ends; it then returns nil. A store
// that cannot be reached is no error.
func (r *Replica) Run(ctx context.Context) error {
	r.restore(ctx)
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	written := make(chan struct{})
	go func() {
		defer close(written)
		if r.backup != nil {
			r.backup.run(writing)
		}
	}()
	r.follow(ctx)
	stop()
	select {
	case <-written:
	case <-time.After(lastBackup):
		r.opt.Log.WarnContext(ctx, "the last backup takes too long; ending without it", "path", r.opt.Backup)
	}
	return nil
}

// Suspended says that the machine slept: nothing in memory is live until the store was heard again.
func (r *Replica) Suspended() {
	r.slept.Add(1)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Replica) clock() int64 { return int64(time.Since(r.began)) }
