package lint

import "slices"

// Severity says how bad a finding is.
type Severity string

// The severities; the words are also SARIF levels.
const (
	// Error breaks CORS, or lets something through that the policy does not grant.
	Error Severity = "error"
	// Warning fails under load, in a restart, or after the next change.
	Warning Severity = "warning"
	// Note is a choice to know of.
	Note Severity = "note"
)

// Severities are all severities, the worst first.
func Severities() []Severity { return []Severity{Error, Warning, Note} }

// AtLeast reports whether s is as bad as t or worse.
func (s Severity) AtLeast(t Severity) bool {
	return slices.Index(Severities(), s) <= slices.Index(Severities(), t)
}

// ID names a rule; docs/lint-envoy.md has a section of this name.
type ID string

// Rule is one thing that can be wrong.
type Rule struct {
	ID       ID
	Severity Severity
	// Title is what is wrong, in a few words.
	Title string
}

// Rules are all rules, in the order of the documentation.
func Rules() []Rule {
	return slices.Concat(orderRules(), reachRules(), failureRules(), callRules(), headerRules(), applyRules(),
		clusterRules(), routeRules(), documentRules())
}

// Place is where something stands in a configuration.
type Place struct {
	// Name is for people: "listener edge, filter cors-decide, action preflight".
	Name string
	// Path is for programs: "static_resources.listeners[0].filter_chains[0]". It follows the names of
	// the fields as Envoy's documentation has them.
	Path string
	// Line is the line of a file, 0 when it is not known.
	Line int
}

// in is a place further down.
func (p Place) in(name, path string) Place {
	if name != "" {
		if p.Name != "" {
			name = ", " + name
		}
		p.Name += name
	}
	if path != "" {
		if p.Path != "" && path[0] != '[' {
			path = "." + path
		}
		p.Path += path
	}
	return p
}

// Finding is one thing that is wrong, and where.
type Finding struct {
	Rule  Rule
	Place Place
	// More is how many other places have the same fault.
	More int
	// Detail says what is there and what it breaks.
	Detail string
	// Fix says what to write instead.
	Fix string
}

// findings collect what the rules say.
type findings struct {
	rules map[ID]Rule
	list  []Finding
	seen  map[string]int // :: rule, detail and group → index in list
	quiet bool           // equal ones do not count
}

func newFindings() *findings {
	f := &findings{rules: map[ID]Rule{}, seen: map[string]int{}}
	for _, r := range Rules() {
		f.rules[r.ID] = r
	}
	return f
}

// add reports a fault. Equal ones of one group are one finding, at the first place.
func (f *findings) add(id ID, group string, at Place, detail, fix string) {
	key := string(id) + "\x00" + group + "\x00" + detail
	if i, ok := f.seen[key]; ok {
		if f.list[i].Place != at && !f.quiet {
			f.list[i].More++
		}
		return
	}
	f.seen[key] = len(f.list)
	one := Finding{Rule: f.rules[id], Place: at, Detail: detail, Fix: fix}
	mild(&one)
	f.list = append(f.list, one)
}
