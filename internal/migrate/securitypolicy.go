package migrate

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// target is what a SecurityPolicy of Envoy Gateway is for.
type target struct {
	kind, namespace, name, section string
	object                         *object
	policy                         *source // nil when it has no CORS
	// merged: what it does not say is said by the policy of the Gateway.
	merged bool
	used   *bool
}

// targets are all SecurityPolicies.
type targets []target

func (c *cluster) securityPolicies() targets {
	var out targets
	for _, o := range c.of(envoyGatewayGroup, "SecurityPolicy") {
		var policy *source
		if o.spec().has("cors") {
			policy = c.securityPolicy(o.at().in("spec.cors"), o.spec().get("cors"))
		}
		merged := o.spec().has("mergeType")
		if merged && policy != nil {
			c.notes.narrower(CodeField, o.at().in("spec.mergeType"), "", "what the policy of the Gateway adds is not taken over", "")
		}
		used := new(bool)
		add := func(kind, name, section string) {
			out = append(out, target{kind: kind, namespace: o.namespace, name: name, section: section, object: o, policy: policy, merged: merged, used: used})
		}
		for _, ref := range append(o.spec().get("targetRefs").items(), o.spec().get("targetRef")) {
			if ref.has("name") {
				add(ref.get("kind").text(), ref.get("name").text(), ref.get("sectionName").text())
			}
		}
		for _, selector := range o.spec().get("targetSelectors").items() {
			for _, name := range c.selected(o, selector) {
				add(selector.get("kind").text(), name, "")
			}
		}
	}
	return out
}

// selected are the objects that a selector takes.
func (c *cluster) selected(o *object, selector node) []string {
	if selector.has("matchExpressions") {
		c.notes.narrower(CodeField, o.at().in("spec.targetSelectors"), "", "matchExpressions are not read", "name the targets by targetRefs")
		return nil
	}
	var out []string
	for _, other := range c.of(gatewayGroup, selector.get("kind").text()) {
		labels, want := other.root.at("metadata", "labels"), selector.get("matchLabels")
		if other.namespace == o.namespace && !slices.ContainsFunc(want.keys(), func(k string) bool { return labels.get(k).text() != want.get(k).text() }) {
			out = append(out, other.name)
		}
	}
	return out
}

// of is the policy of a rule of a route: the most specific one decides alone, unless it is merged.
func (t targets) of(c *cluster, route *object, ruleName string) *source {
	found, merged := t.find("HTTPRoute", route.namespace, route.name, ruleName)
	if found == nil {
		found, merged = t.find("HTTPRoute", route.namespace, route.name, "")
	}
	if found != nil && (found.policy != nil || !merged) {
		return found.policy
	}
	var all []*source
	for _, ref := range route.spec().get("parentRefs").items() {
		namespace := cmp.Or(ref.get("namespace").text(), route.namespace)
		g, _ := t.find("Gateway", namespace, ref.get("name").text(), ref.get("sectionName").text())
		if g == nil {
			g, _ = t.find("Gateway", namespace, ref.get("name").text(), "")
		}
		var policy *source
		if g != nil {
			policy = g.policy
		}
		all = append(all, policy)
	}
	if len(all) == 0 {
		return nil
	}
	if slices.ContainsFunc(all, func(p *source) bool { return p != all[0] }) {
		c.notes.narrower(CodePathMixed, route.at().in("spec.parentRefs"), "", "the Gateways of the route have different policies; it gets none", "write a policy for the route")
		return nil
	}
	return all[0]
}

func (t targets) find(kind, namespace, name, section string) (found *target, merged bool) {
	for i := range t {
		if p := &t[i]; p.kind == kind && p.namespace == namespace && p.name == name && p.section == section {
			*p.used = true
			return p, p.merged
		}
	}
	return nil, false
}

// unused reports policies that nothing in the input has.
func (t targets) unused(n *notes) {
	for i := range t {
		if p := &t[i]; p.policy != nil && !*p.used {
			n.narrower(CodeTarget, p.object.at(), p.kind+" "+p.name, "no HTTPRoute of the input belongs to the policy; it is not converted", "give its HTTPRoutes and Gateways, too")
		}
	}
}

// securityPolicy reads CORS of a SecurityPolicy. A star in an origin is any text, and a policy of Envoy's filter is made of it.
func (c *cluster) securityPolicy(at place, n node) *source {
	n.fields(c.notes, at, map[string]fieldType{
		"allowOrigins": listField, "allowMethods": listField, "allowHeaders": listField,
		"exposeHeaders": listField, "maxAge": textField, "allowCredentials": boolField,
	})
	s := c.commonPolicy(at, n)
	s.maxAge = c.lifetime(at.in("maxAge"), n.get("maxAge").text())
	for i, text := range n.get("allowOrigins").texts() {
		m := matcher{at: at.in("allowOrigins" + index(i)), kind: exact, text: text}
		if strings.Contains(text, "*") {
			m.kind, m.written, m.text = regex, text, strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `.*`)
		}
		s.origins = append(s.origins, orStar(m))
	}
	return s
}
