package change

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// effectsOf compares two plain documents, of which one may be nil.
func effectsOf(before, after *tenantv1.Tenant) []Effect {
	effects := hostEffects(before.GetHosts(), after.GetHosts())
	effects = append(effects, modeEffects(before, after)...)
	if !proto.Equal(before.GetMaxStale(), after.GetMaxStale()) {
		effects = append(effects, Effect{Code: MaxStale, Direction: Neutral, Text: fmt.Sprintf(
			"without the store the tenant is decided for %s, was %s",
			duration(after.GetMaxStale(), "as long as the process says"), duration(before.GetMaxStale(), "as long as the process says"))})
	}
	if before != nil && after != nil && !maps.Equal(before.GetLabels(), after.GetLabels()) {
		effects = append(effects, Effect{Code: Labels, Direction: Neutral, Text: "the labels change"})
	}
	return append(effects, ruleEffects(before, after)...)
}

func hostEffects(before, after []string) []Effect {
	var effects []Effect
	if gained := without(after, before); len(gained) > 0 {
		effects = append(effects, Effect{Code: Hosts, Direction: Wider, Values: gained, Text: fmt.Sprintf(
			"%s %s decided by this tenant", list(gained), one(gained, "becomes a host that is", "become hosts that are"))})
	}
	if lost := without(before, after); len(lost) > 0 {
		effects = append(effects, Effect{Code: Hosts, Direction: Narrower, Values: lost, Text: fmt.Sprintf(
			"%s %s to this tenant", list(lost), one(lost, "no longer belongs", "no longer belong"))})
	}
	return effects
}

// without are the elements of list, in order and each once, that other lacks.
func without(list, other []string) []string {
	known := make(map[string]bool, len(other)+len(list))
	for _, v := range other {
		known[v] = true
	}
	var out []string
	for _, v := range list {
		if !known[v] {
			known[v] = true
			out = append(out, v)
		}
	}
	return out
}

// modeOf is the mode in force; that of no tenant is the default.
func modeOf(t *tenantv1.Tenant) tenantv1.Tenant_Mode {
	if t.GetMode() == tenantv1.Tenant_MODE_UNSPECIFIED {
		return tenantv1.Tenant_ENFORCE
	}
	return t.GetMode()
}

// modeEffects: outside of ENFORCE the application's own CORS headers reach browsers, which opens
// what the policy closes and closes what only the policy opens.
func modeEffects(before, after *tenantv1.Tenant) []Effect {
	was, is := modeOf(before), modeOf(after)
	effect := func(d Direction, format string) Effect {
		return Effect{Code: Mode, Direction: d, Text: fmt.Sprintf("mode %s, was %s: ", is, was) + format}
	}
	switch {
	case was == is && is == tenantv1.Tenant_ENFORCE:
		return nil
	case was == is:
		return []Effect{{Code: Mode, Direction: Neutral, Text: fmt.Sprintf("mode %s before and after: the effects are those that ENFORCE would have", is)}}
	case is == tenantv1.Tenant_ENFORCE:
		return []Effect{
			effect(Wider, "what the policy allows is granted"),
			effect(Narrower, "the application's own CORS headers no longer reach browsers, denied origins get nothing"),
		}
	case was == tenantv1.Tenant_ENFORCE:
		return []Effect{
			effect(Wider, "nothing is withheld, the application's own CORS headers reach browsers"),
			effect(Narrower, "what only the policy allows is no longer granted"),
		}
	default:
		return []Effect{effect(Neutral, "neither is carried out")}
	}
}

// rules is a policy with the routes that replace it.
type rules struct {
	base   *tenantv1.Policy
	routes []*tenantv1.Route
}

func stableOf(t *tenantv1.Tenant) rules { return rules{t.GetPolicy(), t.GetRoutes()} }

func candidateOf(t *tenantv1.Tenant) rules {
	return rules{t.GetCandidate().GetPolicy(), t.GetCandidate().GetRoutes()}
}

