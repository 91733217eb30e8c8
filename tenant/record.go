package tenant

import (
	"slices"
	"time"

	"github.com/corsgate/corsgate/policy"
)

// Record is one tenant, compiled and immutable: what a [Snapshot] is made of.
type Record struct {
	id     string
	hosts  []string // canonical; "*.base" and "*" as written
	stable *ruleset // nil when the document was never readable, and in a tombstone
	// candidate is nil without one; percent is its share of (tenant, origin) pairs.
	candidate *ruleset
	revision  int64
	maxStale  time.Duration
	source    *source // nil when the document came from a store
	origins   int32
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

// Hosts are the canonical hosts of the document, "*.base" and "*" as written. The
// slice must not be changed.
func (r *Record) Hosts() []string { return r.hosts }

// Revision of the document; 0 when no registry wrote one.
func (r *Record) Revision() int64 { return r.revision }

// Deleted reports whether the record is a tombstone.
func (r *Record) Deleted() bool { return r.deleted }

// MaxStale is how long the tenant may be decided by a copy that the store has not
// confirmed; 0 means as the process says.
func (r *Record) MaxStale() time.Duration { return r.maxStale }

// Origins is the number of entries, permanent and temporary, in all policies in
// force; a candidate does not count.
func (r *Record) Origins() int { return int(r.origins) }

// Readable reports whether the record has a policy. A record without one only
// holds its hosts, so that they do not fall to the default tenant.
func (r *Record) Readable() bool { return r.stable != nil }

// mode says how far decisions are carried out.
type mode uint8

const (
	modeEnforce mode = iota
	modeShadow
	modeOff
)

// ruleset is a policy and the routes that replace it, most specific first.
type ruleset struct {
	base   rule
	routes []rule
}

// rule is a policy and where it stands in its document.
type rule struct {
	prefix string // of the path; "" for every path
	path   string // field path: "routes[0].policy"
	policy *policy.Policy
}

// sortRoutes puts the most specific route first. Of two prefixes that cover
// one path, one covers the other, so the longer is the more specific (rule 27).
func (s *ruleset) sortRoutes() {
	slices.SortStableFunc(s.routes, func(a, b rule) int { return len(b.prefix) - len(a.prefix) })
}
