package mirror

import (
	"context"
	"math/rand/v2"
	"time"
)

// Intervals of the sweep.
const (
	tickInterval   = 20 * time.Millisecond
	commitInterval = time.Second
	// settleInterval is how often versions are dropped that were replaced a day ago.
	settleInterval = 10 * time.Minute
	sweepsPerTTL   = 20
	// resyncPace is the pause after each page of a resynchronisation that nobody waits for.
	resyncPace = 50 * time.Millisecond
)

// sweep is the mirror's clock, refreshes what is used, and keeps the disk current.
func (m *Mirror) sweep(ctx context.Context) error {
	ticks := time.NewTicker(tickInterval)
	defer ticks.Stop()
	commits := time.NewTicker(commitInterval)
	defer commits.Stop()
	sweeps := time.NewTicker(max(m.opt.TTL/sweepsPerTTL, tickInterval))
	defer sweeps.Stop()
	settles := time.NewTicker(settleInterval)
	defer settles.Stop()
	resyncs := time.NewTimer(m.untilResync())
	defer resyncs.Stop()
	done := make(chan struct{}, 1)
	done <- struct{}{}
	defer func() { <-done }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
			m.tick()
		case <-commits.C:
			m.commit()
		case <-sweeps.C:
			m.refresh()
		case <-settles.C:
			m.settleVersions()
		case <-resyncs.C:
			resyncs.Reset(m.untilResync())
			select {
			case <-done:
				go func() {
					defer func() { done <- struct{}{} }()
					m.routine(ctx)
				}()
			default: // the last one is not over yet
			}
		}
	}
}

// untilResync is the time to the next resynchronisation, ± 10 %.
func (m *Mirror) untilResync() time.Duration {
	d := m.opt.ResyncInterval
	return d - d/10 + rand.N(d/5+1) //nolint:gosec // spreads load, hides nothing
}

// routine finds what was written without being announced.
func (m *Mirror) routine(ctx context.Context) {
	if m.part != nil {
		m.part.doubt()
		return
	}
	head, since, err := m.head(ctx)
	if err != nil || !m.admit(head, since) || m.linked() == 0 { // the follower does what there is to do
		return
	}
	if err := m.resync(ctx, resyncPace); err != nil && ctx.Err() == nil {
		m.opt.Log.WarnContext(ctx, "the registry could not be read as a whole", "error", err)
	}
}

// refresh asks for the documents that were used and of which the store has said nothing for long.
func (m *Mirror) refresh() {
	now, since := m.clock(), m.since.Load()
	ttl := int64(m.opt.TTL)
	var due []string
	var s survey
	for id, h := range m.index.all() {
		s.count(m, h)
		if !h.touched.Load() {
			continue
		}
		// 72 % to 88 % of the TTL.
		limit := ttl*72/100 + ttl*16/100*int64(h.jitter)/255
		if answered := h.answered.Load(); answered >= since && now-answered < limit {
			continue
		}
		h.touched.Store(false)
		due = append(due, id)
	}
	m.queue.want(false, due...)
	m.counters.survey.Store(&s)
}

// settleVersions drops the versions that decisions are not compared with any more.
func (m *Mirror) settleVersions() {
	now := time.Now()
	for _, h := range m.index.all() {
		if entry := h.entry.Load(); entry.Changed() {
			// What is put meanwhile stays.
			h.entry.CompareAndSwap(entry, entry.Settled(now))
		}
	}
}
