package migrate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/corsgate/corsgate/internal/wording"
)

// Count is the number of differences with an effect, those of the sources as such left out.
func (r *Result) Count(e Effect) int {
	n := 0
	for i := range r.Differences {
		if r.Differences[i].Effect == e {
			n++
		}
	}
	return n
}

// Text writes the report for people: one difference a line, and a summary.
func (r *Result) Text(w io.Writer) error {
	var out bytes.Buffer
	for i := range r.Differences {
		d := &r.Differences[i]
		fmt.Fprintf(&out, "%s: %s", d.place(), d.Effect)
		if d.Value != "" {
			fmt.Fprintf(&out, ": %q", d.Value)
		}
		fmt.Fprintf(&out, ": %s [%s]\n", wording.Printable(d.Detail), d.Code)
		if d.Fix != "" {
			fmt.Fprintf(&out, "    fix: %s\n", wording.Printable(d.Fix))
		}
	}
	if len(r.General) > 0 {
		fmt.Fprintf(&out, "everywhere, compared with %s:\n", strings.Join(r.Sources, " and "))
		for i := range r.General {
			fmt.Fprintf(&out, "  %s: %s [%s]\n", r.General[i].Effect, r.General[i].Detail, r.General[i].Code)
		}
	}
	fmt.Fprintf(&out, "%s; differences: %d narrower, %d changed, %d ignored\n",
		wording.Count(len(r.Documents), "tenant"), r.Count(Narrower), r.Count(Changed), r.Count(Ignored))
	_, err := w.Write(out.Bytes())
	return err
}

// place is where the difference is in the source.
func (d *Difference) place() string {
	var parts []string
	for _, part := range []string{d.File, d.Object, d.Field} {
		if part != "" {
			parts = append(parts, wording.Printable(part))
		}
	}
	return strings.Join(parts, ": ")
}

// JSON writes the report for programs.
func (r *Result) JSON(w io.Writer) error {
	tenants := make([]string, len(r.Documents))
	for i, d := range r.Documents {
		tenants[i] = d.GetId()
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Tenants  []string       `json:"tenants"`
		Sources  []string       `json:"sources"`
		Counts   map[Effect]int `json:"counts"`
		Findings []Difference   `json:"differences"`
		General  []Difference   `json:"general"`
	}{
		tenants, orEmpty(r.Sources),
		map[Effect]int{Narrower: r.Count(Narrower), Changed: r.Count(Changed), Ignored: r.Count(Ignored)},
		orEmpty(r.Differences), orEmpty(r.General),
	})
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
