package tenant

import (
	"time"

	"github.com/corsgate/corsgate/policy"
)

// Entry is a record made ready to serve, with the memos of its policies. It is
// immutable and safe for concurrent use.
type Entry entry

// Bind makes r ready to serve. attach is as in [Options].
func Bind(r *Record, attach func(*policy.Policy) any) *Entry {
	return (*Entry)(bind(r, attach))
}

// After is e as what replaces old at a moment: for 24 hours it knows the version before it, for
// [Result.Regressed].
func (e *Entry) After(old *Entry, at time.Time) *Entry {
	return (*Entry)((*entry)(e).after((*entry)(old), at))
}

// Changed reports whether e knows a version before it; see [Entry.After].
func (e *Entry) Changed() bool { return (*entry)(e).changed() }

// Settled is e without a version before it that counts no more, which is e itself when there is none.
func (e *Entry) Settled(now time.Time) *Entry { return (*Entry)((*entry)(e).settled(now)) }

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
