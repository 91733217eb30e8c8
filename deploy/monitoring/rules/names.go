package rules

import (
	"regexp"
	"slices"
	"strings"
)

// Selector is one use of a metric.
type Selector struct {
	// Metric is its name; "" when only labels select.
	Metric string
	// Matchers are the labels that select, with their values as written.
	Matchers []Matcher
}

// Matcher is one condition of a selector.
type Matcher struct {
	Label, Op, Value string
}

// Uses is what an expression uses.
type Uses struct {
	Selectors []Selector
	// Grouping are the labels after by, on, ignoring, group_left and the like.
	Grouping []string
}

var (
	// token is a string, a braced list of matchers, a range, a name, or a grouping with its list.
	token = regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*"` +
		`|[a-z_]+\s+(?:by|without)\s*\([^)]*\)` + // an aggregation with its list before its argument
		`|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)` +
		`|[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(` + // a function or an aggregation
		`|[a-zA-Z_:][a-zA-Z0-9_:]*` +
		`|\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\}` +
		`|\[[^\]]*\]|[0-9][0-9a-zA-Z.]*`)
	matcher = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"`)
	word    = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_]*`)
)

// Parse finds what expr uses. Expressions must be valid; promtool says whether they are.
func Parse(expr string) Uses {
	var out Uses
	open := false // the last token is a metric whose matchers may follow
	for _, t := range token.FindAllString(expr, -1) {
		was := open
		open = false
		switch {
		case t[0] == '{':
			if !was {
				out.Selectors = append(out.Selectors, Selector{})
			}
			last := &out.Selectors[len(out.Selectors)-1]
			for _, m := range matcher.FindAllStringSubmatch(t, -1) {
				last.Matchers = append(last.Matchers, Matcher{m[1], m[2], m[3]})
			}
		case strings.HasSuffix(t, ")"):
			inner := t[strings.Index(t, "(")+1:]
			out.Grouping = append(out.Grouping, word.FindAllString(inner, -1)...)
		case strings.HasSuffix(t, "(") || !nameStart(t[0]) || keyword(t):
		default:
			out.Selectors = append(out.Selectors, Selector{Metric: t})
			open = true
		}
	}
	return out
}

func nameStart(c byte) bool {
	return c == '_' || c == ':' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// keyword reports whether t is an operator; "and (" has been taken for a function before, which is left out too.
func keyword(t string) bool {
	return slices.Contains([]string{"and", "or", "unless", "bool", "offset", "inf", "nan", "by", "without", "on", "ignoring", "group_left", "group_right"}, strings.ToLower(t))
}

// Metrics are the names of the metrics, each once, sorted.
func (u Uses) Metrics() []string {
	var out []string
	for _, s := range u.Selectors {
		if s.Metric != "" {
			out = append(out, s.Metric)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Alternatives are the values that a matcher names, where it names them one by one: "a|b" are two. It is
// nil where the value is an expression of another kind, or empty.
func (m Matcher) Alternatives() []string {
	if m.Value == "" || strings.ContainsAny(m.Value, `.*+?()[]{}\$^`) {
		return nil
	}
	if strings.Contains(m.Op, "~") {
		return strings.Split(m.Value, "|")
	}
	return []string{m.Value}
}
