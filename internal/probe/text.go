package probe

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Text writes r for people: a grid of the cases, then what is wrong and how to see it again.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	for i := range r.Targets {
		r.Targets[i].grid(&b)
	}
	for i := range r.Targets {
		t, of := &r.Targets[i], ""
		if len(r.Targets) > 1 {
			of = " of " + printable(t.Name)
		}
		for j := range t.Cases {
			if t.Error == "" { // which has said it for all
				t.Cases[j].details(&b, of)
			}
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d could not be asked, %d skipped\n", r.Counts.Pass, r.Counts.Fail, r.Counts.Unasked, r.Counts.Skip)
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *TargetReport) grid(b *strings.Builder) {
	b.WriteString(printable(t.URL))
	if t.Name != t.URL {
		b.WriteString("  (" + printable(t.Name) + ")")
	}
	b.WriteByte('\n')
	if t.Direct != "" {
		fmt.Fprintf(b, "  direct    %s\n", printable(t.Direct))
	}
	if t.Error != "" {
		fmt.Fprintf(b, "  %s\n\n", t.Error)
		return
	}
	fmt.Fprintf(b, "  expected  %s\n", t.Expected)
	for _, row := range t.rows() {
		var line strings.Builder
		fmt.Fprintf(&line, "  %-24s", row[0].Case)
		note := ""
		for _, c := range row {
			fmt.Fprintf(&line, "%-16s", string(c.Path)+" "+c.word())
			if c.Verdict == Skip {
				note = c.Reason
			}
			if p := c.Propagation; p != nil && c.Verdict == Pass {
				note = fmt.Sprintf("allowed after %.2fs, denied after %.2fs", p.Allow, p.Revoke)
			}
		}
		b.WriteString(strings.TrimRight(line.String()+note, " ") + "\n")
	}
	b.WriteByte('\n')
}

// rows are the cases, each with its paths.
func (t *TargetReport) rows() [][]*CaseReport {
	var rows [][]*CaseReport
	for i := range t.Cases {
		c := &t.Cases[i]
		if n := len(rows); n > 0 && rows[n-1][0].Case == c.Case {
			rows[n-1] = append(rows[n-1], c)
			continue
		}
		rows = append(rows, []*CaseReport{c})
	}
	return rows
}

func (c *CaseReport) word() string {
	switch c.Verdict {
	case Pass:
		return "ok"
	case Fail:
		return "WRONG"
	case Unasked:
		return "NO ANSWER"
	default:
		return "-"
	}
}

// shownFindings is how many of a case are shown; the rest is much the same.
const shownFindings = 6

// details are about a case that went wrong, or in which the paths differ.
func (c *CaseReport) details(b *strings.Builder, of string) {
	failed := c.Verdict == Fail || c.Verdict == Unasked
	if !failed && len(c.Differences) == 0 {
		return
	}
	fmt.Fprintf(b, "%s%s, %s: %s", c.Case, of, c.Path, c.word())
	if c.Reason != "" && c.Verdict != Skip {
		b.WriteString("  " + c.Reason)
	}
	if len(c.Findings) > 0 {
		fmt.Fprintf(b, " in %s", seconds(c.Duration))
	}
	b.WriteByte('\n')
	last := ""
	for i, f := range c.Findings {
		if i == shownFindings {
			fmt.Fprintf(b, "  and %d more\n", len(c.Findings)-i)
			break
		}
		if f.Request != last {
			fmt.Fprintf(b, "  %s\n", f.Request)
		}
		fmt.Fprintf(b, "    want  %s  (%s)\n    got   %s\n", f.Want, f.Rule, f.Got)
		if next := i + 1; next == len(c.Findings) || next == shownFindings || c.Findings[next].Request != f.Request {
			fmt.Fprintf(b, "    %s\n", f.Curl)
		}
		last = f.Request
	}
	for i, d := range c.Differences {
		if i == shownFindings {
			fmt.Fprintf(b, "  and %d more differences\n", len(c.Differences)-i)
			break
		}
		fmt.Fprintf(b, "  differs in %s: direct %s, edge %s\n    %s\n", d.Header, orAbsent(d.Direct), orAbsent(d.Edge), d.Request)
	}
	b.WriteByte('\n')
}

func orAbsent(value string) string {
	if value == "" {
		return "none"
	}
	return fmt.Sprintf("%q", value)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Microsecond).String()
}
