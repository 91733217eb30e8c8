package mirror

import (
	"context"
	"fmt"
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
		case m.confirmed.Load() > began:
			pause = minPause
		}
		m.reachable.Store(false)
		m.counters.sessions.Add(1)
		if !m.down.Swap(true) {
			m.opt.Log.WarnContext(ctx, "the store cannot be followed; deciding by what is in memory", "error", err)
			m.opt.OnChange()
		}
		rest(ctx, pause)
		pause = min(2*pause, maxPause)
	}
	return nil
}

// session follows until something fails, or until it is interrupted: then it returns nil.
func (m *Mirror) session(ctx context.Context) error {
	select {
	case <-m.poke: // what it was about is seen now; what comes later ends this session
	default:
	}
	head, since, err := m.head(ctx)
	if err != nil {
		return err
	}
	if !m.admit(head, since) {
		rest(ctx, heldPause)
		return nil
	}
	gap, err := m.findGap(ctx, head)
	if err != nil {
		return err
	}
	if why := m.needsResync(gap); why != "" {
		m.opt.Log.InfoContext(ctx, "reading the whole registry", "because", why)
		if err := m.resync(ctx, 0); err != nil {
			return err
		}
	} else {
		m.resume()
	}
	if gap != "" {
		m.skip(head.Last)
	}
	link := m.connect()
	defer m.disconnect()
	ctx, cancel := context.WithCancel(ctx)
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
	return m.read(ctx, link)
}

// read takes changes until something fails or ctx ends.
func (m *Mirror) read(ctx context.Context, link uint64) error {
	wait := time.Duration(0) // what happened meanwhile, and then that it is all
	for {
		changes, err := m.opt.Reader.Changes(ctx, m.reached(), maxChanges, wait)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it ended because it was told to
		case err != nil:
			return fmt.Errorf("following the changes: %w", err)
		}
		m.take(link, changes)
		if len(changes) < maxChanges {
			m.caughtUp(link)
		}
		wait = m.opt.Heartbeat
	}
}

// connect begins a session in which the changes lead to the store without a gap.
func (m *Mirror) connect() (link uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastLink++
	m.link = m.lastLink
	return m.link
}

func (m *Mirror) disconnect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.link = 0
}

// linked is the session of the follower, or 0.
func (m *Mirror) linked() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.link
}

// head reads where the store is, since a mark.
func (m *Mirror) head(ctx context.Context) (store.Head, mark, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.LoadTimeout)
	defer cancel()
	since := m.mark()
	m.counters.reads.Add(1)
	began := time.Now()
	head, err := m.opt.Reader.Head(ctx)
	if err != nil {
		return head, since, fmt.Errorf("reading where the store is: %w", err)
	}
	m.reachable.Store(true)
	m.opt.OnHead(head, time.Since(began))
	return head, since, nil
}

// reached is the last change that was taken.
func (m *Mirror) reached() store.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position
}

// trimmed reports whether changes after a position may have left the stream.
func trimmed(head store.Head, position store.Position) bool {
	switch {
	case !head.Trimmed.IsZero():
		return position.Before(head.Trimmed)
	case head.First.IsZero():
		return position.Before(head.Last)
	default:
		return position.Before(head.First) // the store cannot say whether there was something in between
	}
}

// findGap says why the changes do not lead from the copy to the store, or "".
func (m *Mirror) findGap(ctx context.Context, head store.Head) (string, error) {
	position := m.reached()
	switch {
	case position.IsZero():
		return "there is no copy", nil
	case trimmed(head, position):
		return "changes were trimmed before they were read", nil
	case head.First.IsZero() || position.Before(head.First):
		return "", nil
	}
	has, err := m.opt.Reader.HasChange(ctx, position)
	switch {
	case err != nil:
		return "", fmt.Errorf("looking for the last change that was read: %w", err)
	case !has:
		return "the last change that was read is not in the stream", nil
	default:
		return "", nil
	}
}

// needsResync says why the changes alone do not bring the copy up to date, or "".
func (m *Mirror) needsResync(gap string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.guard.force:
		return "an operator has confirmed the store"
	case gap != "":
		return gap
	case m.guard.doubts != m.guard.resolved:
		return "the store was elsewhere meanwhile"
	case m.part == nil && !m.primed.Load() && !m.saved.Complete:
		return "there is no whole copy"
	default:
		return ""
	}
}

// resume lets the follower vouch for what is in memory. In a whole copy from disk that is all, for the
// changes lead from there to the store. Of a part it is what is read from now on: before
// the last run ended there may have been a gap, after which nothing was read that was not used.
func (m *Mirror) resume() {
	since := int64(everything)
	if m.part != nil {
		since = m.clock()
	}
	if m.since.CompareAndSwap(nothing, since) {
		m.primed.Store(m.part == nil)
	}
}

// skip goes on after a position up to which everything was read.
func (m *Mirror) skip(to store.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.position.Before(to) {
		m.position = to
	}
}

// take asks for the documents that have changed, and returns the oldest change that was new.
func (m *Mirror) take(link uint64, changes []store.Change) (oldest store.Position) {
	var ids []string
	m.mu.Lock()
	if link != m.link || m.guard.verdict != admitted {
		changes = nil
	}
	for i := range changes {
		c := &changes[i]
		if c.At.Compare(m.position) <= 0 {
			continue // the check was faster
		}
		if oldest.IsZero() {
			oldest = c.At
		}
		before := m.position
		m.position = c.At
		m.guard.see(c.At)
		m.counters.changes.Add(1)
		switch {
		case c.Kind == store.KindConfirm:
			m.interrupt()
		case !tenant.ValidID(c.Tenant):
			m.counters.integrity.Add(1)
		default:
			if a, is := m.announced[c.Tenant]; is {
				before = a.before
			}
			m.announced[c.Tenant] = announcement{at: c.At, before: before}
			if h := m.index.byID(c.Tenant); h != nil {
				h.disputed.Store(true)
			}
			ids = append(ids, c.Tenant)
		}
	}
	m.mu.Unlock()
	m.queue.want(true, ids...)
	return oldest
}

// caughtUp notes that the stream has nothing that was not taken.
func (m *Mirror) caughtUp(link uint64) {
	m.mu.Lock()
	ok := link == m.link && m.guard.verdict == admitted
	first := false
	if ok {
		first = m.confirmed.Swap(m.clock()) == never
	}
	m.mu.Unlock()
	if ok && (m.down.Swap(false) || first) {
		m.opt.Log.Info("following the store", "tenants", m.index.size(), "position", m.reached().String())
		m.opt.OnChange()
	}
}
