package mirror

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// resyncTimeout bounds one read of a resynchronisation, which shares the processors with all others.
const resyncTimeout = 2 * time.Second

// resync compares the copy with the whole store, of which the head was read just
// before. pace is a pause after each page, for one that nobody waits for.
func (m *Mirror) resync(ctx context.Context, pace time.Duration) error {
	m.resyncing.Lock()
	defer m.resyncing.Unlock()
	began := m.clock()
	m.mu.Lock()
	m.lastRun++
	h := how{run: m.lastRun, force: m.guard.force}
	doubts := m.guard.doubts
	m.mu.Unlock()
	m.counters.resyncs.Add(1)
	if m.part != nil {
		m.part.doubt()
		m.absentees.InvalidateAll()
	} else {
		if err := m.readWhole(ctx, h, pace); err != nil {
			m.pageSize = max(m.pageSize/2, 1) // documents may be so large that fewer fit into the time
			return err
		}
		m.pageSize = min(2*m.pageSize, maxPage)
	}
	m.mu.Lock()
	if h.force {
		now := m.clock()
		m.vanished.release(now)
		m.emptied.release(now)
	}
	m.guard.resolved = doubts
	m.guard.force = m.guard.force && m.guard.doubts != doubts // confirmed once more meanwhile
	m.since.Store(began)
	if m.whole != nil {
		m.whole.entire.Store(true)
		m.primed.Store(true)
	}
	m.mu.Unlock()
	m.opt.Log.InfoContext(ctx, "the registry was read", "tenants", m.index.size(),
		"took", time.Duration(m.clock()-began).Round(time.Millisecond).String())
	m.opt.OnChange()
	return nil
}

// readWhole loads every document of the store, and asks again for those that it did not show.
func (m *Mirror) readWhole(ctx context.Context, h how, pace time.Duration) error {
	group, pages := errgroup.WithContext(ctx)
	group.SetLimit(m.opt.Loads)
	err := m.opt.Reader.IDs(pages, func(ids []string) error {
		for part := range slices.Chunk(slices.Clone(ids), m.pageSize) {
			group.Go(func() error { return m.readPage(pages, part, h) })
		}
		if pace > 0 {
			rest(pages, pace)
		}
		return pages.Err()
	})
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("reading the whole registry: %w", err)
	}
	for part := range slices.Chunk(m.unseen(ctx, h), m.pageSize) {
		if err := m.readPage(ctx, part, h); err != nil {
			return fmt.Errorf("asking for missing tenants: %w", err)
		}
	}
	return nil
}

func (m *Mirror) readPage(ctx context.Context, ids []string, h how) error {
	ctx, cancel := context.WithTimeout(ctx, resyncTimeout)
	defer cancel()
	_, err := m.documents(ctx, ids, h)
	return err
}

// unseen are the tenants that a whole reading did not show.
func (m *Mirror) unseen(ctx context.Context, h how) []string {
	var ids []string
	m.mu.Lock()
	defer m.mu.Unlock()
	due, now := 0, m.clock()
	for id, held := range m.index.all() {
		if held.run == h.run {
			continue
		}
		ids = append(ids, id)
		if held.readable() && held.missing != 0 && now-held.missing >= int64(m.opt.AbsentAfter) {
			due++
		}
	}
	// All of them or none: the first ones must not go before the brake notices.
	if due > 0 && !h.force && !m.vanished.allows(now, due, m.index.size()) {
		m.opt.Log.ErrorContext(ctx, "many tenants are missing in the store; keeping them", "tenants", due)
	}
	return ids
}
