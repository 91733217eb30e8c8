package mirror

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// maxChanges bounds one read of the change stream.
const maxChanges = 1000

// heldPause is how often a store that is not where it should be is looked at.
const heldPause = time.Second

// interrupt ends the present session of the follower; the next one begins by
// looking where the store is.
func (m *Mirror) interrupt() {
	select {
	case m.poke <- struct{}{}:
	default:
	}
}

// follow reads the change stream, session after session, until ctx ends.
func (m *Mirror) follow(ctx context.Context) error {
	pause := minPause
	for ctx.Err() == nil {
		began := m.clock()
		err := m.session(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			pause = minPause
			continue
		case m.followed.Load() > began:
			pause = minPause
		}
		m.counters.sessions.Add(1)
		if !m.down.Swap(true) {
			m.opt.Log.WarnContext(ctx, "the store cannot be followed; deciding by what is in memory", "error", err)
		}
		rest(ctx, pause)
		pause = min(2*pause, maxPause)
	}
	return nil
}

// session follows until something fails, or until it is interrupted: then it returns nil.
func (m *Mirror) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-m.poke:
	default:
	}
	head, err := m.head(ctx)
	if err != nil {
		return err
	}
	if !m.admit(head) {
		rest(ctx, heldPause)
		return nil
	}
	why, err := m.needsResync(ctx, head)
	if err != nil {
		return err
	}
	if why != "" {
		m.opt.Log.InfoContext(ctx, "reading the whole registry", "because", why)
		if err := m.resync(ctx, head, 0); err != nil {
			return err
		}
	}
	interrupted := make(chan struct{})
	go func() {
		defer close(interrupted)
		select {
		case <-m.poke:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() { cancel(); <-interrupted }()
	for first := true; ; first = false {
		wait := m.opt.Heartbeat
		if first {
			wait = 0 // what happened meanwhile, and then that it is all
		}
		changes, err := m.opt.Reader.Changes(ctx, m.reached(), maxChanges, wait)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("following the changes: %w", err)
		}
		m.take(changes)
		if len(changes) < maxChanges {
			m.caughtUp()
		}
	}
}

// head reads where the store is.
func (m *Mirror) head(ctx context.Context) (store.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.LoadTimeout)
	defer cancel()
	m.counters.reads.Add(1)
	began := time.Now()
	head, err := m.opt.Reader.Head(ctx)
	if err != nil {
		return head, fmt.Errorf("reading where the store is: %w", err)
	}
	m.opt.OnHead(head, time.Since(began))
	return head, nil
}

// reached is the last change that was taken.
func (m *Mirror) reached() store.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position
}

// needsResync says why the changes alone do not bring the copy up to date, or "".
func (m *Mirror) needsResync(ctx context.Context, head store.Head) (string, error) {
	m.mu.Lock()
	position, resync, force := m.position, m.guard.resync, m.guard.force
	complete := m.primed.Load() || m.saved.Complete
	m.mu.Unlock()
	switch {
	case force:
		return "an operator has confirmed the store", nil
	case resync:
		return "the store was elsewhere meanwhile", nil
	case !complete && !m.opt.Lazy:
		return "there is no whole copy", nil
	case position.IsZero():
		return "there is no copy", nil
	case position.Before(head.Trimmed):
		return "changes were trimmed before they were read", nil
	case head.First.IsZero() || position.Before(head.First):
		m.resume()
		return "", nil
	}
	has, err := m.opt.Reader.HasChange(ctx, position)
	switch {
	case err != nil:
		return "", fmt.Errorf("looking for the last change that was read: %w", err)
	case !has:
		return "the last change that was read is not in the stream", nil
	}
	m.resume()
	return "", nil
}

// resume lets the follower vouch for a copy from disk, to which the changes
// lead without a gap.
func (m *Mirror) resume() {
	if m.confirmed.Load() == 0 {
		m.since.Store(math.MinInt64)
		m.primed.Store(!m.opt.Lazy)
	}
}

// take asks for the documents that have changed.
func (m *Mirror) take(changes []store.Change) {
	if len(changes) == 0 {
		return
	}
	var ids []string
	m.mu.Lock()
	for i := range changes {
		c := &changes[i]
		if c.At.Compare(m.position) <= 0 {
			continue // the check was faster
		}
		m.position = c.At
		m.counters.changes.Add(1)
		switch {
		case c.Kind == store.KindConfirm:
			m.interrupt()
		case !tenant.ValidID(c.Tenant):
			m.counters.integrity.Add(1)
		default:
			m.announced[c.Tenant] = c.At
			if h := m.index.byID(c.Tenant); h != nil {
				h.pending.Store(true)
			}
			ids = append(ids, c.Tenant)
		}
	}
	m.mu.Unlock()
	m.queue.want(true, ids...)
}

// caughtUp notes that the stream has nothing that was not taken.
func (m *Mirror) caughtUp() {
	m.mu.Lock()
	ok := m.guard.verdict == admitted
	m.mu.Unlock()
	if !ok {
		return
	}
	now := m.clock()
	first := m.confirmed.Swap(now) <= 0
	m.followed.Store(now)
	if m.down.Load() && m.down.Swap(false) || first {
		m.opt.Log.Info("following the store", "tenants", m.index.ids.EstimatedSize(), "position", m.reached().String())
		m.opt.OnChange()
	}
}

// check looks where the store is from time to time, beside the follower: it may be stuck,
// or listen to a node that is not the store any more (R13, R16).
func (m *Mirror) check(ctx context.Context) error {
	stuck := 0
	for rest(ctx, m.opt.CheckInterval); ctx.Err() == nil; rest(ctx, m.opt.CheckInterval) {
		head, err := m.head(ctx)
		if err != nil || !m.admit(head) || // the follower says so
			m.confirmed.Load() <= 0 || !m.reached().Before(head.Last) {
			stuck = 0
			continue
		}
		if m.reached().Before(head.Trimmed) {
			m.interrupt()
			continue
		}
		if m.pull(ctx) == nil {
			stuck++
		}
		if stuck > 1 {
			m.counters.stuck.Add(1)
			m.opt.Log.WarnContext(ctx, "the follower does not see the changes; connecting it anew")
			m.interrupt()
			stuck = 0
		}
	}
	return nil
}

// pull takes the changes that the follower should have seen.
func (m *Mirror) pull(ctx context.Context) error {
	for {
		ctx, cancel := context.WithTimeout(ctx, m.opt.LoadTimeout)
		changes, err := m.opt.Reader.Changes(ctx, m.reached(), maxChanges, 0)
		cancel()
		if err != nil {
			return fmt.Errorf("reading the changes: %w", err)
		}
		m.take(changes)
		if len(changes) < maxChanges {
			m.caughtUp()
			return nil
		}
	}
}
