package document

import (
	"fmt"
	"strings"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
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

// Conflicts returns what keeps records from standing beside each other, as if all of them were new: an id that two
// records have, or a host that two list (rule 26a). Each of them has a problem, which names the first other one.
func Conflicts(records []*tenant.Record) Problems {
	ids := make(map[string][]*tenant.Record, len(records))
	hosts := make(map[string][]*tenant.Record, len(records))
	for _, r := range records {
		ids[r.ID()] = append(ids[r.ID()], r)
		for _, host := range r.Hosts() {
			hosts[host] = append(hosts[host], r)
		}
	}
	var problems Problems
	for _, r := range records {
		if other := another(ids[r.ID()], r); other != nil {
			problems = append(problems, problemAt(r, policy.Problem{
				Path: "id", Value: r.ID(), Code: CodeIDTaken, Detail: "the document in " + place(other) + " has this id, too",
			}))
			continue
		}
		for i, host := range r.Hosts() {
			if other := another(hosts[host], r); other != nil {
				problems = append(problems, problemAt(r, policy.Problem{
					Path: element("hosts", i), Value: host, Code: CodeHostTaken,
					Detail: "tenant " + other.ID() + " in " + place(other) + " lists this host, too",
				}))
			}
		}
	}
	return problems
}

// another returns the first of list that is not r, or nil.
func another(list []*tenant.Record, r *tenant.Record) *tenant.Record {
	for _, other := range list {
		if other != r {
			return other
		}
	}
	return nil
}

// problemAt is a problem of the document that r was made of.
func problemAt(r *tenant.Record, what policy.Problem) Problem {
	p := Problem{Problem: what, Tenant: r.ID()}
	if at := r.Source(); at != nil {
		p.File, p.Document, p.Line, p.Column = at.File, at.Document, at.Line, at.Column
	}
	return p
}

// place names where a record was read, for people.
func place(r *tenant.Record) string {
	if at := r.Source(); at != nil {
		return fmt.Sprintf("%s, line %d", at.File, at.Line)
	}
	return "the store"
}
