package migrate

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

const (
	gatewayGroup      = "gateway.networking.k8s.io"
	envoyGatewayGroup = "gateway.envoyproxy.io"
)

// httpRoutes reads HTTPRoutes: their own CORS filters, and the SecurityPolicies of Envoy Gateway that target them or their
// Gateways. It says which of the two have a policy.
func (c *cluster) httpRoutes() (sites []site, policies, filters bool) {
	var hosts byHost
	targets := c.securityPolicies()
	for _, o := range c.of(gatewayGroup, "HTTPRoute") {
		var rules []rule
		for i, r := range o.spec().get("rules").items() {
			at := o.at().in("spec.rules" + index(i))
			policy, own := c.corsFilter(at, r)
			if policy == nil && !own {
				policy = targets.of(c, o, r.get("name").text())
				policies = policies || policy != nil
			}
			filters = filters || own
			rules = append(rules, routeMatches(at, r, policy)...)
		}
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.policy != nil }) && len(c.hostsOf(o, false)) == 0 {
			continue
		}
		for _, host := range c.hostsOf(o, true) {
			hosts.add(o.at(), host, rules...)
		}
	}
	targets.unused(c.notes)
	if !policies && !filters {
		return nil, false, false
	}
	return hosts.sorted(mostSpecific), policies, filters
}

// hostsOf are the hosts of a route: its own, or those of the listeners of its Gateways.
func (c *cluster) hostsOf(o *object, report bool) []string {
	if own := o.spec().get("hostnames").texts(); len(own) > 0 {
		return own
	}
	var out []string
	missing := len(o.spec().get("parentRefs").items()) == 0
	for _, ref := range o.spec().get("parentRefs").items() {
		gateway := c.parent(o, ref)
		if gateway == nil {
			missing = true
			continue
		}
		for _, l := range gateway.spec().get("listeners").items() {
			if section := ref.get("sectionName").text(); section != "" && section != l.get("name").text() {
				continue
			}
			out = append(out, cmp.Or(l.get("hostname").text(), "*"))
		}
	}
	if missing && report {
		c.notes.narrower(CodeTarget, o.at().in("spec.hostnames"), "", "the route has no hostnames, and the input not all of its Gateways", "give the Gateways, too")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// parent is the Gateway that a route refers to; nil when the input does not have it.
func (c *cluster) parent(o *object, ref node) *object {
	if kind := ref.get("kind").text(); kind != "" && kind != "Gateway" {
		return nil
	}
	for _, g := range c.of(gatewayGroup, "Gateway") {
		if g.name == ref.get("name").text() && g.namespace == cmp.Or(ref.get("namespace").text(), o.namespace) {
			return g
		}
	}
	return nil
}

// routeMatches are the rules of one rule of an HTTPRoute.
func routeMatches(at place, r node, policy *source) []rule {
	reply := slices.ContainsFunc(r.get("filters").items(), func(f node) bool { return f.get("type").text() == "RequestRedirect" })
	base := rule{at: at, kind: pathAll, policy: policy, reply: reply}
	matches := r.get("matches").items()
	if len(matches) == 0 {
		return []rule{base}
	}
	var out []rule
	for i, m := range matches {
		one := base
		one.at = at.in("matches" + index(i))
		value := cmp.Or(m.at("path", "value").text(), "/")
		switch m.at("path", "type").text() {
		case "Exact":
			one.kind, one.path = pathExact, value
		case "", "PathPrefix":
			if value != "/" {
				one.kind, one.path = pathSegments, value
			}
		default:
			one.kind, one.path, one.partial = pathBytes, literalStart(value), true
		}
		for _, key := range m.keys() {
			one.partial = one.partial || key != "path"
		}
		out = append(out, one)
	}
	return out
}

// corsFilter reads the CORS filter of a rule. own says that there is one.
func (c *cluster) corsFilter(at place, r node) (policy *source, own bool) {
	for i, b := range r.get("backendRefs").items() {
		for _, f := range b.get("filters").items() {
			if f.get("type").text() == "CORS" {
				c.notes.narrower(CodeField, at.in("backendRefs"+index(i)), "", "which backend, and so which policy, a request gets is chance; the filter is not converted", "write one filter for the rule")
			}
		}
	}
	for i, f := range r.get("filters").items() {
		if f.get("type").text() != "CORS" {
			continue
		}
		return c.gatewayPolicy(at.in("filters"+index(i)+".cors"), f.get("cors")), true
	}
	return nil, false
}

// gatewayPolicy reads HTTPCORSFilter as the Gateway API specifies it.
func (c *cluster) gatewayPolicy(at place, n node) *source {
	n.fields(c.notes, at, map[string]fieldType{
		"allowOrigins": listField, "allowMethods": listField, "allowHeaders": listField,
		"exposeHeaders": listField, "maxAge": textField, "allowCredentials": boolField,
	})
	s := c.commonPolicy(at, n)
	if s.maxAge = (list{at: at.in("maxAge"), text: n.get("maxAge").text()}); s.maxAge.text == "" {
		s.maxAge.text = "5"
		c.notes.changed(CodeDefault, s.maxAge.at, "", "the default of 5 seconds is written", "")
	}
	// Without credentials a gateway may send the star itself, which does not cover authorization.
	s.headers.echo = s.headers.echo && s.credentials
	for i, text := range n.get("allowOrigins").texts() {
		m := matcher{at: at.in("allowOrigins" + index(i)), kind: exact, text: text}
		if strings.Contains(text, "*") && text != anyOrigin {
			m.kind, m.written, m.text = regex, text, strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `[^:/]+`)
		}
		s.origins = append(s.origins, m)
	}
	return s
}

// commonPolicy reads what the Gateway API and Envoy Gateway have in common.
func (c *cluster) commonPolicy(at place, n node) *source {
	s := &source{
		at: at, credentials: n.get("allowCredentials").boolean(),
		methods: joined(at.in("allowMethods"), n.get("allowMethods")),
		headers: joined(at.in("allowHeaders"), n.get("allowHeaders")),
		expose:  joined(at.in("exposeHeaders"), n.get("exposeHeaders")),
	}
	s.methods.echo = slices.Contains(n.get("allowMethods").texts(), star)
	s.headers.echo = slices.Contains(n.get("allowHeaders").texts(), star)
	return s
}
