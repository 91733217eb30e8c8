package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// labelWidth is the width of the left column.
const labelWidth = 10

// text writes e for people: one labelled block after the other.
func (e *explanation) text(w io.Writer) error {
	var b blocks
	e.requestText(&b)
	e.tenantText(&b)
	e.decisionText(&b)
	for i, near := range e.Near {
		b.line(first(i, "near miss"), fmt.Sprintf("%s  (%s)", quoted(near.Entry), near.Kind))
		b.line("", near.Hint)
	}
	for i, reading := range e.Readings {
		reading.text(&b, i)
	}
	e.answerText(&b)
	for i, note := range e.Notes {
		b.line(first(i, "browsers"), note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (e *explanation) requestText(b *blocks) {
	r := &e.Request
	b.line("request", fmt.Sprintf("%s %s://%s%s", quoted(r.Method), r.Scheme, quoted(r.Host), quoted(r.Path)))
	if r.Origin != "" {
		b.line("", "from "+quoted(r.Origin))
	}
	if r.RequestMethod != "" {
		asks := "asks for " + quoted(r.RequestMethod)
		if len(r.RequestHeaders) > 0 {
			asks += " with " + quoted(strings.Join(r.RequestHeaders, ", "))
		}
		b.line("", asks)
	}
}

func (e *explanation) tenantText(b *blocks) {
	t := e.Tenant
	if t == nil {
		b.line("tenant", "none ("+e.Freshness+")")
		return
	}
	how := "named by --tenant"
	if t.Host != "" {
		how = "by host " + t.Host
	}
	b.line("tenant", fmt.Sprintf("%s, %s, in %s", t.ID, how, t.File))
	p := e.Policy
	if p == nil {
		return
	}
	where := p.Path
	if p.Prefix != "" {
		where += ", for paths below " + p.Prefix
	} else {
		where += ", for every path without a route"
	}
	b.line("policy", where)
	switch {
	case p.Shadow != "":
		b.line("", "the candidate: "+strings.ReplaceAll(p.Shadow, "_", " "))
	case p.Variant == "candidate":
		b.line("", "the candidate decides for this origin")
	}
}

func (e *explanation) decisionText(b *blocks) {
	d := &e.Decision
	b.line("decision", fmt.Sprintf("%s  %s  (%s)", strings.ToUpper(d.Outcome), d.Reason, d.Kind))
	if d.Entry != "" {
		b.line("", "matched by "+quoted(d.Entry))
	}
	if d.Subject != "" && d.Subject != e.Request.Origin {
		b.line("", d.Text+": "+quoted(d.Subject))
	} else {
		b.line("", d.Text)
	}
	if d.Rule != "" {
		b.line("", "docs/rules.md, "+d.Rule)
	}
}

// text says which policy the path has as it is written, and which one as it can be read.
func (r *explainedPath) text(b *blocks, i int) {
	if r.Path != "" {
		how := "as written"
		if i > 0 {
			how = "as it can be read"
		}
		b.line(first(i, "path"), fmt.Sprintf("%s  %s: %s", quoted(r.Path), how, r.Policy))
	}
	if r.Fault != "" {
		b.line("", r.Fault)
	}
}

func (e *explanation) answerText(b *blocks) {
	a := &e.Answer
	if a.Status != 0 {
		b.line("reply", strconv.Itoa(a.Status)+" from the gateway; the application is not asked")
	} else if len(a.Set)+len(a.Remove) == 0 {
		b.line("response", "the application's, untouched")
	} else {
		b.line("response", "the application's, with these headers")
	}
	for _, h := range a.Set {
		b.line("", "  "+h.Name+": "+quoted(h.Value))
	}
	if len(a.Remove) > 0 {
		b.line("", "  without any other "+strings.Join(commonStarts(a.Remove), ", "))
	}
}

// commonStarts shortens a list of header names to "access-control-*" and the rest.
func commonStarts(names []string) []string {
	var short []string
	for _, name := range names {
		if strings.HasPrefix(name, "access-control-") {
			name = "access-control-*"
		}
		if !slices.Contains(short, name) {
			short = append(short, name)
		}
	}
	return short
}

// blocks are lines with a label column.
type blocks struct{ strings.Builder }

func (b *blocks) line(label, text string) {
	fmt.Fprintf(b, "%-*s %s\n", labelWidth, label, text)
}

// first is the label of the first line of a block and blank for the others.
func first(i int, label string) string {
	if i == 0 {
		return label
	}
	return ""
}

// quoted is text as it is, or in Go's quoting when it holds anything that could
// steer a terminal.
func quoted(text string) string {
	for _, c := range text {
		if !unicode.IsPrint(c) {
			return strconv.Quote(text)
		}
	}
	return text
}
