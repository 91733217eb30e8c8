package document

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/corsgate/corsgate/internal/wording"
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

// Bounds of what a problem repeats of a document, in bytes.
const (
	maxValue = 128
	maxPath  = 256
	maxText  = 512
)

// cutValue shortens a value for a problem.
func cutValue(s string) string { return cut(s, maxValue) }

// printable makes s fit for a line of text.
func printable(s string, limit int) string {
	return wording.Printable(cut(s, limit))
}

// cut shortens s at a border between characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// collector gathers the problems of one document. Later phases see what
// earlier ones made of a broken value, so what they say about it, or about
// anything inside it, would only be noise: see covered.
type collector struct {
	doc      *text
	id       string
	problems Problems
	earlier  map[string]bool // :: field path → reported by an earlier phase
}

// maxProblems bounds the problems of one document. A document within its limits can have one with
// every origin of its largest policy.
const maxProblems = MaxOrigins

// add reports a problem of the current phase at a place in the document. What
// it repeats of the document is bounded, and printable except for its Value.
func (c *collector) add(line, column int, p policy.Problem) {
	if len(c.problems) > maxProblems {
		return
	}
	if len(c.problems) == maxProblems {
		p = policy.Problem{Code: CodeProblems, Detail: "there are more problems than are listed", Fix: "solve these first"}
		line, column = c.doc.locate("")
	}
	p.Value = cutValue(p.Value)
	p.Path = printable(p.Path, maxPath)
	p.Detail = printable(p.Detail, maxText)
	if len(p.Fix) > maxText {
		p.Fix = "" // half of a thing to write is worse than none
	}
	p.Fix = printable(p.Fix, maxText)
	line, column = c.doc.place(line, column)
	c.problems = append(c.problems, Problem{
		Problem: p, File: c.doc.file, Document: c.doc.index, Line: line, Column: column,
	})
}

// addAt reports a problem by its path, unless an earlier phase covered it.
func (c *collector) addAt(p policy.Problem) {
	if c.covered(cut(p.Path, maxPath)) {
		return
	}
	line, column := c.doc.locate(p.Path)
	c.add(line, column, p)
}

// nextPhase makes what was reported so far cover its paths.
func (c *collector) nextPhase() {
	if c.earlier == nil {
		c.earlier = make(map[string]bool)
	}
	for i := range c.problems {
		c.earlier[c.problems[i].Path] = true
	}
}

// covered reports whether path, or a value around it, was reported by an earlier phase.
func (c *collector) covered(path string) bool {
	for path != "" {
		if c.earlier[path] {
			return true
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return false
}

// sorted returns the problems in document order.
func (c *collector) sorted() Problems {
	for i := range c.problems {
		c.problems[i].Tenant = c.id
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return c.problems
}

// Conflicts are the problems of records that cannot stand beside others.
func Conflicts(conflicts []tenant.Conflict) Problems {
	var problems Problems
	for _, c := range conflicts {
		problems = append(problems, ConflictProblem(c))
	}
	return problems
}

// ConflictProblem is the problem of the later of two records.
func ConflictProblem(c tenant.Conflict) Problem {
	p := Problem{Tenant: c.Later.ID()}
	if at := c.Later.Source(); at != nil {
		p.File, p.Document, p.Line, p.Column = at.File, at.Document, at.Line, at.Column
	}
	place := "the store"
	if at := c.First.Source(); at != nil {
		place = fmt.Sprintf("%s, line %d", at.File, at.Line)
	}
	if c.Host < 0 {
		p.Problem = policy.Problem{Path: "id", Value: c.Later.ID(), Code: CodeIDTaken, Detail: "the id belongs to the document in " + place}
		return p
	}
	p.Problem = policy.Problem{
		Path: element("hosts", c.Host), Value: c.Later.Hosts()[c.Host], Code: CodeHostTaken,
		Detail: "the host belongs to tenant " + c.First.ID() + " in " + place,
	}
	return p
}
