package mirror

import (
	"context"
	"fmt"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// lateness is how old a change is that the follower should have seen.
const lateness = 2 * time.Second

// check looks where the store is from time to time, beside the follower: it may be stuck,
// or listen to a node that is not the store any more (R13, R16).
func (m *Mirror) check(ctx context.Context) error {
	stuck := 0
	for rest(ctx, m.opt.CheckInterval); ctx.Err() == nil; rest(ctx, m.opt.CheckInterval) {
		late, err := m.compare(ctx)
		if err != nil || !late {
			stuck = 0
			continue
		}
		if stuck++; stuck > 1 {
			m.counters.stuck.Add(1)
			m.opt.Log.WarnContext(ctx, "the follower does not see the changes; connecting it anew")
			m.interrupt()
			stuck = 0
		}
	}
	return nil
}

// compare takes the changes that the follower should have seen, and reports whether there were some.
func (m *Mirror) compare(ctx context.Context) (late bool, err error) {
	head, since, err := m.head(ctx)
	if err != nil {
		return false, err
	}
	link := m.linked()
	if !m.admit(head, since) || link == 0 || !m.reached().Before(head.Last) {
		return false, nil // the follower does what there is to do
	}
	if trimmed(head, m.reached()) {
		m.interrupt()
		return false, nil
	}
	for {
		changes, err := m.changes(ctx)
		if err != nil {
			return false, err
		}
		oldest := m.take(link, changes)
		late = late || !oldest.IsZero() && head.Time.Sub(time.UnixMilli(int64(oldest.Time))) > lateness //nolint:gosec // a wrong time is no harm
		if len(changes) < maxChanges {
			m.caughtUp(link)
			return late, nil
		}
	}
}

func (m *Mirror) changes(ctx context.Context) ([]store.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.LoadTimeout)
	defer cancel()
	changes, err := m.opt.Reader.Changes(ctx, m.reached(), maxChanges, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the changes: %w", err)
	}
	return changes, nil
}
