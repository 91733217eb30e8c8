package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/document"
)

// What every store keeps, at least.
const (
	// MaxChanges is how many changes stay in the stream.
	MaxChanges = 100_000
	// MaxHistory is how many revisions of a tenant stay in its history.
	MaxHistory = 100
	// TombstoneLifetime is how long a deleted tenant leaves its tombstone and its hosts.
	TombstoneLifetime = 7 * 24 * time.Hour
	// HistoryLifetime is how long the history of a deleted tenant stays.
	HistoryLifetime = 90 * 24 * time.Hour
)

const (
	// maxPlanBytes bounds what one plan writes. A store may keep all of it in memory before it begins: Redis cuts
	// a client off that sends 1 GiB.
	maxPlanBytes = 128 << 20
	// keyBytes is what each key and each entry that is written counts for, besides a document.
	keyBytes = 256
)

// View is what a store holds while a write is planned. A store carries the plan out only if nothing of
// the view has changed since it was read.
type View interface {
	// Now is the time by the store's clock.
	Now() time.Time
	// Documents reads what is stored under ids, in that order.
	Documents(ctx context.Context, ids []string) ([]Document, error)
	// LastRevisions reads the numbers of the newest revisions in the histories of ids, 0 where there is none.
	LastRevisions(ctx context.Context, ids []string) ([]int64, error)
	// Owners reads the ids that own hosts, "" for nobody.
	Owners(ctx context.Context, hosts []string) ([]string, error)
}

// Write is what one edit does to a store. Hosts of all writes of a plan are disjoint.
type Write struct {
	// Revision is the entry of the history. Its Data is also the document or tombstone to be stored.
	Revision Revision
	// Change is the entry of the change stream, without a position.
	Change Change
	// Revives says that the tenant was absent or a tombstone, so that its history stays from now on.
	Revives bool
	// Take are hosts that the tenant owns from now on. Keep are those that it owns as long as its tombstone stays.
	// Free are those that nobody owns from now on.
	Take, Keep, Free []string
}

// Deletes reports whether the write leaves a tombstone.
func (w Write) Deletes() bool { return w.Change.Kind == KindDelete }

// WriteBatch is one call of [Writer.Apply].
type WriteBatch struct {
	edits  []Edit
	author Author
	// claims are the hosts of all new documents, each with the first edit that lists it.
	claims map[string]int
	// seen are the documents that the last plan was made from; nil before the first one.
	seen []Document
}

// NewWriteBatch checks edits and their author. The error has all that is wrong with them, whatever is stored.
func NewWriteBatch(edits []Edit, author Author) (*WriteBatch, error) {
	if err := errors.Join(checkEdits(edits), author.Check()); err != nil {
		return nil, err
	}
	if author.Kind == "" {
		author.Kind = KindApply
	}
	b := &WriteBatch{edits: edits, author: author, claims: make(map[string]int)}
	for i, e := range edits {
		for _, host := range e.Tenant.GetHosts() {
			if _, ok := b.claims[host]; !ok {
				b.claims[host] = i
			}
		}
	}
	return b, nil
}

// Plan says what the batch does to the store that v shows: one write for each edit, in order, all of which
// are carried out or none. It has no effect itself. A store calls it again with a new view when the first one
// has changed meanwhile. Errors: [Conflicts], those of v, and an error that names the tenant whose
// document is too large ([ErrTooLarge]) or whose revisions are used up, or says that the edits are too large together.
func (b *WriteBatch) Plan(ctx context.Context, v View) ([]Write, error) {
	s, err := b.look(ctx, v)
	if err != nil {
		return nil, err
	}
	if conflicts := append(b.baseConflicts(s), b.hostConflicts(s)...); len(conflicts) > 0 {
		return nil, conflicts
	}
	b.seen = s.documents
	writes, size := make([]Write, len(b.edits)), 0
	for i := range b.edits {
		w, err := b.write(i, s)
		if err != nil {
			return nil, err
		}
		writes[i] = w
		size += 2*len(w.Revision.Data) + (5+len(w.Take)+len(w.Keep)+len(w.Free))*keyBytes
	}
	if size > maxPlanBytes {
		return nil, fmt.Errorf("%d edits write %d MiB, more than %d; make fewer at once", len(writes), size>>20, maxPlanBytes>>20)
	}
	return writes, nil
}

// found is what a store holds of what the edits are about.
type found struct {
	now time.Time
	// documents, stored (the same, read) and revisions are those of the edits.
	documents []Document
	stored    []storedTenant
	revisions []int64
	// owners are those of the hosts of old and new documents, and holders the documents of owners that are
	// not edited.
	owners  map[string]string
	holders map[string]storedTenant
}

