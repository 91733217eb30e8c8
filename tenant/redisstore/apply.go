package redisstore

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// maxTransactionBytes bounds what one transaction sends. Redis keeps all of it in memory before it
	// begins, and cuts a client off at 1 GiB.
	maxTransactionBytes = 128 << 20
	// commandBytes is what a command counts for besides a document; the reply to half a million of
	// them can still be read: see maxElements.
	commandBytes = 256

	// tombstoneLifetime is how long a deleted tenant leaves a tombstone and its hosts.
	tombstoneLifetime = 7 * 24 * time.Hour
	// historyLength is about how many revisions of a tenant are kept, and historyLifetime how
	// long they are after it was deleted.
	historyLength   = 100
	historyLifetime = 90 * 24 * time.Hour
)

// application is one call of [Store.Apply].
type application struct {
	edits  []store.Edit
	author store.Author
	// claims are the hosts of all new documents and the edit that is the first to list them.
	claims map[string]int

	// seen is what the last attempt found under the keys of the edits; nil before the first one.
	seen []value
	// next is what the last attempt was going to write, and revisions its revisions.
	next      []change
	revisions []int64
}

// change is an edit together with what it replaces.
type change struct {
	id   string
	data []byte
	// deletes says that data is a tombstone, revives that the tenant is not there now, so
	// that its history may have an end.
	deletes, revives bool
	// give are hosts that the tenant gets, keep those that its tombstone has for a while, and free
	// those that are nobody's from now on.
	give, keep, free []string
}

func newApplication(edits []store.Edit, author store.Author) *application {
	if author.Kind == "" {
		author.Kind = store.KindApply
	}
	a := &application{edits: edits, author: author, claims: make(map[string]int)}
	for i, e := range edits {
		for _, host := range e.Tenant.GetHosts() {
			if _, ok := a.claims[host]; !ok {
				a.claims[host] = i
			}
		}
	}
	return a
}

// attempt reads, checks and writes in one transaction.
func (a *application) attempt(ctx context.Context, tx *transaction) error {
	f, err := a.find(ctx, tx)
	if err != nil {
		return err
	}
	if conflicts := a.conflicts(f); len(conflicts) > 0 {
		return conflicts
	}
	a.seen = f.values
	if err := a.prepare(f); err != nil {
		return err
	}
	first := a.next[0]
	check := fmt.Sprintf("if it was carried out, tenant %s has revision %d by %s", first.id, a.revisions[0], a.author.By)
	return tx.commit(ctx, check, func(p redis.Pipeliner) {
		for i, c := range a.next {
			a.write(ctx, tx, p, c, a.revisions[i])
		}
	})
}

// conflicts is every reason why the edits cannot be made.
func (a *application) conflicts(f *found) store.Conflicts {
	var conflicts store.Conflicts
	for i, e := range a.edits {
		// A document that somebody wrote during the last attempt is not the one that the edit was made
		// from, even if its revision is. One that vanished was a tombstone at its end.
		raced := a.seen != nil && !f.values[i].nothing() && !f.values[i].equal(a.seen[i])
		if base := f.stored[i].base(); base != e.Base || raced {
			conflicts = append(conflicts, &store.ConflictError{ID: e.ID, Base: e.Base, Stored: base})
		}
	}
	for i, e := range a.edits {
		for _, host := range e.Tenant.GetHosts() {
			owner := f.owners[host]
			if holder, ok := f.holders[owner]; !ok || !holder.holds(host) {
				owner = "" // nobody's, or of somebody who is edited and has what the edit says
			}
			if first := a.claims[host]; owner == "" && first != i {
				owner = a.edits[first].ID
			}
			if owner != "" {
				conflicts = append(conflicts, &store.HostTakenError{ID: e.ID, Host: host, Owner: owner})
			}
		}
	}
	return conflicts
}

func (v value) equal(other value) bool {
	return v.nothing() == other.nothing() && bytes.Equal(v.data, other.data) && (v.err == nil) == (other.err == nil)
}

// prepare makes what is going to be written.
func (a *application) prepare(f *found) error {
	a.next, a.revisions = make([]change, len(a.edits)), make([]int64, len(a.edits))
	size := 0
	for i, e := range a.edits {
		last := max(f.stored[i].revision, f.last[i])
		if last == math.MaxInt64 {
			return fmt.Errorf("tenant %s has the highest revision that there is; remove its document and history", e.ID)
		}
		a.revisions[i] = last + 1
		old := f.stored[i]
		c := change{id: e.ID, deletes: e.Tenant == nil, revives: old.state != live, give: e.Tenant.GetHosts()}
		for _, host := range old.hosts {
			if _, claimed := a.claims[host]; claimed || f.owners[host] != e.ID {
				continue
			}
			if c.deletes {
				c.keep = append(c.keep, host)
			} else {
				c.free = append(c.free, host)
			}
		}
		var err error
		if c.data, err = a.document(e, old, last+1, f.now); err != nil {
			return err
		}
		a.next[i] = c
		size += 2*len(c.data) + (5+len(c.give)+len(c.keep)+len(c.free))*commandBytes
	}
	if size > maxTransactionBytes {
		return fmt.Errorf("%d edits make a transaction of %d MiB, more than %d; make fewer at once", len(a.edits), size>>20, maxTransactionBytes>>20)
	}
	return nil
}

// document is what will be stored for an edit.
func (a *application) document(e store.Edit, old storedTenant, revision int64, now time.Time) ([]byte, error) {
	d := &tenantv1.Tenant{Id: e.ID, Hosts: old.hosts, Deleted: true}
	if e.Tenant != nil {
		d = proto.CloneOf(e.Tenant)
	}
	d.Revision, d.UpdatedAt, d.UpdatedBy, d.Reason = revision, timestamppb.New(now), a.author.By, a.author.Reason
	data, err := document.MarshalJSON(d)
	if err != nil {
		return nil, err
	}
	if len(data) > maxDocumentBytes {
		return nil, fmt.Errorf("tenant %s: %w, counting what the registry adds; shorten it", e.ID, store.ErrTooLarge)
	}
	return data, nil
}

// write adds one edit to a transaction.
func (a *application) write(ctx context.Context, tx *transaction, p redis.Pipeliner, c change, revision int64) {
	s := tx.store
	change, kind, lifetime := store.KindApply, a.author.Kind, time.Duration(0)
	if c.deletes {
		change, kind, lifetime = store.KindDelete, store.KindDelete, tombstoneLifetime
	}
	p.Set(ctx, s.tenantKey(c.id), c.data, lifetime)
	for _, host := range c.give {
		p.Set(ctx, s.hostKey(host), c.id, 0)
	}
	for _, host := range c.keep {
		p.Set(ctx, s.hostKey(host), c.id, tombstoneLifetime)
	}
	for _, host := range c.free {
		p.Del(ctx, s.hostKey(host))
	}
	tx.announce(ctx, p, fieldTenant, c.id, fieldRevision, revision, fieldKind, change)
	p.XAdd(ctx, &redis.XAddArgs{Stream: s.historyKey(c.id), MaxLen: historyLength, Approx: true, Values: []any{
		fieldDocument, c.data, fieldRevision, revision, fieldKind, kind, fieldBy, a.author.By, fieldReason, a.author.Reason,
	}})
	switch {
	case c.deletes:
		p.Expire(ctx, s.historyKey(c.id), historyLifetime)
	case c.revives:
		p.Persist(ctx, s.historyKey(c.id))
	}
}
