package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/corsgate/corsgate/tenant/store"
)

// auditOutput writes findings as they come, and counts them.
type auditOutput struct {
	w       *bufio.Writer
	format  string
	rec     recording
	audited int
	unread  []string // tenants that cannot be used
	entries map[finding]int
	tenants map[finding]int
}

func newAuditOutput(w io.Writer, format string, rec recording) *auditOutput {
	return &auditOutput{
		w: bufio.NewWriter(w), format: format, rec: rec,
		entries: make(map[finding]int), tenants: make(map[finding]int),
	}
}

// broken notes a tenant whose document cannot be used.
func (o *auditOutput) broken(id string) { o.unread = append(o.unread, id) }

// tenant writes what was found about one.
func (o *auditOutput) tenant(a *audited) error {
	o.audited++
	seen := make(map[finding]bool)
	count := func(f finding) {
		o.entries[f]++
		if !seen[f] {
			seen[f] = true
			o.tenants[f]++
		}
	}
	for i := range a.rows {
		row := &a.rows[i]
		count(row.Finding)
		if row.Finding == unused90 {
			count(unused30)
		}
		if err := o.row(row); err != nil {
			return err
		}
	}
	return nil
}

func (o *auditOutput) row(r *auditRow) error {
	switch o.format {
	case "json":
		return o.json(r)
	case "text":
		line := fmt.Sprintf("%-24s  %-10s  %-40s  %s", r.Tenant, r.Finding, r.Entry, r.Detail)
		_, err := o.w.WriteString(strings.ReplaceAll(plainText(line), "\n", " ") + "\n")
		return err
	default:
		return nil
	}
}

func (o *auditOutput) json(v any) error {
	encoder := json.NewEncoder(o.w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// knows reports whether the numbers of a finding mean something: nothing can be unused for longer than
// uses are recorded.
func (o *auditOutput) knows(f finding) bool {
	switch f {
	case unused30:
		return o.rec.on && o.rec.today-o.rec.since >= 30
	case unused90:
		return o.rec.on && o.rec.today-o.rec.since >= auditDays
	default:
		return true
	}
}

// end writes the sums.
func (o *auditOutput) end() error {
	var err error
	switch o.format {
	case "json":
		err = o.json(o.summary())
	case "text":
		err = o.sums()
	default:
		err = o.metrics()
	}
	if err != nil {
		return err
	}
	return o.w.Flush()
}

// auditSummary is the last object of JSON.
type auditSummary struct {
	Summary struct {
		Tenants int `json:"tenants"`
		// Entries and Affected count, by finding, entries and the tenants that have them.
		Entries  map[finding]int `json:"entries"`
		Affected map[finding]int `json:"affected_tenants"`
		Broken   []string        `json:"broken,omitempty"`
		// Since is the day from which on uses are known without a gap; "" when they are not.
		Since string `json:"uses_recorded_since,omitempty"`
	} `json:"summary"`
}

func (o *auditOutput) summary() auditSummary {
	var s auditSummary
	s.Summary.Tenants, s.Summary.Broken = o.audited, o.unread
	s.Summary.Entries, s.Summary.Affected = make(map[finding]int), make(map[finding]int)
	for _, f := range auditFindings() {
		if o.knows(f.name) {
			s.Summary.Entries[f.name], s.Summary.Affected[f.name] = o.entries[f.name], o.tenants[f.name]
		}
	}
	if o.rec.on {
		s.Summary.Since = o.rec.since.String()
	}
	return s
}

func (o *auditOutput) sums() error {
	var b strings.Builder
	fmt.Fprintf(&b, "tenants audited: %d\nFINDING     ENTRIES  TENANTS\n", o.audited)
	for _, f := range auditFindings() {
		if o.knows(f.name) {
			fmt.Fprintf(&b, "%-10s  %7d  %7d\n", f.name, o.entries[f.name], o.tenants[f.name])
		}
	}
	if len(o.unread) > 0 {
		fmt.Fprintf(&b, "documents that cannot be used: %d, for example of %s\n", len(o.unread), o.unread[0])
	}
	switch {
	case !o.rec.on:
		b.WriteString("Which entries are unused is not known: serving processes record it with --record-usage.\n")
	case !o.knows(unused90):
		fmt.Fprintf(&b, "Uses are known as of %s, so nothing is unused for %d days yet.\n", o.rec.since, o.unknowable())
	}
	_, err := o.w.WriteString(b.String())
	return err
}

// unknowable is the shorter one of the spans that are longer than uses are recorded.
func (o *auditOutput) unknowable() store.Day {
	if o.knows(unused30) {
		return auditDays
	}
	return 30
}

// metrics writes Prometheus' text format, for the textfile collector of a node exporter or a push gateway.
func (o *auditOutput) metrics() error {
	var b strings.Builder
	for _, m := range []struct {
		name, help string
		values     map[finding]int
	}{
		{"cors_audit_entries", "Entries of tenants by what an audit found about them.", o.entries},
		{"cors_audit_tenants", "Tenants with such entries.", o.tenants},
	} {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", m.name, m.help, m.name)
		for _, f := range auditFindings() {
			if o.knows(f.name) {
				fmt.Fprintf(&b, "%s{cors_audit_finding=%q} %d\n", m.name, f.name, m.values[f.name])
			}
		}
	}
	_, err := o.w.WriteString(b.String())
	return err
}
