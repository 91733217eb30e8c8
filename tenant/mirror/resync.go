package mirror

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/tenant/store"
)

// resyncTimeout bounds one read of a resynchronisation, which shares the processors with all others.
const resyncTimeout = 2 * time.Second

// resync compares the copy with the whole store, of which head was read just
// before. pace is a pause after each page, for one that nobody waits for.
func (m *Mirror) resync(ctx context.Context, head store.Head, pace time.Duration) error {
	m.resyncing.Lock()
	defer m.resyncing.Unlock()
	began := m.clock()
	m.mu.Lock()
	m.lastRun++
	h := how{run: m.lastRun, force: m.guard.force}
	m.mu.Unlock()
	m.counters.resyncs.Add(1)
	if m.opt.Lazy {
		m.forgetBindings()
	} else {
		if err := m.readAll(ctx, h, pace); err != nil {
			return err
		}
		if err := m.readMissing(ctx, h); err != nil {
			return err
		}
	}
	m.mu.Lock()
	if m.position.Before(head.Last) || h.force {
		m.position = head.Last
	}
	if h.force {
		now := m.clock()
		m.vanished.release(now)
		m.emptied.release(now)
	}
	m.guard.resync, m.guard.force = false, m.guard.force && !h.force
	m.since.Store(began)
	m.primed.Store(!m.opt.Lazy)
	m.mu.Unlock()
	m.opt.Log.InfoContext(ctx, "the whole registry was read", "tenants", m.index.ids.EstimatedSize(),
		"took", time.Duration(m.clock()-began).Round(time.Millisecond).String())
	m.opt.OnChange()
	return nil
}

// readAll loads every document of the store.
func (m *Mirror) readAll(ctx context.Context, h how, pace time.Duration) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(m.opt.Loads)
	err := m.opt.Reader.IDs(ctx, func(ids []string) error {
		for part := range slices.Chunk(slices.Clone(ids), maxPage) {
			group.Go(func() error {
				ctx, cancel := context.WithTimeout(ctx, resyncTimeout)
				defer cancel()
				return m.documents(ctx, part, h)
			})
		}
		if pace > 0 {
			rest(ctx, pace)
		}
		return ctx.Err()
	})
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("reading the whole registry: %w", err)
	}
	return nil
}

// readMissing asks again for the tenants that a whole reading did not show.
func (m *Mirror) readMissing(ctx context.Context, h how) error {
	var ids []string
	m.mu.Lock()
	due, now := 0, m.clock()
	for id, held := range m.index.ids.All() {
		if held.run == h.run {
			continue
		}
		ids = append(ids, id)
		if held.missing != 0 && now-held.missing >= int64(m.opt.AbsentAfter) {
			due++
		}
	}
	if due > 0 && !h.force {
		// All of them or none: the first ones must not go before the brake notices.
		if !m.vanished.admit(now, due, m.index.ids.EstimatedSize()) {
			m.opt.Log.ErrorContext(ctx, "many tenants are missing in the store; keeping them", "tenants", due)
		} else {
			m.vanished.count -= due // they are counted again, one by one
		}
	}
	m.mu.Unlock()
	for part := range slices.Chunk(ids, maxPage) {
		ctx, cancel := context.WithTimeout(ctx, resyncTimeout)
		err := m.documents(ctx, part, h)
		cancel()
		if err != nil {
			return fmt.Errorf("asking for missing tenants: %w", err)
		}
	}
	return nil
}

// forgetBindings makes the lazy mode ask for everything again, as it is used.
func (m *Mirror) forgetBindings() {
	m.index.epoch.Add(1)
	m.absentees.InvalidateAll()
}
