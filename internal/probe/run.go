package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Options of a prober.
type Options struct {
	// Targets to ask, at least one.
	Targets []Target
	// Source gives the documents of those that say themselves nothing of what they expect. Default: none.
	Source Source
	// Nonce measures how changes reach an endpoint. Default: not measured.
	Nonce *Nonce
	// Cases are asked, all by default.
	Cases []string
	// Timeout of one request. Default: [DefaultTimeout].
	Timeout time.Duration
	// Version stands in the User-Agent.
	Version string
}

// Prober asks the same again and again. Make it with [New].
type Prober struct {
	opt       Options
	endpoints []*endpoint
	cases     []Case
	nonce     *nonce
}

// patience is after how many cases in a row without an answer a path is given up for this run.
const patience = 3

// errGivenUp is the fate of the cases after that.
var errGivenUp = errors.New("not tried: the cases before got no answer")

// New checks everything and asks nothing yet. The error is a [Problems], whose fields start with that of the target:
// "targets[0].url".
func New(opt Options) (*Prober, error) {
	if opt.Timeout <= 0 {
		opt.Timeout = DefaultTimeout
	}
	p := &Prober{opt: opt}
	var ps Problems
	if len(opt.Targets) > maxTargets {
		ps.add("targets", "", "%d targets are more than %d", len(opt.Targets), maxTargets)
	}
	for i, t := range opt.Targets {
		field := fmt.Sprintf("targets[%d].", i)
		e, found := t.compile(field)
		ps = append(ps, found...)
		if t.Expect == nil && opt.Source == nil {
			ps.add(field+"expect", "say what is expected, or where the tenant's document is", "nothing says what is expected")
		}
		p.endpoints = append(p.endpoints, e)
	}
	for _, name := range opt.Cases {
		if !known(name) {
			ps.add("case", "see the list of the help", "there is no case %q", name)
		}
	}
	for _, c := range Cases() {
		if len(opt.Cases) == 0 || slices.Contains(opt.Cases, string(c.Name)) {
			p.cases = append(p.cases, c)
		}
	}
	if opt.Nonce != nil {
		p.nonce = opt.Nonce.compile(&ps, &p.opt)
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// Once asks everything once. What ctx interrupts counts as unasked.
func (p *Prober) Once(ctx context.Context) *Report { return p.once(ctx, true) }

func (p *Prober) once(ctx context.Context, propagation bool) *Report {
	r := &Report{Version: p.opt.Version, At: time.Now().UTC()}
	for _, e := range p.endpoints {
		if !slices.ContainsFunc(p.cases, func(c Case) bool { return c.ask != nil }) {
			break // only the registry is asked
		}
		r.Targets = append(r.Targets, p.target(ctx, e))
	}
	if p.nonce != nil && propagation && slices.ContainsFunc(p.cases, func(c Case) bool { return c.Name == Propagation }) {
		r.Targets = append(r.Targets, p.nonce.measure(ctx))
	}
	r.count()
	return r
}

// target asks all cases of one endpoint on all its paths.
func (p *Prober) target(ctx context.Context, e *endpoint) TargetReport {
	r := TargetReport{Name: e.Name, URL: e.URL, Direct: e.Direct}
	x, err := e.expectation(ctx, p.opt.Source)
	if err != nil {
		r.Error = printable("what is expected is not known: " + err.Error())
		for _, c := range p.cases {
			if c.ask != nil {
				r.Cases = append(r.Cases, CaseReport{Case: c.Name, Path: Edge, Verdict: Unasked, Reason: "see the error of the target"})
			}
		}
		return r
	}
	r.Expected = printable(x.source)
	oracle, samples := e.sample(x)
	silent := map[Path]int{}
	for _, c := range p.cases {
		if c.ask == nil {
			continue
		}
		asked := map[Path][]exchange{}
		for _, w := range slices.Backward(e.ways) { // direct first, so that the edge can be compared
			k := &check{Case: c, samples: samples, client: newClient(w, e, &p.opt), oracle: oracle, errors: e.errors, expose: e.Expose}
			if silent[w.path] < patience {
				c.ask(ctx, k)
			} else {
				k.unasked = errGivenUp
			}
			k.client.close()
			asked[w.path] = k.asked
			report := k.report()
			if w.path == Edge {
				report.Differences = differences(asked[Direct], k.asked)
			}
			if report.Verdict == Unasked {
				silent[w.path]++
			} else if len(k.asked) > 0 {
				silent[w.path] = 0
			}
			r.Cases = append(r.Cases, report)
		}
	}
	return r
}
