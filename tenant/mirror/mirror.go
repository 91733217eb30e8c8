package mirror

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// Mirror is the local copy of a store. Make it with [New], call [Mirror.Run] once.
type Mirror struct {
	opt   Options
	index index
	// Either of the two is the index; the other is nil.
	whole *whole
	part  *part // in the lazy mode

	// began is when mirror time was 1; now is the mirror time, in nanoseconds, as of the last tick.
	began time.Time
	now   atomic.Int64
	// confirmed is when the follower last knew that it had missed nothing, or never. It vouches
	// for documents verified at since or later.
	confirmed, since atomic.Int64
	// woken is when the machine last woke up: nothing confirmed before is live.
	woken atomic.Int64
	// primed: what is not in the index is not in the store either, as of confirmed.
	primed atomic.Bool
	// restored: there are tenants from the last run.
	restored atomic.Bool

	// absentees are the keys that need not be asked for now.
	absentees *otter.Cache[string, absence]
	flightsMu sync.Mutex
	flights   map[string]*flight // under flightsMu
	limiter   limiter            // under flightsMu

	queue queue

	// mu orders everything that changes the index.
	mu       sync.Mutex
	guard    guard
	vanished brake
	emptied  brake
	position store.Position // of the last change that was taken from the stream
	// link numbers the session of the follower in which the changes lead to the store without
	// a gap; 0 while there is none.
	link, lastLink uint64
	announced      map[string]announcement
	removed        store.Position // where the store was when the last tenant was removed
	saved          store.Saved    // as last committed
	unsaved        bool           // documents were put since
	lastRun        uint64         // the last resynchronisation

	resyncing sync.Mutex    // one resynchronisation at a time
	pageSize  int           // of its reads; under resyncing
	down      atomic.Bool   // the last session failed
	reachable atomic.Bool   // it has told where it is, and nothing failed since
	poke      chan struct{} // ends a session of the follower

	counters counters
	problems problems
}

var _ tenant.Registry = (*Mirror)(nil)

// New makes a mirror. It reads nothing yet; the error is about opt.
func New(opt Options) (*Mirror, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	m := &Mirror{
		opt:       opt,
		began:     time.Now().Add(-1),
		limiter:   newLimiter(opt.UnknownRate, opt.UnknownBurst),
		flights:   make(map[string]*flight),
		announced: make(map[string]announcement),
		vanished:  brake{floor: opt.BrakeFloor, percent: opt.BrakePercent},
		emptied:   brake{floor: opt.BrakeFloor, percent: opt.BrakePercent},
		pageSize:  maxPage,
		poke:      make(chan struct{}, 1),
	}
	m.queue.init()
	m.confirmed.Store(never)
	m.since.Store(nothing)
	m.now.Store(1)
	var err error
	if opt.Lazy {
		m.part, err = newPart(opt.MaxTenants)
		m.index = m.part
	} else {
		m.whole, err = newWhole()
		m.index = m.whole
	}
	if err != nil {
		return nil, fmt.Errorf("making the index of tenants: %w", err)
	}
	m.absentees, err = otter.New(&otter.Options[string, absence]{MaximumSize: opt.MaxNegative})
	if err != nil {
		return nil, fmt.Errorf("making the cache of unknown tenants: %w", err)
	}
	return m, nil
}

// Run serves from disk at once, then primes and follows the store, until ctx
// ends; it then returns nil. A store that cannot be reached is no error.
func (m *Mirror) Run(ctx context.Context) error {
	m.tick()
	m.restore()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.sweep(ctx) })
	group.Go(func() error { return m.follow(ctx) })
	group.Go(func() error { return m.check(ctx) })
	for i := range m.opt.Loads {
		group.Go(func() error { return m.load(ctx, i == 0) })
	}
	err := group.Wait()
	m.commit()
	return err
}

// clock is the mirror time, exactly.
func (m *Mirror) clock() int64 { return int64(time.Since(m.began)) }

// tick moves the mirror time on.
func (m *Mirror) tick() { m.now.Store(m.clock()) }

// Mirror times that are none.
const (
	// never: the follower has confirmed nothing, or nothing since the machine slept.
	never = math.MinInt64
	// nothing and everything are what the follower vouches for.
	nothing    = math.MaxInt64
	everything = math.MinInt64
)

// Suspended says that the machine slept: nothing in memory is live until the
// store has confirmed it again.
func (m *Mirror) Suspended() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.confirmed.Store(never)
	now := m.clock()
	m.woken.Store(now)
	old := now - int64(m.opt.TTL) - 1
	for _, h := range m.index.all() {
		h.answered.Store(min(h.answered.Load(), old))
		h.touched.Store(true)
	}
	m.interrupt()
}
