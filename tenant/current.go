package tenant

import "time"

// Current is the document in force of one tenant, for registries that keep tenants one by one instead of in a
// [Snapshot]. The zero Current is none. It is immutable and safe for concurrent use.
type Current struct{ entry *entry }

// Merge returns what is in force after an update of the tenant, by the rules of [Snapshot.Merge]. Those that compare
// tenants have no effect: whose a host is, and how many tenants change at once.
func (c Current) Merge(u Update, rules Rules) (Current, Outcome) {
	s := NewSnapshot()
	if c.entry != nil {
		s.base.byID[u.ID] = c.entry
	}
	next, out := s.Merge([]Update{u}, rules)
	return Current{entry: next.byID(u.ID)}, out
}

// View is the tenant for a path. f is how well the document is known; a tombstone, a document that was never readable
// and none at all have a freshness of their own.
func (c Current) View(path string, f Freshness) View {
	v := viewOf(c.entry, path)
	if v.Freshness == Live {
		v.Freshness = f
	}
	return v
}

// Record is the document, or nil.
func (c Current) Record() *Record {
	if c.entry == nil {
		return nil
	}
	return c.entry.record
}

// Sum identifies the text of the document; 0 when it is not known.
func (c Current) Sum() uint64 {
	if c.entry == nil {
		return 0
	}
	return c.entry.sum
}

// HeldSince is since when the document is held back against what its source says; zero when it is not.
func (c Current) HeldSince() time.Time { return c.entry.heldSince() }

// Rejection is what the source has that is not in force; its Why is "" when there is no such thing.
func (c Current) Rejection() Rejection {
	p := c.entry.rejected()
	if p.why == "" {
		return Rejection{}
	}
	return Rejection{ID: c.entry.record.id, Why: p.why, Detail: p.detail, Since: p.since}
}
