package probe

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// cell is a series of a case: the closed labels of a target's results. Of several targets the worst counts, for no label
// names a host.
type cell struct {
	name Name
	path Path
}

// Prometheus writes r in the text format of Prometheus, without time stamps. A case that was skipped has no series.
func (r *Report) Prometheus(w io.Writer) error {
	success, duration, unasked := map[cell]bool{}, map[cell]float64{}, map[Path]int{Edge: 0}
	var spread *Propagated
	for _, t := range r.Targets {
		for i := range t.Cases {
			c := &t.Cases[i]
			at := cell{c.Case, c.Path}
			if c.Verdict == Skip {
				continue
			}
			before, seen := success[at]
			success[at] = c.Verdict == Pass && (before || !seen)
			if c.Duration > 0 { // there was an answer
				duration[at] = max(duration[at], c.Duration)
			}
			if c.Verdict == Unasked {
				unasked[c.Path]++
			}
			if c.Propagation != nil {
				spread = c.Propagation
			}
		}
	}
	var b strings.Builder
	gauge := func(name, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name) }
	each := func(put func(at cell, labels string)) {
		for _, c := range Cases() {
			for _, path := range []Path{Direct, Edge} {
				if _, ok := success[cell{c.Name, path}]; ok {
					put(cell{c.Name, path}, fmt.Sprintf(`{cors_probe_case=%q,cors_probe_path=%q}`, c.Name, path))
				}
			}
		}
	}
	gauge("cors_probe_success", "1 if every answer of the case was right, 0 if one was wrong or could not be had.")
	each(func(at cell, labels string) {
		fmt.Fprintf(&b, "cors_probe_success%s %s\n", labels, map[bool]string{true: "1", false: "0"}[success[at]])
	})
	gauge("cors_probe_duration_seconds", "Time of the first request of the case, with its connection; of propagation, of the whole.")
	each(func(at cell, labels string) {
		if d, ok := duration[at]; ok {
			fmt.Fprintf(&b, "cors_probe_duration_seconds%s %s\n", labels, number(d))
		}
	})
	gauge("cors_probe_unanswered", "Cases that could not be asked, so that nothing is known of their CORS.")
	for _, path := range []Path{Direct, Edge} {
		if n, ok := unasked[path]; ok {
			fmt.Fprintf(&b, "cors_probe_unanswered{cors_probe_path=%q} %d\n", path, n)
		}
	}
	if spread != nil {
		gauge("cors_probe_propagation_seconds", "Time from a change of the registry until the edge obeyed, or the bound if it did not.")
		fmt.Fprintf(&b, "cors_probe_propagation_seconds{cors_probe_change=\"allow\"} %s\n", number(spread.Allow))
		fmt.Fprintf(&b, "cors_probe_propagation_seconds{cors_probe_change=\"revoke\"} %s\n", number(spread.Revoke))
	}
	gauge("cors_probe_last_run_timestamp_seconds", "When the last run began, in Unix time.")
	fmt.Fprintf(&b, "cors_probe_last_run_timestamp_seconds %d\n", r.At.Unix())
	_, err := io.WriteString(w, b.String())
	return err
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
