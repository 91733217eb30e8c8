package document

import (
	"fmt"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Stored is one document of a store, read: see [ParseStored].
type Stored struct {
	// Record is the document compiled. A tombstone, and a document with problems whose hosts
	// could be read, have a Record without a policy, which keeps their hosts from falling
	// to the default tenant. Nil when nothing could be read.
	Record *tenant.Record
	// Problems is all that is wrong with the document. It is nil for a tombstone.
	Problems Problems
}

// ParseStored reads what a store holds under id: one document, with the
// fields that a registry writes, or a tombstone. A document of another id is a problem.
// The record keeps no memory of data. Problems have "tenant:" and the id for a file.
func ParseStored(id string, data []byte) Stored {
	if !tenant.ValidID(id) {
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
