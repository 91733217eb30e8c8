package lint

import (
	"cmp"
	"slices"
)

// Result is what was looked at and what was found.
type Result struct {
	// Listeners, Managers and Calls are how many were looked at: listeners, HTTP connection managers in
	// them, and calls of corsgate in those, per route where routes differ.
	Listeners, Managers, Calls int
	Findings                   []Finding
}

// Count is the number of findings of a severity.
func (r *Result) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Rule.Severity == s {
			n++
		}
	}
	return n
}

// linter holds what the rules share.
type linter struct {
	*findings
	options Options
	config  *Config
	// processors are the clusters that calls ask, each once.
	processors []*processors
}

// processors is a cluster that calls ask.
type processors struct {
	name string
	// at is the first of these calls, and serves which requests any of them is made for.
	at     Place
	serves serves
}

// Check holds a configuration against all rules. The worst findings come first.
func Check(c *Config, o Options) *Result {
	l := &linter{findings: newFindings(), options: o, config: c}
	all := c.managers()
	out := &Result{Managers: len(all), Listeners: listeners(all)}
	l.document()
	var without []*manager
	for _, m := range all {
		m.findCalls(o)
		out.Calls += len(m.calls)
		if !l.here(m) {
			without = append(without, m)
			continue
		}
		l.manager(m)
		m.calls = nil // there may be one for each of very many routes
	}
	for _, p := range l.processors {
		l.cluster(p)
	}
	l.absent(all, without)
	out.Findings = l.list
	c.lines(out.Findings)
	slices.SortStableFunc(out.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Rule.Severity), rank(b.Rule.Severity)), cmp.Compare(a.Place.Line, b.Place.Line))
	})
	return out
}

func rank(s Severity) int { return slices.Index(Severities(), s) }

func listeners(all []*manager) int {
	seen := map[any]bool{}
	for _, m := range all {
		seen[m.listener] = true
	}
	return len(seen)
}

// here reports whether a manager has anything of corsgate's: a call, a filter that would be one if
// it were not switched off, or one that writes decisions.
func (l *linter) here(m *manager) bool {
	if len(m.calls) > 0 {
		return true
	}
	return slices.ContainsFunc(m.filters, func(f *filter) bool { return l.decides(f) || applies(f) })
}

// manager holds one manager against the rules.
func (l *linter) manager(m *manager) {
	l.order(m)
	l.reach(m)
	for _, c := range m.calls {
		if c.route != nil && !c.filter.disabled {
			l.onRoute(c)
			continue
		}
		l.call(c)
	}
	l.apply(m)
	l.edge(m)
	l.routes(m)
}

// call holds one call against the rules.
func (l *linter) call(c *call) {
	l.failure(c)
	l.settings(c)
	l.headers(c)
	l.asks(c)
}

// asks notes the cluster that a call asks.
func (l *linter) asks(c *call) {
	name := c.cluster()
	if name == "" {
		return
	}
	i := slices.IndexFunc(l.processors, func(p *processors) bool { return p.name == name })
	if i < 0 {
		i = len(l.processors)
		l.processors = append(l.processors, &processors{name: name, at: c.at})
	}
	p := l.processors[i]
	p.serves = p.serves.or(c.serves)
}

// onRoute holds what a route makes of a call against the rules. What is wrong with the call in
// the chain has been said and is not counted again.
func (l *linter) onRoute(c *call) {
	l.quiet = true
	l.call(c)
	l.quiet = false
}
