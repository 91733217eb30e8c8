// Package wallclock tells the time of day to whatever expires at a given moment,
// without believing every jump of the machine's clock.
//
// The time is that of the machine's clock when it was last believed, and
// goes on from there by the monotonic clock. Each second it is set anew, so that
// corrections of up to five minutes are followed. A larger jump is not: the time
// goes on without it until the store that the tenants come from, asked for its
// own time, agrees with the machine's clock within five seconds. A store alone can
// set nothing: it can only confirm what the machine says. (One on the same machine
// has the same clock, and confirms every jump.)
package wallclock

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxStep is the largest jump of the machine's clock that is followed unconfirmed.
	maxStep = 5 * time.Minute
	// agreement is how near two clocks must be to confirm each other. An observation that
	// took longer than that says nothing.
	agreement = 5 * time.Second
	// interval is how often the machine's clock is looked at.
	interval = time.Second
)

// Options of a clock.
type Options struct {
	// SuspendAfter is how far the machine's clock must get ahead of the monotonic one
	// between two looks to mean that the machine slept. Default: 30 s.
	SuspendAfter time.Duration
	// OnSuspend is called, from the goroutine of Run, when the machine seems to have slept. A
	// jump of its clock looks the same. Default: nothing.
	OnSuspend func()
	// Source reads the machine's clock and the time since some fixed moment by the monotonic
	// one. Default: those of package time.
	Source func() (wall time.Time, monotonic time.Duration)
	// Log takes a line when the machine's clock jumps, and when it is believed again. Default: none.
	Log *slog.Logger
}

// Clock tells the time. Make it with [New].
type Clock struct {
	opt    Options
	anchor atomic.Pointer[anchor]

	mu         sync.Mutex // guards what follows, and orders changes of anchor
	last       reading
	distrusted bool
	offset     time.Duration
	observed   bool
}

// anchor is a moment at which the machine's clock was believed.
type anchor reading

// reading is one look at both clocks.
type reading struct {
	wall      time.Time
	monotonic time.Duration
}

// New makes a clock that believes the machine's clock as it is now.
func New(opt Options) *Clock {
	if opt.SuspendAfter <= 0 {
		opt.SuspendAfter = 30 * time.Second
	}
	if opt.OnSuspend == nil {
		opt.OnSuspend = func() {}
	}
	if opt.Source == nil {
		began := time.Now()
		opt.Source = func() (time.Time, time.Duration) {
			now := time.Now()
			return now.Round(0), now.Sub(began) // Round strips the monotonic part
		}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	c := &Clock{opt: opt}
	c.last = c.read()
	c.believe(c.last)
	return c
}

// Now is the time of day. It takes no lock and does not allocate.
func (c *Clock) Now() time.Time {
	_, monotonic := c.opt.Source()
	return c.at(monotonic)
}

func (c *Clock) at(monotonic time.Duration) time.Time {
	a := c.anchor.Load()
	return a.wall.Add(monotonic - a.monotonic)
}

func (c *Clock) read() reading {
	wall, monotonic := c.opt.Source()
	return reading{wall, monotonic}
}

func (c *Clock) believe(r reading) {
	a := anchor(r)
	c.anchor.Store(&a)
	c.distrusted = false
}

// Run looks at the machine's clock until ctx ends; it then returns nil.
func (c *Clock) Run(ctx context.Context) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if c.look(ctx) {
				c.opt.OnSuspend()
			}
		}
	}
}

// look follows the machine's clock, or not, and reports whether the machine seems to have slept.
func (c *Clock) look(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, before := c.read(), c.last
	c.last = now
	jump := now.wall.Sub(before.wall) - (now.monotonic - before.monotonic)
	ours := c.at(now.monotonic)
	switch off := now.wall.Sub(ours); {
	case off.Abs() <= maxStep:
		if c.distrusted {
			c.opt.Log.WarnContext(ctx, "the machine's clock is right again", "difference", off.String())
		}
		c.believe(now)
	case !c.distrusted:
		c.distrusted = true
		c.opt.Log.WarnContext(ctx, "the machine's clock jumped; what expires does so as if it had not, until the store confirms the new time",
			"jump", jump.String(), "machine", now.wall, "ours", ours)
	}
	return jump >= c.opt.SuspendAfter
}

// Observe tells what time it is at the store, and how long it took to ask.
func (c *Clock) Observe(store time.Time, roundTrip time.Duration) {
	if store.IsZero() || roundTrip < 0 || roundTrip > agreement {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.read()
	store = store.Add(roundTrip / 2)
	c.offset, c.observed = store.Sub(now.wall), true
	if c.distrusted && c.offset.Abs() <= agreement {
		c.opt.Log.Warn("the store confirms the machine's clock, which is followed again",
			"time", now.wall, "before", c.at(now.monotonic))
		c.believe(now)
	}
}

// Status is what a clock says of itself.
type Status struct {
	// Distrusted says that the machine's clock jumped and nobody has confirmed it since.
	Distrusted bool
	// Offset is how far the store is ahead of the machine's clock, as last observed.
	Offset time.Duration
	// Observed says that the store has been asked at all.
	Observed bool
}

// Status is the state of the clock.
func (c *Clock) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{Distrusted: c.distrusted, Offset: c.offset, Observed: c.observed}
}