func (b *WriteBatch) look(ctx context.Context, v View) (*found, error) {
	ids := make([]string, len(b.edits))
	for i, e := range b.edits {
		ids[i] = e.ID
	}
	s := &found{now: v.Now(), holders: make(map[string]storedTenant)}
	var err error
	if s.documents, err = v.Documents(ctx, ids); err != nil {
		return nil, fmt.Errorf("reading the stored documents: %w", err)
	}
	if s.revisions, err = v.LastRevisions(ctx, ids); err != nil {
		return nil, fmt.Errorf("reading the histories: %w", err)
	}
	hosts := maps.Clone(b.claims)
	for _, d := range s.documents {
		t := readStored(d)
		s.stored = append(s.stored, t)
		for _, host := range t.hosts {
			hosts[host] = 0
		}
	}
	if s.owners, err = ownersOf(ctx, v, slices.Collect(maps.Keys(hosts))); err != nil {
		return nil, fmt.Errorf("reading the owners of hosts: %w", err)
	}
	documents, err := v.Documents(ctx, b.otherOwners(s))
	if err != nil {
		return nil, fmt.Errorf("reading the documents of the owners of hosts: %w", err)
	}
	for _, d := range documents {
		s.holders[d.ID] = readStored(d)
	}
	return s, nil
}

func ownersOf(ctx context.Context, v View, hosts []string) (map[string]string, error) {
	ids, err := v.Owners(ctx, hosts)
	if err != nil {
		return nil, err
	}
	owners := make(map[string]string, len(hosts))
	for i, id := range ids {
		owners[hosts[i]] = id
	}
	return owners, nil
}

// otherOwners are those who own hosts of new documents and are not edited.
func (b *WriteBatch) otherOwners(s *found) []string {
	others := make(map[string]bool)
	for host := range b.claims {
		others[s.owners[host]] = true
	}
	delete(others, "")
	for _, e := range b.edits {
		delete(others, e.ID)
	}
	return slices.Collect(maps.Keys(others))
}

// baseConflicts are the edits that were made from another document than the stored one.
func (b *WriteBatch) baseConflicts(s *found) Conflicts {
	var conflicts Conflicts
	for i, e := range b.edits {
		// A document that somebody wrote since the last plan is not the one that the edit was made from, even
		// if it has the same revision. What vanished was a tombstone at the end of its lifetime.
		raced := b.seen != nil && s.stored[i].state != absent && !sameDocument(b.seen[i], s.documents[i])
		if base := s.stored[i].base(); base != e.Base || raced {
			conflicts = append(conflicts, &ConflictError{ID: e.ID, Base: e.Base, Stored: base})
		}
	}
	return conflicts
}

func sameDocument(a, b Document) bool {
	return bytes.Equal(a.Data, b.Data) && (a.Data == nil) == (b.Data == nil) && (a.Err == nil) == (b.Err == nil)
}

// hostConflicts are the hosts of new documents that belong to somebody else. Tenants that are edited own what the
// edits say, and of two edits that list one host the first one has it.
func (b *WriteBatch) hostConflicts(s *found) Conflicts {
	var conflicts Conflicts
	for i, e := range b.edits {
		for _, host := range e.Tenant.GetHosts() {
			owner := s.owners[host]
			if !s.holders[owner].holds(host) {
				owner = ""
			}
			if first := b.claims[host]; owner == "" && first != i {
				owner = b.edits[first].ID
			}
			if owner != "" {
				conflicts = append(conflicts, &HostTakenError{ID: e.ID, Host: host, Owner: owner})
			}
		}
	}
	return conflicts
}

// write makes one edit a write. Revisions follow the highest one in the document and the history, so that none
// comes twice, also after a tombstone has ended.
func (b *WriteBatch) write(i int, s *found) (Write, error) {
	e, old := b.edits[i], s.stored[i]
	last := max(old.revision, s.revisions[i])
	if last == math.MaxInt64 {
		return Write{}, fmt.Errorf("tenant %s has the highest revision that there is; remove its document and history", e.ID)
	}
	data, err := b.document(e, old, last+1, s.now)
	if err != nil {
		return Write{}, err
	}
	w := Write{
		Revision: Revision{At: s.now, Number: last + 1, Kind: b.author.Kind, By: b.author.By, Reason: b.author.Reason, Data: data},
		Change:   Change{Tenant: e.ID, Kind: KindApply, Revision: last + 1},
		Revives:  e.Tenant != nil && old.state != live,
		Take:     e.Tenant.GetHosts(),
	}
	released := &w.Free
	if e.Tenant == nil {
		w.Revision.Kind, w.Change.Kind, released = KindDelete, KindDelete, &w.Keep
	}
	for _, host := range old.hosts {
		if _, claimed := b.claims[host]; !claimed && s.owners[host] == e.ID {
			*released = append(*released, host)
		}
	}
	return w, nil
}

// document is what is stored for an edit: the new document or a tombstone, with what the store adds.
func (b *WriteBatch) document(e Edit, old storedTenant, revision int64, now time.Time) ([]byte, error) {
	d := &tenantv1.Tenant{Id: e.ID, Hosts: old.hosts, Deleted: true}
	if e.Tenant != nil {
		d = proto.CloneOf(e.Tenant)
	}
	d.Revision, d.UpdatedAt, d.UpdatedBy, d.Reason = revision, timestamppb.New(now), b.author.By, b.author.Reason
	data, err := document.MarshalJSON(d)
	if err != nil {
		return nil, err
	}
	if len(data) > document.MaxDocumentBytes {
		return nil, fmt.Errorf("tenant %s: %w, counting what the registry adds; shorten it", e.ID, ErrTooLarge)
	}
	return data, nil
}
