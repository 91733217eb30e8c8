package main

import (
	"fmt"
	"os"
	"text/tabwriter"
)

// sizes are the registries that are compared; the first is what the others are held against.
func sizes() []struct {
	name string
	tenants
} {
	return []struct {
		name string
		tenants
	}{
		{"1 tenant, 3 origins", tenants{n: 1}},
		{"1,000 tenants", tenants{n: 1000}},
		{"100,000 tenants", tenants{n: 100_000}},
		{"1 tenant, 10,000 origins", tenants{n: 1, origins: 9997}},
	}
}

// How much more a decision of a larger registry may cost: for a tenant that is asked all the time, and for tenants that are
// asked in turn, which no cache of the processor holds and of whose replies none is remembered yet.
const (
	busyLimit = 1.05
	coldLimit = 1.25
)

// scale compares what a decision costs with sizes of the registry: once with one busy tenant, once with requests for all
// of them in turn, each connection elsewhere.
func (l *lab) scale() bool {
	k := kinds()[1]
	var rigs []*rig
	for _, size := range sizes() {
		c := contender{name: size.name, filters: "c", server: corsgateServer}
		rigs = append(rigs, l.start(l.redis(size.tenants), c)...)
	}
	spread := make([]requests, len(rigs))
	for i, size := range sizes() {
		list := make([][]byte, size.n)
		for t := range list {
			list[t] = k.request(hostOf(t))
		}
		spread[i] = func(lane, n int) []byte { return list[(n*l.connections+lane)*7919%len(list)] }
	}
	res := &result{}
	for _, how := range []string{"one busy tenant", "all in turn"} {
		figures := make([][]float64, len(rigs))
		for round := range l.rounds + 1 {
			for i := range rigs {
				at := (i + round) % len(rigs)
				req := always(k.request(host))
				if how == "all in turn" {
					req = spread[at]
				}
				s := l.sample(rigs[at], k, req)
				if round > 0 {
					figures[at] = append(figures[at], s.Server)
				}
			}
			fmt.Fprintf(os.Stderr, "%s, round %d of %d\n", how, round, l.rounds)
		}
		for i, size := range sizes() {
			most := busyLimit
			switch {
			case i == 0:
				most = 1
			case how == "all in turn":
				most = coldLimit
			}
			res.addLimit(fmt.Sprintf("%s, %s", size.name, how), figures[i], figures[0], most, 0)
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "registry\tmemory of the server")
	for i, r := range rigs {
		bytes, err := r.processor.resident()
		l.check(err, "reading the memory")
		fmt.Fprintf(w, "%s\t%.0f MiB\n", sizes()[i].name, float64(bytes)/(1<<20))
	}
	_ = w.Flush()
	printLimits(os.Stdout, res.Limits)
	return res.held()
}
