// Command edge measures what a CORS decision costs in front of an application: the real Envoy with
// nothing, with its own CORS filter, with a list in Lua, with ext_proc servers that decide nothing,
// and with corsgate in its three designs, as operators run it: the built program, tenants in a real
// Redis, metrics and tracing on.
//
//	go run ./edge [-rounds 60] [-window 100ms] [-json FILE] [-svg FILE] [-check] [scale | soak | profile KIND]
//
// Without a word it compares; "scale" compares sizes of the registry; "soak" watches the heap
// under load; "profile" writes a CPU profile of the server. All contenders run at the same time and are measured in turn, round after
// round, so that a slow moment of the machine meets all of them: ratios within a round hold on a
// shared machine, microseconds do not. Each response is checked, since a fast wrong answer is none.
// -check exits with 1 when a limit is not held.
//
// Processor time is the operating system's, of each process as a whole. The application is a
// listener of the same Envoy, so its share is in every figure of Envoy.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
)

// settings are the flags.
type settings struct {
	rounds      int
	window      time.Duration
	connections int
	workers     int
	socket      string
	json, svg   string
	check       bool
	only, kinds string
	latency     int
	soakFor     time.Duration
	procs       int
	profile     string
	binary      string
}

func main() { os.Exit(run()) }

func run() int {
	if len(os.Args) == 4 && os.Args[1] == childCommand {
		return child(os.Args[2], os.Args[3])
	}
	var s settings
	flag.IntVar(&s.rounds, "rounds", 40, "rounds; limits are held against their medians")
	flag.DurationVar(&s.window, "window", 100*time.Millisecond, "how long each contender and kind is measured in a round")
	flag.IntVar(&s.connections, "connections", 16, "connections of the client, each with one request at a time")
	flag.IntVar(&s.workers, "workers", 1, "Envoy's workers; how the connections fall on several is luck")
	flag.StringVar(&s.socket, "socket", "tcp", "between Envoy and the servers: tcp or unix")
	flag.StringVar(&s.json, "json", "", "write all rounds to `FILE`")
	flag.StringVar(&s.svg, "svg", "", "write a plot to `FILE`")
	flag.BoolVar(&s.check, "check", false, "exit with 1 when a limit is not held")
	flag.StringVar(&s.only, "only", "", "contenders that match this regular expression")
	flag.StringVar(&s.kinds, "kinds", "", "kinds of requests that match this regular expression")
	flag.IntVar(&s.latency, "latency", 21, "rounds of a second at a fixed rate, for latency")
	flag.DurationVar(&s.soakFor, "for", 10*time.Minute, "how long to soak")
	flag.IntVar(&s.procs, "procs", 0, "GOMAXPROCS of the servers; 0 leaves it to Go")
	flag.StringVar(&s.profile, "profile", "profile.pprof", "where \"profile\" writes to")
	flag.StringVar(&s.binary, "corsgate", "", "measure this `PROGRAM` instead of building one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var held bool
	err := redistest.Run(ctx, func(tb redistest.TB) { held = s.measure(tb, flag.Args()) })
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench/edge:", err)
		return 1
	case !held && s.check:
		return 1
	}
	return 0
}

// measure runs what the word asks for and reports whether all limits held.
func (s *settings) measure(tb redistest.TB, words []string) bool {
	lab := newLab(tb, s)
	switch {
	case len(words) == 0:
		return lab.compare()
	case len(words) == 1 && words[0] == "scale":
		return lab.scale()
	case len(words) == 1 && words[0] == "soak":
		return lab.soak()
	case words[0] == "profile" && len(words) == 2:
		lab.profileOf(words[1])
		return true
	}
	tb.Fatalf("%q is not a measurement: say scale, soak, profile KIND or nothing", words)
	return false
}
