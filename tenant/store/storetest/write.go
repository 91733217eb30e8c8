package storetest

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// schema is the version of the layout that a Memory says it has.
const schema = 1

// Apply is [store.Writer]'s.
func (m *Memory) Apply(ctx context.Context, edits []store.Edit, author store.Author) ([]int64, error) {
	if err := m.begin(ctx, Call{Op: OpApply}); err != nil {
		return nil, err
	}
	batch, err := store.NewWriteBatch(edits, author)
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	writes, err := batch.Plan(ctx, view{m})
	if err != nil {
		return nil, err
	}
	m.sign()
	revisions := make([]int64, len(writes))
	for i, w := range writes {
		m.write(w)
		revisions[i] = w.Revision.Number
	}
	m.wake()
	return revisions, nil
}

// view is what a plan reads. The caller of the plan holds mu.
type view struct{ m *Memory }

var _ store.View = view{}

// Now is [store.View]'s.
func (v view) Now() time.Time { return time.Now() }

// Documents is [store.View]'s.
func (v view) Documents(_ context.Context, ids []string) ([]store.Document, error) {
	return v.m.read(ids), nil
}

// Owners is [store.View]'s.
func (v view) Owners(_ context.Context, hosts []string) ([]string, error) {
	return v.m.ownersOf(hosts), nil
}

// LastRevisions is [store.View]'s.
func (v view) LastRevisions(_ context.Context, ids []string) ([]int64, error) {
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		if h := v.m.history[id]; len(h) > 0 {
			numbers[i] = h[len(h)-1].Number
		}
	}
	return numbers, nil
}

// write carries out a part of a plan. The caller holds mu. Nothing ends by itself: neither tombstones nor histories.
func (m *Memory) write(w store.Write) {
	id := w.Change.Tenant
	m.documents[id] = stored{data: w.Revision.Data}
	for _, host := range slices.Concat(w.Take, w.Keep) {
		m.hosts[host] = id
	}
	for _, host := range w.Free {
		delete(m.hosts, host)
	}
	m.history[id] = append(m.history[id], w.Revision)
	if n := len(m.history[id]); n > store.MaxHistory {
		m.history[id] = slices.Clone(m.history[id][n-store.MaxHistory:])
	}
	m.announce(w.Change)
}

// Confirm is [store.Writer]'s.
func (m *Memory) Confirm(ctx context.Context, author store.Author) (string, error) {
	if err := m.begin(ctx, Call{Op: OpConfirm}); err != nil {
		return "", err
	}
	if err := author.Check(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sign()
	m.head.Confirmed = rand.Text()
	m.announce(store.Change{Kind: store.KindConfirm})
	m.wake()
	return m.head.Confirmed, nil
}

// sign names the store with the first write of ours. The caller holds mu.
func (m *Memory) sign() {
	if m.head.Epoch == "" {
		m.head.Epoch, m.head.Schema = rand.Text(), schema
	}
}

// announce appends to the stream. The caller holds mu.
func (m *Memory) announce(c store.Change) {
	c.At = store.Position{Time: uint64(max(0, time.Now().UnixMilli()))}
	if last := m.head.Last; !last.Before(c.At) {
		c.At = store.Position{Time: last.Time, Sequence: last.Sequence + 1}
	}
	m.stream = append(m.stream, c)
	m.head.Exists, m.head.Last = true, c.At
	m.trim(store.MaxChanges)
}

// trim leaves the newest n changes. The caller holds mu.
func (m *Memory) trim(n int) {
	if removed := len(m.stream) - n; removed > 0 {
		m.head.Trimmed = m.stream[removed-1].At
		m.stream = slices.Clone(m.stream[removed:])
	}
}

// wake has waiting readers look again. The caller holds mu.
func (m *Memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}
