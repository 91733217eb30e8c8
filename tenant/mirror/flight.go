package mirror

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// absence says why a key need not be asked for now.
type absence struct {
	// failed: the store could not say. Otherwise it said that there is no such tenant.
	failed bool
	// until is the mirror time at which it must be asked again. The cache's own expiry would
	// need a goroutine from the start.
	until int64
}

// failedTTL is how long a key is left alone after the store could not say.
const failedTTL = time.Second

// remember keeps an absence for its TTL ± 20 %.
func (m *Mirror) remember(key string, failed bool) {
	life := m.opt.NegativeTTL
	if failed {
		life = min(life, failedTTL)
	}
	life = life - life/5 + rand.N(life*2/5+1) //nolint:gosec // spreads load, hides nothing
	m.absentees.Set(key, absence{failed: failed, until: m.clock() + int64(life)})
}

// absenceKey names a host or an id; no host has a slash.
func absenceKey(host, id string) string {
	if id != "" {
		return "/" + id
	}
	return host
}

// flight is the one load of a key that requests wait for. It outlives them.
type flight struct {
	key, host, id string
	// ready is closed when the load has ended, or has taken the budget.
	ready chan struct{}
	once  sync.Once
	timer *time.Timer
	// late: the load has taken the budget. A flight that was joined and landed at once is not late,
	// however closed its ready is: who looks again finds the tenant.
	late atomic.Bool
}

// wake lets the waiting requests look again.
func (f *flight) wake() { f.once.Do(func() { close(f.ready) }) }

// overdue reports whether nobody should wait any more.
func (f *flight) overdue() bool { return f.late.Load() }

// fly joins the flight of a key, or starts one; nil when the limiter refuses.
func (m *Mirror) fly(key, host, id string) *flight {
	m.flightsMu.Lock()
	defer m.flightsMu.Unlock()
	if f := m.flights[key]; f != nil {
		return f
	}
	if !m.limiter.take() {
		return nil
	}
	// A key may be a part of a larger text of the request.
	f := &flight{
		key: strings.Clone(key), host: strings.Clone(host), id: strings.Clone(id), ready: make(chan struct{}),
	}
	f.timer = time.AfterFunc(m.opt.LookupBudget, func() {
		f.late.Store(true)
		f.wake()
	})
	m.flights[f.key] = f
	m.counters.unknown.Add(1)
	m.queue.resolve(f)
	return f
}

// outcome is what became of a flight.
type outcome int

const (
	// unsure: the store could not say.
	unsure outcome = iota
	// unknown: there is no such tenant.
	unknown
	// known: the tenant is in memory now.
	known
)

// land ends flights; how says what became of each. What is not in memory is remembered before
// anybody looks again.
func (m *Mirror) land(flights []*flight, how func(*flight) outcome) {
	found := 0
	for _, f := range flights {
		if o := how(f); o == known {
			found++
		} else {
			m.remember(f.key, o == unsure)
		}
	}
	m.flightsMu.Lock()
	m.limiter.refund(found)
	for _, f := range flights {
		delete(m.flights, f.key)
	}
	m.flightsMu.Unlock()
	for _, f := range flights {
		f.timer.Stop()
		f.wake()
	}
}
