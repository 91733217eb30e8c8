package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/corsgate/corsgate/envoy"
)

// result is a comparison.
type result struct {
	// Go, System and Processors tell where it was measured.
	Go         string   `json:"go"`
	System     string   `json:"system"`
	Processors int      `json:"processors"`
	Socket     string   `json:"socket"`
	Workers    int      `json:"envoy_workers"`
	Requests   int      `json:"requests_at_once"`
	Limits     []limit  `json:"limits"`
	Samples    []sample `json:"samples"`
	// Latencies are those at a fixed rate.
	Latencies []latency `json:"latencies"`
}

// limit is a ratio that must hold: the median over the rounds of both in the same round.
type limit struct {
	Name  string  `json:"name"`
	Ratio float64 `json:"ratio"`
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
	// Max is what it may be; Aim, when not 0, what it should be.
	Max float64 `json:"max"`
	Aim float64 `json:"aim,omitempty"`
}

func (l *limit) holds() bool { return l.Ratio <= l.Max }

func newResult(l *lab, samples []sample, latencies []latency) *result {
	res := &result{
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(),
		Socket: l.socket, Workers: l.workers, Requests: l.connections, Samples: samples, Latencies: latencies,
	}
	server := func(s *sample) float64 { return s.Server }
	proxy := func(s *sample) float64 { return s.Envoy }
	type row struct {
		name, kind, ours, theirs string
		figure                   func(*sample) float64
		limit, aim               float64
	}
	c, a := string(envoy.Metadata), string(envoy.TwoCallbacks)
	rows := []row{
		{"server CPU, actual allowed in C", "actual allowed", c, c, server, 0.85, 0.75},
		{"server CPU, actual denied in C", "actual denied", c, c, server, 0.85, 0.75},
		{"server CPU, preflight in C", "preflight", c, c, server, 0.80, 0.70},
		{"server CPU, actual allowed in A", "actual allowed", a, a, server, 0.90, 0.80},
		{"Envoy CPU, no Origin in C, against plain", "no Origin", c, "", proxy, 1.05, 0},
	}
	for _, r := range rows {
		theirs := typedServer + ", " + r.theirs
		if r.theirs == "" {
			theirs = "plain Envoy"
		}
		res.addLimit(r.name, each(samples, corsgateServer+", "+r.ours, r.kind, r.figure), each(samples, theirs, r.kind, r.figure), r.limit, r.aim)
	}
	p99 := func(s *latency) float64 { return s.P99 }
	for _, r := range []struct{ kind, design string }{{"actual allowed", c}, {"preflight", c}, {"actual allowed", a}} {
		res.addLimit(fmt.Sprintf("p99 at half the rate, %s in %s", r.kind, strings.ToUpper(r.design)),
			eachLatency(latencies, corsgateServer+", "+r.design, r.kind, p99), eachLatency(latencies, typedServer+", "+r.design, r.kind, p99), 1.1, 0)
	}
	if n := each(samples, corsgateServer+", "+c, "no Origin", func(s *sample) float64 { return s.Streams }); len(n) > 0 {
		res.Limits = append(res.Limits, limit{Name: "calls a request, no Origin in C", Ratio: median(n), Least: slices.Min(n), Most: slices.Max(n)})
	}
	return res
}

// addLimit compares two figures round by round; nothing is compared with a contender that was left out.
func (res *result) addLimit(name string, ours, theirs []float64, most, aim float64) {
	if len(ours) == 0 || len(ours) != len(theirs) || theirs[0] == 0 {
		return
	}
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	res.Limits = append(res.Limits, limit{
		Name: name, Ratio: median(ratios), Least: slices.Min(ratios), Most: slices.Max(ratios), Max: most, Aim: aim,
	})
}

func (res *result) held() bool {
	return !slices.ContainsFunc(res.Limits, func(l limit) bool { return !l.holds() })
}

// print writes a table for each kind of request, and one of the limits.
func (res *result) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, k := range kinds() {
		fmt.Fprintf(w, "%s\tEnvoy µs\t×plain\tserver µs\t×typed\tcalls\treq/s\tp50 µs\tp99 µs\t\n", k.name)
		for _, c := range contenders() {
			get := func(f func(*sample) float64) []float64 { return each(res.Samples, c.name, k.name, f) }
			proxy := get(func(s *sample) float64 { return s.Envoy })
			if len(proxy) == 0 {
				continue
			}
			server := get(func(s *sample) float64 { return s.Server })
			typed := each(res.Samples, c.rival(), k.name, func(s *sample) float64 { return s.Server })
			fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.1f\t%s\t%.2f\t%.0f\t%.0f\t%.0f\t\n", c.name,
				median(proxy), over(proxy, each(res.Samples, "plain Envoy", k.name, func(s *sample) float64 { return s.Envoy })),
				median(server), spread(server, typed),
				median(get(func(s *sample) float64 { return s.Streams })), median(get(func(s *sample) float64 { return s.PerSecond })),
				median(eachLatency(res.Latencies, c.name, k.name, func(s *latency) float64 { return s.P50 })),
				median(eachLatency(res.Latencies, c.name, k.name, func(s *latency) float64 { return s.P99 })))
		}
		fmt.Fprintln(w, "\t\t\t\t\t\t\t\t\t")
	}
	_ = w.Flush()
	printLimits(out, res.Limits)
}

func printLimits(out io.Writer, limits []limit) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "must hold\tmedian\tspread\tlimit\taim\t")
	for _, l := range limits {
		mark, aim := "holds", "-"
		if !l.holds() {
			mark = "BROKEN"
		}
		if l.Aim > 0 {
			aim = fmt.Sprintf("%.2f", l.Aim)
		}
		fmt.Fprintf(w, "%s\t%.3f\t%.3f–%.3f\t%.2f\t%s\t%s\n", l.Name, l.Ratio, l.Least, l.Most, l.Max, aim, mark)
	}
	_ = w.Flush()
}

// over is the median of the ratios of each round, 0 where there is nothing to divide by.
func over(ours, theirs []float64) float64 {
	if len(ours) != len(theirs) {
		return 0
	}
	ratios := make([]float64, len(ours))
	for i := range ours {
		if theirs[i] == 0 {
			return 0
		}
		ratios[i] = ours[i] / theirs[i]
	}
	return median(ratios)
}

// spread is a ratio as a table shows it.
func spread(ours, theirs []float64) string {
	if r := over(ours, theirs); r > 0 {
		return fmt.Sprintf("%.2f", r)
	}
	return "-"
}

// write writes the files that were asked for.
func (l *lab) write(res *result) {
	if l.json != "" {
		text, err := json.MarshalIndent(res, "", " ")
		l.check(err, "encoding the result")
		l.check(os.WriteFile(l.json, append(text, '\n'), 0o600), "writing the result")
	}
	if l.svg != "" {
		l.check(os.WriteFile(l.svg, []byte(res.plot()), 0o600), "writing the plot")
	}
}