// ruleEffects compares the policies that decide before and after. A candidate decides the pairs whose
// bucket is below its percentage, so that there are up to three shares of pairs.
func ruleEffects(before, after *tenantv1.Tenant) []Effect {
	was, is := before.GetCandidate().GetPercent(), after.GetCandidate().GetPercent()
	var effects []Effect
	if !proto.Equal(before.GetCandidate(), after.GetCandidate()) {
		effects = append(effects, Effect{Code: Candidate, Direction: Neutral, Text: candidateText(before, after)})
	}
	add := func(share Share, a, b rules) {
		for _, e := range a.compare(b) {
			e.Share = share
			effects = append(effects, e)
		}
	}
	if max(was, is) < 100 {
		add("", stableOf(before), stableOf(after))
	}
	if min(was, is) > 0 {
		add(ShareCandidate, candidateOf(before), candidateOf(after))
	}
	if is > was {
		add(ShareEnters, stableOf(before), candidateOf(after))
	}
	if was > is {
		add(ShareLeaves, candidateOf(before), stableOf(after))
	}
	return effects
}

func candidateText(before, after *tenantv1.Tenant) string {
	a, b := before.GetCandidate(), after.GetCandidate()
	decides := func(c *tenantv1.Candidate) string {
		if c.GetPercent() == 0 {
			return "only watches"
		}
		return fmt.Sprintf("decides for %d %% of the origins", c.GetPercent())
	}
	switch {
	case a == nil:
		return "a candidate comes, it " + decides(b)
	case b == nil:
		return "the candidate goes, it " + strings.NewReplacer("watches", "watched", "decides", "decided").Replace(decides(a))
	case a.GetPercent() == b.GetPercent():
		return "the candidate changes, it " + decides(b)
	default:
		return fmt.Sprintf("the candidate %s, was %d %%", decides(b), a.GetPercent())
	}
}

// compare goes through all prefixes of either side. A request is decided by the longest prefix of
// each side that covers its path; of those two the longer one stands for it here.
func (r rules) compare(other rules) []Effect {
	had, has := r.prefixes(), other.prefixes()
	effects := comparePolicies(r.base, other.base)
	all := slices.Concat(had, has)
	slices.Sort(all)
	for _, prefix := range slices.Compact(all) {
		var found []Effect
		switch {
		case !slices.Contains(has, prefix):
			found = append(found, Effect{Code: Route, Direction: Neutral, Text: "the route goes, the paths follow " + other.over(prefix)})
		case !slices.Contains(had, prefix):
			found = append(found, Effect{Code: Route, Direction: Neutral, Text: "the paths get a route, they followed " + r.over(prefix)})
		}
		found = append(found, comparePolicies(r.at(prefix), other.at(prefix))...)
		for _, e := range found {
			e.Path = prefix
			effects = append(effects, e)
		}
	}
	return effects
}

func (r rules) prefixes() []string {
	prefixes := make([]string, len(r.routes))
	for i, route := range r.routes {
		prefixes[i] = route.GetPathPrefix()
	}
	return prefixes
}

// route is the most specific one that covers a path, or nil (rule 27).
func (r rules) route(path string) *tenantv1.Route {
	var best *tenantv1.Route
	for _, route := range r.routes {
		prefix := route.GetPathPrefix()
		rest, covers := strings.CutPrefix(path, prefix)
		covers = covers && (rest == "" || rest[0] == '/' || prefix == "/")
		if covers && (best == nil || len(prefix) > len(best.GetPathPrefix())) {
			best = route
		}
	}
	return best
}

func (r rules) at(path string) *tenantv1.Policy {
	if route := r.route(path); route != nil {
		return route.GetPolicy()
	}
	return r.base
}

// over names what decides a path, for people.
func (r rules) over(path string) string {
	switch route := r.route(path); {
	case route != nil:
		return "the route " + route.GetPathPrefix()
	case r.base == nil:
		return "no policy"
	default:
		return "the tenant's policy"
	}
}
