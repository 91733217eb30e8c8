package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/internal/wording"
	"github.com/corsgate/corsgate/tenant/document"
)

// Severity says what a finding does to the exit code.
type Severity string

// The severities; the words are also SARIF levels.
const (
	// Error keeps a document from being used.
	Error Severity = "error"
	// Warning is legal but risky.
	Warning Severity = "warning"
)

// Finding is one thing to look at, and where it stands.
type Finding struct {
	document.Problem
	Severity Severity
}

// Report is everything that was found.
type Report struct {
	// Files and Tenants are how many were looked at.
	Files, Tenants int
	Findings       []Finding
}

// Add appends problems with one severity.
func (r *Report) Add(severity Severity, problems document.Problems) {
	for _, p := range problems {
		r.Findings = append(r.Findings, Finding{Problem: p, Severity: severity})
	}
}

// Sort brings the findings into the order of the files.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path),
		)
	})
}

// Count is the number of findings of a severity.
func (r *Report) Count(severity Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// Text writes one finding on a line as compilers do, its fix below it, and a summary.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s: %s [%s]\n", f.place(), f.Severity, f.message(), f.Code)
		if f.Fix != "" {
			fmt.Fprintf(&b, "    fix: %s\n", wording.Printable(f.Fix))
		}
	}
	fmt.Fprintf(&b, "%s in %s: %s, %s\n", wording.Count(r.Tenants, "tenant"), wording.Count(r.Files, "file"),
		wording.Count(r.Count(Error), "error"), wording.Count(r.Count(Warning), "warning"))
	_, err := io.WriteString(w, b.String())
	return err
}

// place is "file:line:column", as far as it is known.
func (f *Finding) place() string {
	place := wording.Printable(f.File)
	if f.Line > 0 {
		place += fmt.Sprintf(":%d", f.Line)
		if f.Column > 0 {
			place += fmt.Sprintf(":%d", f.Column)
		}
	}
	return place
}

// message is the finding in one sentence: field, value, what is wrong.
func (f *Finding) message() string {
	var b strings.Builder
	if f.Path != "" {
		b.WriteString(wording.Printable(f.Path) + ": ")
	}
	if f.Value != "" {
		fmt.Fprintf(&b, "%q: ", f.Value)
	}
	b.WriteString(wording.Printable(f.Detail))
	return b.String()
}

// jsonFinding is the public form of a [Finding].
type jsonFinding struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Tenant   string   `json:"tenant,omitempty"`
	Path     string   `json:"path,omitempty"`
	Value    string   `json:"value,omitempty"`
	Code     string   `json:"code"`
	Detail   string   `json:"detail"`
	Fix      string   `json:"fix,omitempty"`
}

// JSON writes one object with counts and the list of findings.
func (r *Report) JSON(w io.Writer) error {
	findings := make([]jsonFinding, len(r.Findings))
	for i, f := range r.Findings {
		findings[i] = jsonFinding{
			Severity: f.Severity, File: f.File, Line: f.Line, Column: f.Column, Tenant: f.Tenant,
			Path: f.Path, Value: f.Value, Code: string(f.Code), Detail: f.Detail, Fix: f.Fix,
		}
	}
	return encode(w, struct {
		Files    int           `json:"files"`
		Tenants  int           `json:"tenants"`
		Errors   int           `json:"errors"`
		Warnings int           `json:"warnings"`
		Findings []jsonFinding `json:"findings"`
	}{r.Files, r.Tenants, r.Count(Error), r.Count(Warning), findings})
}

func encode(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
