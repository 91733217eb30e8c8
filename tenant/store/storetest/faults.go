package storetest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// Op is an operation of a store.
type Op string

// The operations.
const (
	OpHead      Op = "head"
	OpIDs       Op = "ids"
	OpDocuments Op = "documents"
	OpOwners    Op = "owners"
	OpChanges   Op = "changes"
	OpHasChange Op = "has change"
	OpApply     Op = "apply"
	OpHistory   Op = "history"
	OpConfirm   Op = "confirm"
)

// Call is one call of an operation.
type Call struct {
	// Op is what is called.
	Op Op
	// Keys are the ids or hosts that are asked for.
	Keys []string
}

// begin counts a call and lets it fail or wait.
func (m *Memory) begin(ctx context.Context, c Call) error {
	m.mu.Lock()
	m.calls[c.Op]++
	failure, delay, intercept := m.failure, m.delay, m.intercept
	m.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if failure != nil {
		return failure
	}
	if intercept != nil {
		return intercept(ctx, c)
	}
	return nil
}

// Calls is how often an operation was called.
func (m *Memory) Calls(op Op) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[op]
}

// Fail lets every call fail with err, also those that wait; with nil it ends that.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
	m.wake()
}

// Delay lets every call take that long before it looks, unless its context ends first. Together
// with [Memory.Fail] the call fails thereafter.
func (m *Memory) Delay(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay = d
}

// Intercept calls f before every call, which fails with what f returns; f may wait. Nil ends that.
func (m *Memory) Intercept(f func(ctx context.Context, c Call) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.intercept = f
}

// Image is what a store held at one time.
type Image struct{ image image }

// Save returns what the store holds.
func (m *Memory) Save() Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Image{m.clone()}
}

// Restore brings the store back to what it held, its stream and its names included, as
// a backup or a replica that lags does. No reader is told.
func (m *Memory) Restore(i Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.image = i.image.clone()
}

// Flush empties the store, as FLUSHALL does. No reader is told.
func (m *Memory) Flush() { m.Restore(Image{emptyImage()}) }

func (i *image) clone() image {
	out := *i
	out.documents, out.hosts, out.history = maps.Clone(i.documents), maps.Clone(i.hosts), maps.Clone(i.history)
	for id, h := range out.history {
		out.history[id] = slices.Clone(h)
	}
	out.stream = slices.Clone(i.stream)
	return out
}

// Lose removes documents with their hosts, and says so to nobody.
func (m *Memory) Lose(ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		delete(m.documents, id)
		maps.DeleteFunc(m.hosts, func(_, owner string) bool { return owner == id })
	}
}

// Remove removes a document, but neither its hosts nor its history, and says so to nobody.
func (m *Memory) Remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.documents, id)
}

// Own gives a host to an id, whatever the document of the id lists, and says so to nobody.
func (m *Memory) Own(host, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hosts[host] = id
}

// LoseStream removes the change stream.
func (m *Memory) LoseStream() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stream = nil
	m.head.Exists, m.head.Last, m.head.Trimmed = false, store.Position{}, store.Position{}
}

// Trim leaves the newest n changes in the stream.
func (m *Memory) Trim(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trim(n)
}

// SetEpoch gives the store another epoch, as another store would have.
func (m *Memory) SetEpoch(epoch string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.head.Epoch = epoch
}

// Put writes a value under a tenant's key and gives it hosts, as a foreign writer does that
// announces nothing.
func (m *Memory) Put(id string, data []byte, hosts ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.documents[id] = stored{data: bytes.Clone(data)}
	for _, host := range hosts {
		m.hosts[host] = id
	}
}

// Spoil has reads of a document give an error, for example [store.ErrWrongType].
func (m *Memory) Spoil(id string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.documents[id] = stored{err: err}
}

// Announce appends a change to the stream, whether there was one or not, and returns where.
func (m *Memory) Announce(id, kind string, revision int64) store.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.announce(store.Change{Tenant: id, Kind: kind, Revision: revision})
	m.wake()
	return m.head.Last
}
