package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/envoy/lint"
	"github.com/corsgate/corsgate/internal/sarif"
	"github.com/corsgate/corsgate/internal/wording"
)

// lintPage is where each rule has a section.
const lintPage = "https://github.com/corsgate/corsgate/blob/main/docs/lint-envoy.md"

// lintReport writes what lint-envoy found.
type lintReport struct {
	target string
	result *lint.Result
	// hidden is how many notes are not shown.
	hidden int
}

// hideNotes leaves out notes that nothing asked for.
func (r *lintReport) hideNotes(s *lintSettings) {
	before := len(r.result.Findings)
	r.result.Findings = slices.DeleteFunc(r.result.Findings, func(f lint.Finding) bool {
		return f.Rule.Severity == lint.Note && !s.fails(&f)
	})
	r.hidden = before - len(r.result.Findings)
}

// text writes a finding on three lines, and a summary.
func (r *lintReport) text(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.result.Findings {
		fmt.Fprintf(&b, "%s: %s: %s [%s]\n", r.place(&f), f.Rule.Severity, wording.Printable(f.Rule.Title), f.Rule.ID)
		fmt.Fprintf(&b, "    at:  %s\n    why: %s\n    fix: %s\n", wording.Printable(place(&f)), wording.Printable(f.Detail), wording.Printable(f.Fix))
	}
	fmt.Fprintf(&b, "%s, %s, %s: %s, %s%s\n",
		wording.Count(r.result.Listeners, "listener"), wording.Count(r.result.Managers, "connection manager"), wording.Count(r.result.Calls, "call"),
		wording.Count(r.result.Count(lint.Error), "error"), wording.Count(r.result.Count(lint.Warning), "warning"), r.notes())
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *lintReport) notes() string {
	switch n := r.result.Count(lint.Note); {
	case n > 0:
		return ", " + wording.Count(n, "note")
	case r.hidden > 0:
		return ", " + wording.Count(r.hidden, "note") + " (--notes shows them)"
	default:
		return ""
	}
}

// place is "file:line", as far as it is known.
func (r *lintReport) place(f *lint.Finding) string {
	if f.Place.Line == 0 {
		return wording.Printable(r.target)
	}
	return fmt.Sprintf("%s:%d", wording.Printable(r.target), f.Place.Line)
}

// place is the name and path of where a finding stands.
func place(f *lint.Finding) string {
	out := f.Place.Name
	if f.Place.Path != "" {
		out += " (" + f.Place.Path + ")"
	}
	if f.More > 0 {
		out += fmt.Sprintf(" and %d more", f.More)
	}
	return out
}

// jsonLintFinding is the public form of a [lint.Finding].
type jsonLintFinding struct {
	Rule     lint.ID       `json:"rule"`
	Severity lint.Severity `json:"severity"`
	Title    string        `json:"title"`
	Place    string        `json:"place"`
	Path     string        `json:"path,omitempty"`
	Line     int           `json:"line,omitempty"`
	More     int           `json:"more,omitempty"`
	Detail   string        `json:"detail"`
	Fix      string        `json:"fix"`
	Help     string        `json:"help"`
}

func (r *lintReport) json(w io.Writer) error {
	findings := make([]jsonLintFinding, len(r.result.Findings))
	for i, f := range r.result.Findings {
		findings[i] = jsonLintFinding{
			Rule: f.Rule.ID, Severity: f.Rule.Severity, Title: f.Rule.Title, Place: f.Place.Name, Path: f.Place.Path,
			Line: f.Place.Line, More: f.More, Detail: f.Detail, Fix: f.Fix, Help: lintHelp(f.Rule.ID),
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Target    string            `json:"target"`
		Listeners int               `json:"listeners"`
		Managers  int               `json:"connection_managers"`
		Calls     int               `json:"calls"`
		Errors    int               `json:"errors"`
		Warnings  int               `json:"warnings"`
		Notes     int               `json:"notes"`
		Hidden    int               `json:"hidden_notes,omitempty"`
		Findings  []jsonLintFinding `json:"findings"`
	}{
		r.target, r.result.Listeners, r.result.Managers, r.result.Calls,
		r.result.Count(lint.Error), r.result.Count(lint.Warning), r.result.Count(lint.Note), r.hidden, findings,
	})
}

func lintHelp(id lint.ID) string { return lintPage + "#" + string(id) }

func (r *lintReport) sarif(w io.Writer) error {
	var rules []sarif.Rule
	for _, rule := range lint.Rules() {
		rules = append(rules, sarif.Rule{
			ID: string(rule.ID), Summary: rule.Title, Help: lintHelp(rule.ID), Level: sarif.Level(rule.Severity),
		})
	}
	results := make([]sarif.Result, len(r.result.Findings))
	for i, f := range r.result.Findings {
		results[i] = sarif.Result{
			Rule: string(f.Rule.ID), Level: sarif.Level(f.Rule.Severity),
			Message: wording.Printable(f.Place.Name + ": " + f.Detail + "; fix: " + f.Fix),
			URI:     r.uri(), Line: f.Place.Line, Logical: wording.Printable(f.Place.Path),
		}
	}
	return sarif.Write(w, rules, results)
}

// uri is where the configuration is.
func (r *lintReport) uri() string {
	switch {
	case lint.IsAdmin(r.target) && !strings.HasPrefix(r.target, "unix:"):
		return r.target
	case r.target == "-":
		return "stdin"
	default:
		return sarif.FileURI(strings.TrimPrefix(r.target, "unix:"))
	}
}
