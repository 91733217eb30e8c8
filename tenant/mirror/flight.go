package mirror

import (
	"math/rand/v2"
	"sync"
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
}

// wake lets the waiting requests look again.
func (f *flight) wake() { f.once.Do(func() { close(f.ready) }) }

// overdue reports whether nobody should wait any more.
func (f *flight) overdue() bool {
	select {
	case <-f.ready:
		return true
	default:
		return false
	}
}

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
	f := &flight{key: key, host: host, id: id, ready: make(chan struct{})}
	f.timer = time.AfterFunc(m.opt.LookupBudget, f.wake)
	m.flights[key] = f
	m.counters.unknown.Add(1)
	m.queue.resolve(f)
	return f
}

// land ends flights. in reports whether the tenant of a flight is in memory now; what is
// not is remembered before anybody looks again.
func (m *Mirror) land(flights []*flight, failed bool, in func(*flight) bool) {
	found := 0
	for _, f := range flights {
		if failed || !in(f) {
			m.remember(f.key, failed)
			continue
		}
		found++
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
