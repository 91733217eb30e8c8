package tenant

import (
	"fmt"
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
// The record keeps no memory of data. Problems have "tenant:" and the id for a file.
func ParseStored(id string, data []byte) Stored {
	if !ValidID(id) {
		return Stored{Problems: Problems{{Problem: policy.Problem{
			Value: cutValue(id), Code: CodeFormat, Detail: "this cannot be the id of a tenant",
		}}}}
	}
	if r := parsePlain(id, data); r != nil {
		return Stored{Record: r}
	}
	return parseThorough(id, data)
}

// parseThorough reads a stored document as a file is read, to the last problem.
func parseThorough(id string, data []byte) Stored {
	file := "tenant:" + id
	var only *text
	n := 0
	for t := range documents(file, data) {
		if !t.blank() {
			only = t
			n++
		}
	}
	if n != 1 {
		return Stored{Problems: Problems{{File: file, Tenant: id, Problem: policy.Problem{
			Code: CodeSyntax, Detail: fmt.Sprintf("holds %d documents; one belongs here", n),
		}}}}
	}
	only.key = id
	_, record, problems := decode(only)
	return Stored{Record: record, Problems: problems}
}

// Entry is a record made ready to serve. It is immutable and safe for concurrent use.
type Entry entry

// Bind makes r ready to serve.
func Bind(r *Record) *Entry { return &Entry{record: r} }

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

// ValidID reports whether id can be a tenant's.
func ValidID(id string) bool { return validID(id) }
