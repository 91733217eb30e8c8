package tenant

import (
	"cmp"
	"slices"
	"time"
	"unique"
)

// Record is one tenant, compiled and immutable: what a [Snapshot] is made of.
type Record struct {
	id     string
	hosts  []string // canonical; "*.base" and "*" as written
	stable ruleset  // empty when the document was never readable, and in a tombstone
	// candidate is nil without one; percent is its share of (tenant, origin) pairs.
	candidate *ruleset
	revision  int64
	maxStale  time.Duration
	source    *source               // nil when the document came from a store
	tier      unique.Handle[string] // the zero one when there is none
	percent   uint8
	mode      mode
	deleted   bool
}

// source is where a record was read.
type source struct {
	file         string
	document     int
	line, column int
}

// ID is the tenant's id; a broken document may have none.
func (r *Record) ID() string { return r.id }

// File is the name that the document was decoded under.
// It is "" for a document of a store.
func (r *Record) File() string {
	if r.source == nil {
		return ""
	}
	return r.source.file
}

// Place is where the document's first field stands in its file: the number of the document, from 0, and line and
// column, from 1. All are 0 for a document of a store.
func (r *Record) Place() (document, line, column int) {
	if r.source == nil {
		return 0, 0, 0
	}
	return r.source.document, r.source.line, r.source.column
}

// Closed returns a record without a policy that has the hosts of all records, so that they do not fall to other tenants,
// and the place of the first.
func Closed(id string, records ...*Record) *Record {
	closed := &Record{id: id}
	for _, r := range records {
		closed.hosts = append(closed.hosts, r.hosts...)
		closed.source = cmp.Or(closed.source, r.source)
	}
	slices.Sort(closed.hosts)
	closed.hosts = slices.Compact(closed.hosts)
	return closed
}

// Hosts are the canonical hosts of the document, "*.base" and "*" as written. The
// slice must not be changed.
func (r *Record) Hosts() []string { return r.hosts }

// Revision of the document; 0 when no registry wrote one.
func (r *Record) Revision() int64 { return r.revision }

// tierLabel is the label that says what a tenant is worth to the operator.
const tierLabel = "tier"

// tierOf shares what many tenants say.
func tierOf(label string) unique.Handle[string] {
	if label == "" {
		return unique.Handle[string]{}
	}
	return unique.Make(label)
}

// Tier is the label "tier" of the document, or "".
func (r *Record) Tier() string {
	if r.tier == (unique.Handle[string]{}) {
		return ""
	}
	return r.tier.Value()
}

// Deleted reports whether the record is a tombstone.
func (r *Record) Deleted() bool { return r.deleted }

// MaxStale is how long the tenant may be decided by a copy that the store has not
// confirmed; 0 means as the process says.
func (r *Record) MaxStale() time.Duration { return r.maxStale }

// Origins is the number of entries, permanent and temporary, in all policies in
// force; a candidate does not count.
func (r *Record) Origins() int {
	n := 0
	for rule := range r.policies() {
		if !rule.candidate {
			n += rule.policy.Origins()
		}
	}
	return n
}

// Readable reports whether the record has a policy. A record without one only
// holds its hosts, so that they do not fall to the default tenant.
func (r *Record) Readable() bool { return r.stable.policy != nil }

// mode says how far decisions are carried out.
type mode uint8

const (
	modeEnforce mode = iota
	modeShadow
	modeOff
)
