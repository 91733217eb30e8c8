package tenant

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/corsgate/corsgate/policy"
)

// Bounds of what a record holds.
const (
	// MaxIDBytes bounds a tenant's id.
	MaxIDBytes = 63
	// MaxPathPrefixBytes bounds a route's path prefix.
	MaxPathPrefixBytes = 1024
)

// Definition is what requests of one tenant are decided by, compiled and checked: see
// package document, which makes it of a text.
type Definition struct {
	ID string
	// Hosts are canonical, "*.base" and "*" as written.
	Hosts []string
	Mode  Mode
	// Policy is nil when the document was never readable, and in a tombstone.
	Policy *policy.Policy
	// Routes in the order of the document, each with a policy and a prefix in which
	// [PathPrefixFault] finds nothing.
	Routes    []Route
	Candidate *Candidate // nil without one
	Revision  int64      // 0 when no registry wrote one
	MaxStale  time.Duration
	Tier      string
	Deleted   bool
	Source    *Source // nil when the document came from a store
}

// Route is a policy that replaces the tenant's for the paths below a prefix (rule 27).
type Route struct {
	PathPrefix string
	Policy     *policy.Policy
}

// Candidate is a policy, and its routes, under evaluation (rules 78, 79).
type Candidate struct {
	Policy *policy.Policy
	Routes []Route
	// Percent, from 0 to 100, of the (tenant, origin) pairs are decided by it.
	Percent uint8
}

// Source is where a document was read, for people.
type Source struct {
	File string
	// Document is its place in the file, from 0; Line and Column, from 1, are those of its first field.
	Document, Line, Column int
}

// Mode says how far decisions are carried out.
type Mode uint8

// The modes.
const (
	// Enforce carries decisions out.
	Enforce Mode = iota
	// Shadow decides, counts and traces, and changes nothing.
	Shadow
	// Off is as if CORS were not configured.
	Off
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
	source    *Source               // nil when the document came from a store
	tier      unique.Handle[string] // the zero one when there is none
	uses      uses                  // which entries have allowed something today
	entries   int32                 // of all policies
	percent   uint8
	mode      Mode
	deleted   bool
}

// NewRecord makes a record of d. It keeps the policies, and no other memory of d: names are
// often parts of a text that is much larger than they are.
func NewRecord(d Definition) *Record {
	r := &Record{
		stable: newRuleset(false, d.Policy, d.Routes), mode: d.Mode, revision: d.Revision, maxStale: d.MaxStale,
		tier: tierOf(d.Tier), deleted: d.Deleted, source: d.Source,
	}
	if c := d.Candidate; c != nil {
		r.percent = c.Percent
		candidate := newRuleset(true, c.Policy, c.Routes)
		r.candidate = &candidate
	}
	r.own(d.ID, d.Hosts)
	r.numberEntries()
	return r
}

// own copies the names to one piece of memory that holds nothing else.
func (r *Record) own(id string, hosts []string) {
	names := strings.Clone(id + strings.Join(hosts, ""))
	r.id, names = names[:len(id)], names[len(id):]
	if len(hosts) == 0 {
		return
	}
	r.hosts = make([]string, len(hosts))
	for i, host := range hosts {
		r.hosts[i], names = names[:len(host)], names[len(host):]
	}
}

// ID is the tenant's id; a broken document may have none.
func (r *Record) ID() string { return r.id }

// Source is where the document was read; nil for a document of a store.
func (r *Record) Source() *Source { return r.source }

// File is the name that the document was decoded under.
// It is "" for a document of a store.
func (r *Record) File() string {
	if r.source == nil {
		return ""
	}
	return r.source.File
}

// Mode of the tenant.
func (r *Record) Mode() Mode { return r.mode }

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
