package tenant

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// ruleset is a policy and the routes that replace it, most specific first.
type ruleset struct {
	rule
	routes []route
	// ambiguous is the rule for paths that belong to several of them; nil without routes.
	ambiguous *rule
}

// route is a rule for a part of the path space.
type route struct {
	prefix string
	rule
}

// rule is a policy and where it stands in its document.
type rule struct {
	// policy is nil where nobody can tell which one is meant (rule 27a).
	policy *policy.Policy
	// route is the place among the document's routes, from 1; 0 is the policy itself.
	route     int16
	candidate bool
	// entriesBefore is how many origins the policies before it in the record list.
	entriesBefore int32
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
	return prefix + "routes[" + strconv.Itoa(int(r.route)-1) + "].policy"
}

// decide answers q by the policy, or closed where nobody can tell which one is meant.
func (r *rule) decide(q *policy.Request) policy.Decision {
	if r.policy == nil {
		return policy.DecidePathAmbiguous(q)
	}
	return r.policy.Decide(q)
}

// newRuleset makes the routes ready to be asked: the most specific comes first. Of two prefixes that
// cover one path, one covers the other, so the longer is the more specific (rule 27).
func newRuleset(candidate bool, base *policy.Policy, routes []Route) ruleset {
	s := ruleset{rule: rule{policy: base, candidate: candidate}}
	if len(routes) == 0 {
		return s
	}
	s.routes = make([]route, len(routes))
	for i, r := range routes {
		s.routes[i] = route{
			prefix: strings.Clone(r.PathPrefix),
			rule:   rule{policy: r.Policy, route: int16(i + 1), candidate: candidate},
		}
	}
	slices.SortStableFunc(s.routes, func(a, b route) int { return len(b.prefix) - len(a.prefix) })
	s.ambiguous = &rule{candidate: candidate}
	return s
}

// at returns the rule for a path without its query (rule 27). Where some application may take the path for one
// that belongs to another rule, it is none of the two (rule 27a).
func (s *ruleset) at(path string) *rule {
	if len(s.routes) == 0 {
		return &s.rule
	}
	found := s.written(path)
	if plainPath(path) || s.reads(path, found) {
		return found
	}
	return s.ambiguous
}

// written is the rule for a path as it is written.
func (s *ruleset) written(path string) *rule {
	for i := range s.routes {
		if coversPath(s.routes[i].prefix, path) {
			return &s.routes[i].rule
		}
	}
	return &s.rule
}

// reads reports whether whoever reads path comes to the rule that it has as it is written. It is not inlined, so that only
// paths which need it pay for the buffer on the stack.
//
//go:noinline
func (s *ruleset) reads(path string, written *rule) bool {
	var buf [maxReading + 1]byte
	r := readPath(&buf, path)
	return r.fault == "" && s.meant(r.path) == written
}

// meant is the rule for the path of a [reading].
func (s *ruleset) meant(path []byte) *rule {
	var buf [MaxPathPrefixBytes]byte
	for i := range s.routes {
		rest, ok := bytes.CutPrefix(path, decodePath(buf[:0], s.routes[i].prefix))
		if ok && (len(rest) == 0 || rest[0] == '/' || s.routes[i].prefix == "/") {
			return &s.routes[i].rule
		}
	}
	return &s.rule
}

// policies gives every policy of r: those in force first, and of each the routes after the policy itself.
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

// numberEntries counts the entries of all policies of r through, for [View.Use].
func (r *Record) numberEntries() {
	n := 0
	for rule := range r.policies() {
		rule.entriesBefore = int32(n) //nolint:gosec // G115: a document of 1 MiB lists fewer
		if rule.policy != nil {       // in a document with problems
			n += rule.policy.Origins()
		}
	}
	r.entries = int32(n)
}
