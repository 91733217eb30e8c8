package tenant

import (
	"slices"

	"github.com/corsgate/corsgate/policy"
)

// Record is one tenant, compiled and immutable: what a [Snapshot] is made of.
type Record struct {
	id     string
	hosts  []string // canonical; "*.base" and "*" as written
	mode   mode
	stable *ruleset // nil when the document was never readable
	// candidate is nil without one; percent is its share of (tenant, origin) pairs.
	candidate *ruleset
	percent   int

	source source
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
func (r *Record) File() string { return r.source.file }

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
