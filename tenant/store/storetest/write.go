package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	tenantdoc "github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// schema is the version of the layout that a Memory says it has.
const schema = 1

// Apply is [store.Writer]'s.
func (m *Memory) Apply(ctx context.Context, edits []store.Edit, author store.Author) ([]int64, error) {
	if err := m.begin(ctx, Call{Op: OpApply}); err != nil {
		return nil, err
	}
	if err := errors.Join(checkEdits(edits), checkAuthor(author)); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if conflicts := m.conflicts(edits); len(conflicts) > 0 {
		return nil, conflicts
	}
	documents := make([]*tenantv1.Tenant, len(edits))
	data := make([][]byte, len(edits))
	for i, e := range edits {
		documents[i] = m.next(e, author)
		var err error
		if data[i], err = tenantdoc.MarshalJSON(documents[i]); err != nil {
			return nil, err
		}
	}
	// First all hosts that are given up, since another edit may take them.
	for _, e := range edits {
		for _, host := range m.tenant(e.ID).GetHosts() {
			if m.hosts[host] == e.ID && e.Tenant != nil {
				delete(m.hosts, host)
			}
		}
	}
	revisions := make([]int64, len(edits))
	for i, d := range documents {
		m.write(d, data[i], author)
		revisions[i] = d.GetRevision()
	}
	m.wake()
	return revisions, nil
}

// write stores one document. The caller holds mu.
func (m *Memory) write(d *tenantv1.Tenant, data []byte, author store.Author) {
	id := d.GetId()
	m.documents[id] = stored{data: data}
	change := store.Change{Tenant: id, Kind: store.KindApply, Revision: d.GetRevision()}
	kind := author.Kind
	if d.GetDeleted() {
		change.Kind, kind = store.KindDelete, store.KindDelete
	} else {
		for _, host := range d.GetHosts() {
			m.hosts[host] = id
		}
	}
	m.history[id] = append(m.history[id], store.Revision{
		At: d.GetUpdatedAt().AsTime(), Number: d.GetRevision(), Kind: kind, By: author.By, Reason: author.Reason, Data: data,
	})
	if n := len(m.history[id]); n > maxHistory {
		m.history[id] = slices.Clone(m.history[id][n-maxHistory:])
	}
	m.sign()
	m.announce(change)
}

// next is what will be stored for an edit.
func (m *Memory) next(e store.Edit, author store.Author) *tenantv1.Tenant {
	old := m.tenant(e.ID)
	d := &tenantv1.Tenant{Id: e.ID, Hosts: old.GetHosts(), Deleted: true}
	if e.Tenant != nil {
		d = proto.CloneOf(e.Tenant)
	}
	d.Revision = old.GetRevision() + 1
	d.UpdatedAt, d.UpdatedBy, d.Reason = timestamppb.Now(), author.By, author.Reason
	return d
}

// tenant is the stored document or tombstone, nil when there is none that could be read.
func (m *Memory) tenant(id string) *tenantv1.Tenant {
	var t tenantv1.Tenant
	if protojson.Unmarshal(m.documents[id].data, &t) != nil {
		return nil
	}
	return &t
}

// conflicts is every reason why edits cannot be made. The caller holds mu.
func (m *Memory) conflicts(edits []store.Edit) store.Conflicts {
	var conflicts store.Conflicts
	claims := make(map[string]string) // host → the tenant that an edit gives it to
	edited := make(map[string]bool)
	for _, e := range edits {
		edited[e.ID] = true
		old := m.tenant(e.ID)
		base := old.GetRevision()
		if old.GetDeleted() {
			base = 0
		}
		if base != e.Base {
			conflicts = append(conflicts, &store.ConflictError{ID: e.ID, Base: e.Base, Stored: base})
		}
	}
	for _, e := range edits {
		for _, host := range e.Tenant.GetHosts() {
			owner := m.hosts[host]
			if edited[owner] || !m.holds(owner, host) {
				owner = "" // those who are edited own what the edits say
			}
			if claimed := claims[host]; claimed != "" {
				owner = claimed
			}
			if owner != "" && owner != e.ID {
				conflicts = append(conflicts, &store.HostTakenError{ID: e.ID, Host: host, Owner: owner})
				continue
			}
			claims[host] = e.ID
		}
	}
	return conflicts
}

// holds reports whether a host that belongs to a tenant may not be given to another one. The caller holds mu.
func (m *Memory) holds(id, host string) bool {
	if _, ok := m.documents[id]; !ok {
		return false
	}
	t := m.tenant(id)
	return t == nil || !t.GetDeleted() && slices.Contains(t.GetHosts(), host) // what cannot be read may list it
}

func checkEdits(edits []store.Edit) error {
	if len(edits) > store.MaxEdits {
		return fmt.Errorf("%d edits at once, at most %d", len(edits), store.MaxEdits)
	}
	seen := make(map[string]bool, len(edits))
	for _, e := range edits {
		switch {
		case !tenant.ValidID(e.ID):
			return fmt.Errorf("%q is no id of a tenant", e.ID)
		case seen[e.ID]:
			return fmt.Errorf("tenant %s is edited twice at once", e.ID)
		case e.Tenant != nil && e.Tenant.GetId() != e.ID:
			return fmt.Errorf("the edit of tenant %s has a document of tenant %s", e.ID, e.Tenant.GetId())
		}
		seen[e.ID] = true
	}
	return nil
}

// The most characters that an author has.
const (
	maxBy     = 256
	maxReason = 1024
)

func checkAuthor(a store.Author) error {
	if a.By == "" {
		return errors.New("a change needs an author")
	}
	for value, most := range map[string]int{a.By: maxBy, a.Reason: maxReason} {
		if !utf8.ValidString(value) || utf8.RuneCountInString(value) > most || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("%q is not at most %d printable characters", value, most)
		}
	}
	return nil
}

// Confirm is [store.Writer]'s.
func (m *Memory) Confirm(ctx context.Context, author store.Author) (string, error) {
	if err := m.begin(ctx, Call{Op: OpConfirm}); err != nil {
		return "", err
	}
	if err := checkAuthor(author); err != nil {
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
	m.trim(maxChanges)
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
