package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"
)

// sample is what one contender did with one kind of request in one round.
type sample struct {
	Contender string `json:"contender"`
	Kind      string `json:"kind"`
	Round     int    `json:"round"`
	Requests  int    `json:"requests"`
	// Microseconds of processor time a request.
	Envoy  float64 `json:"envoy_us"`
	Server float64 `json:"server_us"`
	// PerSecond is the throughput with as many requests at once as there are connections.
	PerSecond float64 `json:"per_second"`
	// Streams are the calls that Envoy opened, a request.
	Streams float64 `json:"streams"`
}

// latency is how long one contender took in one round at a fixed rate.
type latency struct {
	Contender string  `json:"contender"`
	Kind      string  `json:"kind"`
	Round     int     `json:"round"`
	Rate      float64 `json:"per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
}

// compare measures all contenders.
func (l *lab) compare() bool {
	only, err := regexp.Compile(l.only)
	l.check(err, "reading -only")
	wanted, err := regexp.Compile(l.kinds)
	l.check(err, "reading -kinds")
	asked := slices.DeleteFunc(kinds(), func(k kind) bool { return !wanted.MatchString(k.name) })
	chosen := slices.DeleteFunc(contenders(), func(c contender) bool { return !only.MatchString(c.name) })
	rigs := l.start(l.redis(tenants{n: 1}), chosen...)
	var samples []sample
	for round := range l.rounds + 1 {
		for _, k := range asked {
			// Each comes first in its turn.
			turn := slices.Concat(rigs[round%len(rigs):], rigs[:round%len(rigs)])
			for _, r := range turn {
				s := l.sample(r, k, always(k.request(host)))
				s.Round = round
				if round > 0 { // the first one warms up
					samples = append(samples, s)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round, l.rounds)
	}
	res := newResult(l, samples, l.paced(rigs, samples))
	res.print(os.Stdout)
	l.write(res)
	return res.held()
}

// sample saturates one contender for a window.
func (l *lab) sample(r *rig, k kind, req requests) sample {
	fail := func(err error) { l.check(err, r.name+", "+k.name) }
	streams, err := r.streams(l.tb.Context())
	fail(err)
	before, err := r.used()
	fail(err)
	began := time.Now()
	n, err := r.saturate(l.tb.Context(), l.window, req, r.expected(k))
	took := time.Since(began)
	fail(err)
	after, err := r.used()
	fail(err)
	more, err := r.streams(l.tb.Context())
	fail(err)
	per := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / float64(n) }
	return sample{
		Contender: r.name, Kind: k.name, Requests: n,
		Envoy:     per(after.envoy - before.envoy),
		Server:    per(after.server - before.server),
		PerSecond: float64(n) / took.Seconds(),
		Streams:   float64(more-streams) / float64(n),
	}
}

// usage is the processor time that a rig has taken so far.
type usage struct{ envoy, server time.Duration }

func (r *rig) used() (u usage, err error) {
	if u.envoy, err = r.proxy.used(); err != nil || r.processor == nil {
		return u, err
	}
	u.server, err = r.processor.used()
	return u, err
}

// latencyWindow is how long a contender is driven at a fixed rate in a round: long enough for a 99th percentile.
const latencyWindow = time.Second

// paced measures latencies at half of what the server without decisions of the same design can do, the same
// rate for both, and for those without a server at half of what they can do.
func (l *lab) paced(rigs []*rig, samples []sample) (out []latency) {
	for round := range l.latency {
		for _, k := range []kind{kinds()[1], kinds()[3]} {
			turn := slices.Concat(rigs[round%len(rigs):], rigs[:round%len(rigs)])
			for _, r := range turn {
				rate := half(samples, r.rival(), k.name)
				if r.server == "" || rate == 0 {
					rate = half(samples, r.name, k.name)
				}
				times, err := r.pace(l.tb.Context(), latencyWindow, rate, always(k.request(host)), r.expected(k))
				l.check(err, r.name+" at a fixed rate")
				out = append(out, latency{r.name, k.name, round, rate, quantile(times, 0.5), quantile(times, 0.99)})
			}
		}
		fmt.Fprintf(os.Stderr, "latency, round %d of %d\n", round+1, l.latency)
	}
	return out
}

// eachLatency gives one figure of every round, in their order.
func eachLatency(all []latency, contender, kind string, figure func(*latency) float64) []float64 {
	var out []float64
	for i := range all {
		if s := &all[i]; s.Contender == contender && s.Kind == kind {
			out = append(out, figure(s))
		}
	}
	return out
}

func half(samples []sample, contender, kind string) float64 {
	return median(each(samples, contender, kind, func(s *sample) float64 { return s.PerSecond })) / 2
}

func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1))]) / float64(time.Microsecond)
}

// each gives one figure of every round, in their order.
func each(samples []sample, contender, kind string, figure func(*sample) float64) []float64 {
	var out []float64
	for i := range samples {
		if s := &samples[i]; s.Contender == contender && s.Kind == kind {
			out = append(out, figure(s))
		}
	}
	return out
}

// median of no values is 0.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[mid-1] + sorted[mid]) / 2
	}
	return sorted[mid]
}
