package document

import (
	"fmt"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// Problem is one thing wrong, or unwise, in a tenant document. Its Path is the
// whole field path: "routes[0].policy.origins[3]".
type Problem struct {
	policy.Problem
	// File is the name that the document was decoded under, or "".
	File string
	// Document is the place of the document in its file, from 0; documents without
	// content do not count.
	Document int
	// Tenant is the document's id, or "" when it could not be read.
	Tenant string
	// Line and Column of the value, from 1; 0 when unknown. They are those of the file.
	Line, Column int
}

// Problems is every problem of what was read, in order. It is an error.
type Problems []Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	if len(p) == 0 {
		return "no problems"
	}
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// Err is p as an error, or nil when there are no problems.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// String gives the problem on one line, with its place. Values are quoted, so
// that no byte of a document can break the line.
func (p *Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		b.WriteByte(':')
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if p.Path != "" {
		fmt.Fprintf(&b, "%s: ", p.Path)
	}
	if p.Value != "" {
		fmt.Fprintf(&b, "%q: ", p.Value)
	}
	b.WriteString(p.Detail)
	if p.Fix != "" {
		fmt.Fprintf(&b, "; %s", p.Fix)
	}
	fmt.Fprintf(&b, " [%s]", p.Code)
	return b.String()
}
