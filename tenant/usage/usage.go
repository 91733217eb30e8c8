// Package usage collects the days on which entries of tenants last allowed something, and has them kept by a
// store from time to time. Decisions never wait for it.
package usage

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// Options of a recorder. Zero values get the defaults that are named.
type Options struct {
	// Writer keeps the uses. Required.
	Writer store.UseWriter
	// Interval is how often they are written, ± 20 %. Default: 5 min.
	Interval time.Duration
	// Most bounds the uses that wait to be written; further ones are told again by the next use
	// of the entry. Default: 50,000.
	Most int
	// Timeout bounds one attempt to write all of them. Default: 10 s.
	Timeout time.Duration
	// Log takes changes of state. Default: none.
	Log *slog.Logger
}

// Recorder collects uses. Make it with [New], call [Recorder.Run] once. It is safe for concurrent use.
type Recorder struct {
	opt Options

	full    atomic.Bool
	early   chan struct{} // there is much to write
	mu      sync.Mutex
	pending map[entry]store.Day // under mu

	marked       store.Day // the last day that was recorded as such; of Run
	failing      bool      // of Run
	done, failed atomic.Int64
}

// entry is one of a tenant.
type entry struct{ tenant, text string }

// batch is how many uses are written at once, so that what was written is not written again.
const batch = 1000

// New makes a recorder; the error is about opt.
func New(opt Options) (*Recorder, error) {
	if opt.Writer == nil {
		return nil, errors.New("recording uses of entries: nobody keeps them")
	}
	if opt.Interval <= 0 {
		opt.Interval = 5 * time.Minute
	}
	if opt.Most <= 0 {
		opt.Most = 50_000
	}
	if opt.Timeout <= 0 {
		opt.Timeout = 10 * time.Second
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Recorder{opt: opt, early: make(chan struct{}, 1), pending: make(map[entry]store.Day)}, nil
}

// Use notes a use; it is a tenant.OnUse. It reports whether there was room.
func (r *Recorder) Use(tenant, text string, day int64) bool {
	if r.full.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := entry{tenant, text}
	old, known := r.pending[e]
	switch {
	case known:
		r.pending[e] = max(old, store.Day(day))
		return true
	case len(r.pending) >= r.opt.Most:
		r.full.Store(true)
		return false
	}
	r.pending[entry{strings.Clone(tenant), strings.Clone(text)}] = store.Day(day)
	if len(r.pending) >= r.opt.Most/2 {
		select {
		case r.early <- struct{}{}:
		default:
		}
	}
	return true
}

// Counts are the attempts to write since the start that were done, and those that failed.
func (r *Recorder) Counts() (done, failed int64) { return r.done.Load(), r.failed.Load() }

// Run writes until ctx ends, and then once more; it returns nil. What cannot be written is tried
// again the next time.
func (r *Recorder) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		early := r.early
		if r.failing {
			early = nil // it is not asked more often because it fails
		}
		timer := time.NewTimer(r.pause())
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-early:
		}
		timer.Stop()
		r.flush(context.WithoutCancel(ctx))
	}
	return nil
}

// pause is the time to the next writing.
func (r *Recorder) pause() time.Duration {
	d := r.opt.Interval
	return d - d/5 + rand.N(d*2/5+1) //nolint:gosec // spreads load, hides nothing
}

// flush writes what there is.
func (r *Recorder) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.opt.Timeout)
	defer cancel()
	uses, today := r.waiting(), store.DayOf(time.Now())
	if len(uses) == 0 && r.marked == today {
		return
	}
	wasFailing := r.failing
	err := r.write(ctx, today, uses)
	r.failing = err != nil
	if err != nil {
		r.failed.Add(1)
		if !wasFailing {
			r.opt.Log.WarnContext(ctx, "uses of entries cannot be recorded; trying again", "uses", len(uses), "error", err)
		}
		return
	}
	r.marked = today
	r.done.Add(1)
	if wasFailing {
		r.opt.Log.InfoContext(ctx, "uses of entries are recorded again")
	}
}

// write writes uses batch by batch, and forgets those that are written.
func (r *Recorder) write(ctx context.Context, today store.Day, uses []store.Use) error {
	if len(uses) == 0 {
		return r.opt.Writer.RecordUses(ctx, today, nil)
	}
	for some := range slices.Chunk(uses, batch) {
		if err := r.opt.Writer.RecordUses(ctx, today, some); err != nil {
			return err
		}
		r.forget(some)
	}
	return nil
}

// waiting are the uses that are to be written, tenant by tenant.
func (r *Recorder) waiting() []store.Use {
	r.mu.Lock()
	uses := make([]store.Use, 0, len(r.pending))
	for e, day := range r.pending {
		uses = append(uses, store.Use{Tenant: e.tenant, Entry: e.text, Day: day})
	}
	r.mu.Unlock()
	slices.SortFunc(uses, func(a, b store.Use) int { return strings.Compare(a.Tenant, b.Tenant) })
	return uses
}

// forget drops uses that are written, unless there was a later one meanwhile.
func (r *Recorder) forget(uses []store.Use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range uses {
		if e := (entry{u.Tenant, u.Entry}); r.pending[e] == u.Day {
			delete(r.pending, e)
		}
	}
	r.full.Store(len(r.pending) >= r.opt.Most)
}
