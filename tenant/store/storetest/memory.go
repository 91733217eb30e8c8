package storetest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	tenantdoc "github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// Memory is a store in memory. It waits on channels and timers only, so that it can be used
// with testing/synctest, and it can lose data, go back in time, fail and be slow.
type Memory struct {
	mu sync.Mutex
	image
	used used
	// changed is closed and replaced when a waiting reader should look again.
	changed   chan struct{}
	failure   error
	delay     time.Duration
	intercept func(ctx context.Context, c Call) error
	calls     map[Op]int
}

// image is what a store holds.
type image struct {
	documents map[string]stored
	hosts     map[string]string
	history   map[string][]store.Revision // oldest first
	stream    []store.Change
	head      store.Head // without First and Time
}

// stored is a value under a tenant's key.
type stored struct {
	data []byte
	err  error
}

var (
	_ store.Writer    = (*Memory)(nil)
	_ store.UseWriter = (*Memory)(nil)
	_ store.UseReader = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{image: emptyImage(), changed: make(chan struct{}), calls: make(map[Op]int)}
}

func emptyImage() image {
	return image{
		documents: make(map[string]stored),
		hosts:     make(map[string]string),
		history:   make(map[string][]store.Revision),
	}
}

// Head is [store.Source]'s.
func (m *Memory) Head(ctx context.Context) (store.Head, error) {
	if err := m.begin(ctx, Call{Op: OpHead}); err != nil {
		return store.Head{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	head := m.now()
	head.Time = time.Now()
	return head, nil
}

// now is the head without the time. The caller holds mu.
func (m *Memory) now() store.Head {
	head := m.head
	if len(m.stream) > 0 {
		head.First = m.stream[0].At
	}
	return head
}

// pageSize is how many ids come at a time.
const pageSize = 100

// IDs is [store.Source]'s.
func (m *Memory) IDs(ctx context.Context, page func(ids []string) error) error {
	if err := m.begin(ctx, Call{Op: OpIDs}); err != nil {
		return err
	}
	m.mu.Lock()
	ids := make([]string, 0, len(m.documents))
	for id := range m.documents {
		ids = append(ids, id)
	}
	m.mu.Unlock()
	for ids := range slices.Chunk(ids, pageSize) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := page(ids); err != nil {
			return err
		}
	}
	return nil
}

// Documents is [store.Source]'s.
func (m *Memory) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	if err := m.begin(ctx, Call{Op: OpDocuments, Keys: ids}); err != nil {
		return store.Documents{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Documents{Head: m.now(), All: m.read(ids)}, nil
}

// read gives what is stored under ids. The caller holds mu.
func (m *Memory) read(ids []string) []store.Document {
	all := make([]store.Document, len(ids))
	for i, id := range ids {
		all[i] = m.documents[id].document(id)
	}
	return all
}

func (s stored) document(id string) store.Document {
	if len(s.data) > tenantdoc.MaxDocumentBytes {
		return store.Document{ID: id, Err: store.ErrTooLarge}
	}
	return store.Document{ID: id, Data: bytes.Clone(s.data), Err: s.err}
}

// Owners is [store.Source]'s.
func (m *Memory) Owners(ctx context.Context, hosts []string) (store.Owners, error) {
	if err := m.begin(ctx, Call{Op: OpOwners, Keys: hosts}); err != nil {
		return store.Owners{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Owners{Head: m.now(), IDs: m.ownersOf(hosts)}, nil
}

// ownersOf gives who owns hosts. The caller holds mu.
func (m *Memory) ownersOf(hosts []string) []string {
	ids := make([]string, len(hosts))
	for i, host := range hosts {
		ids[i] = m.hosts[host]
	}
	return ids
}

// Changes is [store.Source]'s.
func (m *Memory) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	if err := m.begin(ctx, Call{Op: OpChanges}); err != nil {
		return nil, err
	}
	var timeout <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		timeout = timer.C
	}
	for {
		found, changed, err := m.after(after, limit)
		if err != nil || len(found) > 0 || timeout == nil {
			return found, err
		}
		select {
		case <-changed:
		case <-timeout:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// after gives what is in the stream after a position, and what is closed when
// it is worth looking again.
func (m *Memory) after(after store.Position, limit int) ([]store.Change, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return nil, nil, m.failure
	}
	from := m.search(after)
	if from < len(m.stream) && m.stream[from].At == after {
		from++
	}
	found := m.stream[from:]
	return slices.Clone(found[:min(len(found), max(0, limit))]), m.changed, nil
}

// search finds the first change that is not before a position.
func (m *Memory) search(at store.Position) int {
	i, _ := slices.BinarySearchFunc(m.stream, at, func(c store.Change, at store.Position) int { return c.At.Compare(at) })
	return i
}

// HasChange is [store.Source]'s.
func (m *Memory) HasChange(ctx context.Context, at store.Position) (bool, error) {
	if err := m.begin(ctx, Call{Op: OpHasChange}); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.search(at)
	return i < len(m.stream) && m.stream[i].At == at, nil
}

// History is [store.Writer]'s.
func (m *Memory) History(ctx context.Context, id string, limit int) ([]store.Revision, error) {
	if err := m.begin(ctx, Call{Op: OpHistory, Keys: []string{id}}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	newest := slices.Clone(m.history[id])
	slices.Reverse(newest)
	return newest[:min(len(newest), max(0, limit))], nil
}

// used are the last uses of entries, by tenant and entry, and the days on which they were recorded.
type used struct {
	last     map[[2]string]store.Day
	recorded map[store.Day]bool
}

// RecordUses is [store.UseWriter]'s.
func (m *Memory) RecordUses(_ context.Context, today store.Day, uses []store.Use) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used.last == nil {
		m.used = used{last: make(map[[2]string]store.Day), recorded: make(map[store.Day]bool)}
	}
	m.used.recorded[today] = true
	for _, u := range uses {
		m.used.last[[2]string{u.Tenant, u.Entry}] = u.Day
	}
	return nil
}

// Uses is [store.UseReader]'s.
func (m *Memory) Uses(_ context.Context, lists []store.Entries) ([][]store.Day, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([][]store.Day, len(lists))
	for i, list := range lists {
		all[i] = make([]store.Day, len(list.Entries))
		for j, entry := range list.Entries {
			all[i][j] = m.used.last[[2]string{list.Tenant, entry}]
		}
	}
	return all, nil
}

// RecordedDays is [store.UseReader]'s.
func (m *Memory) RecordedDays(_ context.Context, days []store.Day) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	recorded := make([]bool, len(days))
	for i, day := range days {
		recorded[i] = m.used.recorded[day]
	}
	return recorded, nil
}
