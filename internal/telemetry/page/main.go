// Command page writes docs/metrics.md, the list of all metrics, from the catalogue that the instruments are made of.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/corsgate/corsgate/internal/telemetry"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	if err := errors.Join(write(out), out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "writing the page:", err)
	}
}

const head = `<!-- Written by "make generate" from internal/telemetry; do not edit. -->

# Metrics

` + "`GET /metrics` on `--admin-listen`, for Prometheus, and the same by OTLP where the variables of OpenTelemetry name a collector ([telemetry.md](telemetry.md))." + `
A process has at most %d series, whatever it is asked: labels are closed sets. Series that alerts need are there from the start, at 0. The
tiers are those of ` + "`--tenant-tier`" + `, here the default ones. With tenants in files there are no metrics of the store.

| metric | OpenTelemetry | kind | labels | most sets | what it says |
|---|---|---|---|---|---|
`

// write is the whole page.
func write(w io.Writer) error {
	list, most := telemetry.Catalogue(telemetry.DefaultTiers()), 0
	for i := range list {
		most += list[i].Series()
	}
	if _, err := fmt.Fprintf(w, head, most); err != nil {
		return err
	}
	for i := range list {
		m := &list[i]
		if _, err := fmt.Fprintf(w, "| `%s` | `%s` | %s | %s | %d | %s |\n", m.Prometheus(), m.Name, m.Kind, labels(m), m.Most, m.Help); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(w, "\nHistograms have these upper bounds, in seconds, and `+Inf`:\n\n")
	for i := range list {
		if m := &list[i]; err == nil && m.Kind == telemetry.Histogram {
			_, err = fmt.Fprintf(w, "- `%s`: %s\n", m.Prometheus(), bounds(m.Bounds))
		}
	}
	return err
}

func labels(m *telemetry.Metric) string {
	var parts []string
	for _, l := range m.Labels {
		switch {
		case l.Values == nil:
			parts = append(parts, "`"+l.Prometheus()+"`")
		case len(l.Values) > 12:
			parts = append(parts, "`"+l.Prometheus()+"`: [any reason](rules.md)")
		default:
			parts = append(parts, "`"+l.Prometheus()+"`: "+strings.Join(l.Values, ", "))
		}
	}
	return strings.Join(parts, "<br>")
}

func bounds(list []float64) string {
	parts := make([]string, len(list))
	for i, b := range list {
		parts[i] = strconv.FormatFloat(b, 'g', -1, 64)
	}
	return strings.Join(parts, ", ")
}
