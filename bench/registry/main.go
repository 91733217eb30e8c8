// Command registry measures what tenants in Redis cost: a real redis-server, the
// real client, replica and on-demand registry, one table with the limit beside each figure. It exits
// with 1 when a limit is not held.
//
//	go run ./bench/registry [-quick] [-json FILE] [name...]
//
// Figures of time depend on the machine and on what else it does; ratios and
// counts do not.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
)

// figure is one line of the table.
type figure struct {
	Part  string  `json:"part"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Limit is the largest value that holds; negative when there is none.
	Limit float64 `json:"limit"`
}

func (f figure) holds() bool { return f.Limit < 0 || f.Value <= f.Limit }

// bench collects figures.
type bench struct {
	ctx     context.Context
	tb      redistest.TB
	quick   bool
	part    string
	figures []figure
}

// report adds a figure; a negative limit is none.
func (b *bench) report(name string, value float64, unit string, limit float64) {
	f := figure{Part: b.part, Name: name, Value: value, Unit: unit, Limit: limit}
	b.figures = append(b.figures, f)
	fmt.Fprintf(os.Stderr, "  %-58s %12.2f %s\n", name, value, unit)
}

// check ends the part when something failed that has nothing to do with speed.
func (b *bench) check(err error, what string) {
	if err != nil {
		b.tb.Fatalf("%s: %v", what, err)
	}
}

type part struct {
	name string
	run  func(*bench)
}

func parts() []part {
	return []part{
		{"lookup", lookups},
		{"propagation", propagation},
		{"faults", faults},
		{"herd", herd},
		{"flood", flood},
		{"writers", writers},
		{"idle", idle},
		{"merge", merging},
		{"stream", stream},
		{"size", size},
		{"texts", texts},
		{"ondemand", onDemand},
	}
}

func main() { os.Exit(run()) }

func run() int {
	if len(os.Args) > 2 && os.Args[1] == childCommand {
		return child(os.Args[2:])
	}
	quick := flag.Bool("quick", false, "a tenth of the work: shows that it runs, not what it costs")
	out := flag.String("json", "", "write the figures to `FILE`, too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{ctx: ctx, quick: *quick}
	failed := false
	for _, p := range parts() {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), p.name) {
			continue
		}
		b.part = p.name
		began := time.Now()
		fmt.Fprintf(os.Stderr, "%s\n", p.name)
		if err := redistest.Run(ctx, func(tb redistest.TB) { b.tb = tb; p.run(b) }); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", p.name, err)
			failed = true
		}
		fmt.Fprintf(os.Stderr, "  took %s\n", time.Since(began).Round(time.Millisecond))
	}
	b.table()
	if *out != "" {
		text, err := json.MarshalIndent(b.figures, "", "  ")
		if err == nil {
			err = os.WriteFile(*out, append(text, '\n'), 0o600)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if failed || slices.ContainsFunc(b.figures, func(f figure) bool { return !f.holds() }) {
		return 1
	}
	return 0
}

func (b *bench) table() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "part\tfigure\tvalue\tlimit\t")
	for _, f := range b.figures {
		limit, mark := "-", ""
		if f.Limit >= 0 {
			limit, mark = fmt.Sprintf("%.6g", f.Limit), "holds"
			if !f.holds() {
				mark = "BROKEN"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%.4g %s\t%s\t%s\n", f.Part, f.Name, f.Value, f.Unit, limit, mark)
	}
	_ = w.Flush()
}
