package tenant

import (
	"iter"
	"slices"

	"github.com/corsgate/corsgate/policy"
)

// ruleset is a policy and the routes that replace it, most specific first.
type ruleset struct {
	rule
	routes []route
}

// route is a rule for a part of the path space.
type route struct {
	prefix string
	rule
}

// rule is a policy and where it stands in its document.
type rule struct {
	policy *policy.Policy
	// route is the place among the document's routes, from 1; 0 is the policy itself.
	route     int16
	candidate bool
	// memo is the place among the memos of an [entry].
	memo int16
}

// path is the field path of the policy: "routes[0].policy".
func (r *rule) path() string {
	prefix := ""
	if r.candidate {
		prefix = "candidate."
	}
	if r.route == 0 {
		return prefix + "policy"
	}
	return element(prefix+"routes", int(r.route)-1) + ".policy"
}

// sortRoutes puts the most specific route first. Of two prefixes that cover
// one path, one covers the other, so the longer is the more specific (rule 27).
func (s *ruleset) sortRoutes() {
	slices.SortStableFunc(s.routes, func(a, b route) int { return len(b.prefix) - len(a.prefix) })
}

// at returns the rule for a path without its query (rule 27).
func (s *ruleset) at(path string) *rule {
	for i := range s.routes {
		if coversPath(s.routes[i].prefix, path) {
			return &s.routes[i].rule
		}
	}
	return &s.rule
}

// policies gives every policy of r in the order of their memos.
func (r *Record) policies() iter.Seq[*rule] {
	return func(yield func(*rule) bool) {
		for _, s := range [...]*ruleset{&r.stable, r.candidate} {
			if s == nil || s.policy == nil {
				continue
			}
			if !yield(&s.rule) {
				return
			}
			for i := range s.routes {
				if !yield(&s.routes[i].rule) {
					return
				}
			}
		}
	}
}

// numberMemos gives each policy of r the place of its memo.
func (r *Record) numberMemos() {
	n := int16(0)
	for rule := range r.policies() {
		rule.memo = n
		n++
	}
}
