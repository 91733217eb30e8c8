package tenant

import (
	"context"
	"iter"
	"maps"
	"strings"
)

// Snapshot is every tenant at one moment. It is immutable and safe for concurrent use, and it is a [Registry].
// [Snapshot.Merge] makes the next one.
//
// Most of it is a large base that snapshots share; what has changed since is in a small overlay that is asked first.
// When the overlay has grown, the next merge makes a new base of both.
type Snapshot struct {
	base, overlay table
	// nobody stands in both for the tenant of a host that several documents claim and none holds.
	nobody *entry
	// claims are the hosts that more than one document lists. They are few.
	claims map[string]claims

	documents, readable int
	bytes               int64
	// held counts the documents that are held back, by why.
	held map[Why]int
	// closings are the changes of the last minute that took something away, by kind.
	closings map[Why]closings
}

// claims are the ids of the documents that list one host, sorted; those of them that are no tombstones; and which of
// them holds it, "" when none does.
type claims struct {
	ids, living []string
	holder      string
}

// table finds documents. In an overlay a nil entry says that the base's counts no more.
type table struct {
	byID map[string]*entry
	// byHost has exact hosts, and "*". byBase has the tenant of "*.base" under base.
	byHost, byBase map[string]*entry
}

// NewSnapshot returns a snapshot without tenants.
func NewSnapshot() *Snapshot {
	return &Snapshot{base: newTable(0), overlay: newTable(0), nobody: &entry{record: &Record{}}}
}

// SnapshotOf returns a snapshot of records, as if all of them had just been written. Two records of one id are one
// tenant too many: the later is left out.
func SnapshotOf(records ...*Record) *Snapshot {
	updates := make([]Update, 0, len(records))
	seen := make(map[string]bool, len(records))
	for _, r := range records {
		if !seen[r.id] {
			seen[r.id] = true
			updates = append(updates, Update{ID: r.id, Record: r})
		}
	}
	s, _ := NewSnapshot().Merge(updates, Rules{})
	return s
}

func newTable(size int) table {
	return table{
		byID: make(map[string]*entry, size), byHost: make(map[string]*entry, size), byBase: make(map[string]*entry),
	}
}

func (t *table) clone() table {
	return table{byID: maps.Clone(t.byID), byHost: maps.Clone(t.byHost), byBase: maps.Clone(t.byBase)}
}

func (t *table) size() int { return len(t.byID) + len(t.byHost) + len(t.byBase) }

// hosts is the map in which the tenant of a host is, as a document writes the host, and the key there.
func (t *table) hosts(host string) (map[string]*entry, string) {
	if base, isWildcard := strings.CutPrefix(host, "*."); isWildcard {
		return t.byBase, base
	}
	return t.byHost, host
}

// Tenants is the number of tenants with a policy.
func (s *Snapshot) Tenants() int { return s.readable }

// Documents is the number of documents, also of those without a policy and of tombstones.
func (s *Snapshot) Documents() int { return s.documents }

// Document returns the record in force of a tenant, and the sum of its text, or nil.
func (s *Snapshot) Document(id string) (r *Record, sum uint64) {
	if e := s.byID(id); e != nil {
		return e.record, e.sum
	}
	return nil, 0
}

// All gives every record in force with the sum of its text.
func (s *Snapshot) All() iter.Seq2[*Record, uint64] {
	return func(yield func(*Record, uint64) bool) {
		for e := range s.entries() {
			if !yield(e.record, e.sum) {
				return
			}
		}
	}
}

func (s *Snapshot) entries() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, e := range s.overlay.byID {
			if e != nil && !yield(e) {
				return
			}
		}
		for id, e := range s.base.byID {
			if _, changed := s.overlay.byID[id]; !changed && !yield(e) {
				return
			}
		}
	}
}

func (s *Snapshot) byID(id string) *entry {
	return find(s.overlay.byID, s.base.byID, id)
}

// holder is the tenant of a host as documents write it, or nil.
func (s *Snapshot) holder(host string) *entry {
	over, key := s.overlay.hosts(host)
	base, _ := s.base.hosts(host)
	return find(over, base, key)
}

func find(overlay, base map[string]*entry, key string) *entry {
	if len(overlay) > 0 {
		if e, found := overlay[key]; found {
			return e
		}
	}
	return base[key]
}

// Lookup finds the tenant of k: by the hint alone when there is one, else by
// the exact host, then the longest wildcard, then the default (rules 24–26).
// A hint that names nobody is Unknown: it never falls back to the host, since
// the operator's route said who is meant. An empty authority is nobody's,
// not even the default tenant's (rule 8). It never waits, and never allocates for a canonical
// authority.
func (s *Snapshot) Lookup(_ context.Context, k Key) View {
	if k.Hint != "" {
		return viewOf(s.byID(k.Hint), k.Path)
	}
	if k.Authority == "" {
		return View{Freshness: Unknown}
	}
	host, ok := RequestHost(k.Authority)
	if !ok {
		return View{Freshness: Ambiguous}
	}
	e := s.owner(host)
	if e == s.nobody {
		return View{Freshness: Conflict}
	}
	return viewOf(e, k.Path)
}

// owner finds the tenant of a canonical host, or nil.
func (s *Snapshot) owner(host string) *entry {
	if e := find(s.overlay.byHost, s.base.byHost, host); e != nil {
		return e
	}
	if len(s.base.byBase)+len(s.overlay.byBase) > 0 {
		for base := parent(host); base != ""; base = parent(base) {
			if e := find(s.overlay.byBase, s.base.byBase, base); e != nil {
				return e
			}
		}
	}
	return find(s.overlay.byHost, s.base.byHost, "*")
}

// parent returns host without its first label, or "".
func parent(host string) string {
	_, base, _ := strings.Cut(host, ".")
	return base
}

// minOverlay is how large an overlay may be however small the base is.
const minOverlay = 512

// fold makes a new base when the overlay has more than a thirty-second of its size.
func (s *Snapshot) fold() {
	if s.overlay.size() <= max(minOverlay, s.base.size()/32) {
		return
	}
	if s.base.size() == 0 { // what removes nothing is a base itself
		for _, side := range [...]map[string]*entry{s.overlay.byID, s.overlay.byHost, s.overlay.byBase} {
			maps.DeleteFunc(side, func(_ string, e *entry) bool { return e == nil })
		}
		s.base, s.overlay = s.overlay, newTable(0)
		return
	}
	next := newTable(s.documents)
	for _, side := range [...]struct{ to, base, over map[string]*entry }{
		{next.byID, s.base.byID, s.overlay.byID},
		{next.byHost, s.base.byHost, s.overlay.byHost},
		{next.byBase, s.base.byBase, s.overlay.byBase},
	} {
		for key, e := range side.base {
			if _, changed := side.over[key]; !changed {
				side.to[key] = e
			}
		}
		for key, e := range side.over {
			if e != nil {
				side.to[key] = e
			}
		}
	}
	s.base, s.overlay = next, newTable(0)
}
