package gateway

import (
	"strings"

	"github.com/corsgate/corsgate/envoy/page"
	"github.com/corsgate/corsgate/envoy/wire"
)

// route is the HTTPRoute. Which rule a request meets says what is asked about it.
func (o *Options) route() page.Object {
	spec := object{{"parentRefs", o.parents()}}
	if len(o.Route.Hosts) > 0 {
		spec = append(spec, member{"hostnames", o.Route.Hosts})
	}
	rules := []object{
		o.rule(RulePreflight, match("OPTIONS", present("Origin"), present("Access-Control-Request-Method"))),
		o.rule(RuleActual, o.goesOn()...),
	}
	if !o.NoRefusals {
		rules = append(rules, o.rule(RuleActualClosed, match("GET", present("Origin"), present("Upgrade")), match("", present("Origin"))))
	}
	spec = append(spec, member{"rules", append(rules, o.rule(RuleOther, match("")))})
	closed := []page.Comment{
		page.At("spec/rules/"+RuleActual, `Requests with an Origin that no policy refuses: safe methods, and a page's own requests. Of two rules that match equally well, the first wins.`),
		page.At("spec/rules/"+RuleActualClosed, `What a policy may refuse (denied_requests: BLOCK, websockets: ENFORCE): cross-origin requests with other methods, and upgrades.`),
	}
	if o.NoRefusals {
		closed = []page.Comment{page.At("spec/rules/"+RuleActual, `Every other request with an Origin.`)}
	}
	return page.Object{
		APIVersion: gatewayV1, Kind: "HTTPRoute", Namespace: o.Route.Namespace, Name: o.Route.Name, Spec: spec,
		Comments: append([]page.Comment{
			page.At("apiVersion", `The route of the application, once for each way to ask: which rule a request meets decides whether corsgate is asked, and what happens when it does not answer. To attach a route of your own, give each of its rules these forms. Its other filters (rewrites, timeouts, mirrors) belong into all of them.`),
			page.At("spec/rules/"+RulePreflight, `A preflight, exactly as the Fetch standard has it. It reaches the backend only if the policy of the tenant passes it on.`),
			page.At("spec/rules/"+RulePreflight+"/matches/0/headers/0", `The expression asks for one byte at least: an empty Origin is none.`),
			page.At("spec/rules/"+RulePreflight+"/filters", `The application's own CORS headers go, in every rule: the policy is the only source. The ClientTrafficPolicy above can set headers but not remove the application's before it does, and without a decision it sets none.`),
			page.At("spec/rules/"+RuleOther, `The rest. corsgate is not asked, so these cost nothing; but what the application grants by itself, to a cache as well as to a browser, must not pass here either.`),
		}, closed...),
	}
}

// goesOn matches the requests that may reach the application undecided. A route does not know the scheme that it is
// asked by, so a page's own requests are those of https.
func (o *Options) goesOn() []object {
	if o.NoRefusals {
		return []object{match("", present("Origin"))}
	}
	var out []object
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		out = append(out, match(method, present("Origin")))
	}
	for _, host := range o.Route.Hosts {
		if strings.HasPrefix(host, "*.") {
			continue
		}
		own := object{{"type", "Exact"}, {"name", "Origin"}, {"value", "https://" + host}}
		out = append(out, match("", own), match("GET", own, present("Upgrade")))
	}
	return out
}

// match is a match of any path; an empty method is any.
func match(method string, headers ...object) object {
	out := object{{"path", object{{"type", "PathPrefix"}, {"value", "/"}}}}
	if method != "" {
		out = append(out, member{"method", method})
	}
	if len(headers) > 0 {
		out = append(out, member{"headers", headers})
	}
	return out
}

func (o *Options) parents() []object {
	ref := func() object {
		return object{{"namespace", o.Gateway.Namespace}, {"name", o.Gateway.Name}}
	}
	if len(o.Listeners) == 0 {
		return []object{ref()}
	}
	var out []object
	for _, l := range o.Listeners {
		out = append(out, append(ref(), member{"sectionName", l}))
	}
	return out
}

func (o *Options) rule(name string, matches ...object) object {
	return object{
		{"name", name},
		{"matches", matches},
		{"filters", []object{{
			{"type", "ResponseHeaderModifier"},
			{"responseHeaderModifier", object{{"remove", corsHeaders()}}},
		}}},
		{"backendRefs", []object{{{"name", o.Route.Backend}, {"port", o.Route.BackendPort}}}},
	}
}

func present(header string) object {
	return object{{"type", "RegularExpression"}, {"name", header}, {"value", ".+"}}
}

// corsHeaders are the response headers of CORS; a route can remove headers by their whole names only. Timing-Allow-Origin is a grant of its own: the
// application's stays unless the tenant's policy sets one.
func corsHeaders() []string {
	out := []string{"access-control-allow-local-network"}
	for _, h := range wire.HeaderMeta() {
		if strings.HasPrefix(h[0], wire.HeaderCORSPrefix) {
			out = append(out, h[0])
		}
	}
	return out
}
