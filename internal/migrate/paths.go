package migrate

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
)

// rule gives some paths of a host a policy. The first rule that takes a request decides.
type rule struct {
	at   place
	kind pathKind
	path string
	// partial: the rule looks at more than the path, so that it may leave a request to later rules.
	partial bool
	// reply: the gateway answers itself, and its CORS does not take part.
	reply  bool
	policy *source // nil for none
}

type pathKind uint8

const (
	pathAll      pathKind = iota
	pathSegments          // a prefix of whole segments
	pathBytes             // a prefix, byte by byte
	pathExact
)

// relation says how much of a region a rule takes.
type relation uint8

const (
	disjoint relation = iota
	touches
	covers
)

// canonicalPrefix is the path_prefix of a document for a path.
func canonicalPrefix(path string) (string, bool) {
	if path = strings.TrimSuffix(path, "/"); path == "" {
		return "/", true
	}
	if detail, _ := tenant.PathPrefixFault(path); detail != "" || len(path) > tenant.MaxPathPrefixBytes {
		return "", false
	}
	return path, true
}

func below(prefix, path string) bool {
	return prefix == "/" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

// regions are the parts of the path space that rules tell apart, root first.
func regions(rules []rule) []string {
	out := []string{"/"}
	for i := range rules {
		if p, ok := canonicalPrefix(rules[i].path); ok && rules[i].kind != pathAll && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// of says how much of a region, without the regions below it, the rule takes. all are the regions.
func (r *rule) of(region string, all []string, align bool) relation {
	base, ok := canonicalPrefix(r.path)
	switch {
	case r.kind == pathAll:
		return covers
	case !ok:
		return touches // who knows
	case r.kind == pathExact:
		return match(base == region, touches)
	case r.kind == pathSegments || align:
		return match(below(base, region), covers)
	case strings.HasPrefix(region, r.path):
		return covers
	case base == region: // the path ends with a slash, and the region has the path without it
		return touches
	case !strings.HasSuffix(r.path, "/"): // such as /apix for /api, which are where the path above is
		return match(home(all, parentOf(base)) == region, touches)
	}
	return disjoint
}

// parentOf is the path above.
func parentOf(path string) string {
	return max(path[:max(strings.LastIndexByte(path, '/'), 0)], "/")
}

// home is the smallest region that has a path.
func home(all []string, path string) string {
	best := "/"
	for _, region := range all {
		if below(region, path) && len(region) > len(best) {
			best = region
		}
	}
	return best
}

func match(yes bool, r relation) relation {
	if yes {
		return r
	}
	return disjoint
}

// ruleset is what a document says about paths.
type ruleset struct {
	policy *tenantv1.Policy
	routes []*tenantv1.Route
}

// compose turns rules into a policy and routes. Each element of all is complete in itself, and which one takes
// a request cannot be told. It is nil when no rule has a policy.
func (c *converter) compose(at place, all [][]rule) *ruleset {
	carried := false
	rules := slices.Concat(all...)
	for i := range rules {
		carried = c.convert(rules[i].policy) != nil || carried
	}
	if !carried {
		return nil
	}
	out := &ruleset{}
	chosen := map[string]*tenantv1.Policy{}
	paths := regions(rules)
	for _, region := range paths {
		p := c.regionPolicy(at, all, region, paths)
		above := nearest(chosen, region)
		if p == nil {
			p = above
		}
		if p == nil {
			p = &tenantv1.Policy{}
		}
		chosen[region] = p
		switch {
		case region == "/":
			out.policy = p
		case !proto.Equal(p, above):
			out.routes = append(out.routes, &tenantv1.Route{PathPrefix: region, Policy: p})
		}
	}
	return out
}

// nearest is the policy of the smallest region around another.
func nearest(chosen map[string]*tenantv1.Policy, region string) *tenantv1.Policy {
	best, policy := "", (*tenantv1.Policy)(nil)
	for r, p := range chosen {
		if r != region && below(r, region) && len(r) > len(best) {
			best, policy = r, p
		}
	}
	return policy
}

// regionPolicy is the policy of a region: that of the rules that may take a request there, or
// what all of them allow. It is nil when no rule takes one.
func (c *converter) regionPolicy(at place, all [][]rule, region string, paths []string) *tenantv1.Policy {
	var policies []*tenantv1.Policy
	for _, rules := range all {
		policies = append(policies, c.possible(rules, region, paths)...)
	}
	if len(policies) == 0 {
		return nil
	}
	mixed := slices.ContainsFunc(policies, func(p *tenantv1.Policy) bool { return !proto.Equal(p, policies[0]) })
	switch {
	case mixed:
		c.notes.narrower(CodePathMixed, at, region,
			"several policies, or one and none, apply here, by more than whole segments of the path; the document has what all of them allow", c.mixedFix())
	case policies[0] == nil:
		c.notes.narrower(CodePathOpen, at, region,
			"the source leaves CORS to the application here; corsgate allows no origin", "write a policy for these paths")
	}
	return narrowest(policies)
}

// possible are the policies that may decide in a region, nil for none.
func (c *converter) possible(rules []rule, region string, paths []string) []*tenantv1.Policy {
	var out []*tenantv1.Policy
	for i := range rules {
		r := &rules[i]
		relation := r.of(region, paths, c.options.AlignPaths)
		if relation == disjoint {
			continue
		}
		if r.reply {
			c.notes.changed(CodeRouteReply, r.at, "", "what the gateway answers itself carries CORS headers too", "")
		} else {
			out = append(out, c.convert(r.policy))
		}
		if relation == covers && !r.partial {
			break
		}
	}
	return out
}

func (c *converter) mixedFix() string {
	if c.options.AlignPaths {
		return "write a policy for these paths"
	}
	return "write a policy for these paths, or import with --align-paths if prefixes mean whole segments"
}
