// Command telemetry measures what metrics, unsampled tracing and the decision log cost the server: the processor time of
// a decision with all of it on against that with nothing, in interleaved rounds of one run. Each side is a process
// of its own, so that the operating system's accounting tells them apart; this program plays Envoy.
// It ends with exit code 1 when the ratio is above the limit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"
)

// limit is the most that telemetry may cost, in percent of the server's processor time.
const limit = 5

// settings of a run.
type settings struct {
	rounds, requests, lanes int
	percent                 float64
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		exit(serve(os.Args[2] == "on"))
	}
	var s settings
	flag.IntVar(&s.rounds, "rounds", 9, "rounds of each side")
	flag.IntVar(&s.requests, "requests", 20_000, "requests a round")
	flag.IntVar(&s.lanes, "lanes", 16, "requests at once")
	flag.Float64Var(&s.percent, "limit", limit, "most that telemetry may cost, in percent; 0 only tells")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(s.run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/telemetry:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run measures every kind of request and prints a line for each.
func (s settings) run(ctx context.Context) (err error) {
	sides := map[string]*side{}
	defer func() {
		for _, one := range sides {
			err = errors.Join(err, one.stop())
		}
	}()
	for _, name := range []string{"off", "on"} {
		one, err := start(ctx, name)
		if err != nil {
			return err
		}
		sides[name] = one
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "request\toff µs\ton µs\tratio (median of pairs)\tspread")
	worst := 0.0
	for _, kind := range kinds() {
		off, on, ratios, err := s.compare(ctx, sides, kind)
		if err != nil {
			return err
		}
		ratio := median(ratios)
		worst = max(worst, ratio)
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.3f\t%.3f–%.3f\n", kind.name, median(off), median(on), ratio, slices.Min(ratios), slices.Max(ratios))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Printf("\nserver CPU a request; %d pairs of rounds of %d requests, %d at once, each in an unsampled trace, /metrics scraped every 5 s\n",
		s.rounds, s.requests, s.lanes)
	if s.percent > 0 && worst > 1+s.percent/100 {
		return fmt.Errorf("telemetry costs %.1f %%, more than %.0f %%", 100*(worst-1), s.percent)
	}
	return nil
}

// compare runs pairs of rounds, each side first in turn, after one pair that warms both up.
func (s settings) compare(ctx context.Context, sides map[string]*side, kind kind) (off, on, ratios []float64, err error) {
	for round := range s.rounds + 1 {
		order := []string{"off", "on"}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		cost := map[string]float64{}
		for _, name := range order {
			used, err := sides[name].round(ctx, kind, s)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("%s with telemetry %s: %w", kind.name, name, err)
			}
			cost[name] = float64(used) / float64(time.Microsecond) / float64(s.requests)
		}
		if round == 0 {
			continue
		}
		off, on = append(off, cost["off"]), append(on, cost["on"])
		ratios = append(ratios, cost["on"]/cost["off"])
	}
	return off, on, ratios, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
