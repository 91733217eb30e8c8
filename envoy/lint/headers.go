package lint

import (
	"regexp"
	"slices"
	"strings"

	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

const (
	ruleNamespace    ID = "metadata-namespace"
	ruleMutation     ID = "mutation-rules"
	ruleMutationOpen ID = "mutation-rules-open"
	ruleForward      ID = "forward-rules"
	ruleCredentials  ID = "credentials-forwarded"
	statusHeader        = ":status"
	cacheControl        = "cache-control"
	allowMethods        = "access-control-allow-methods"
	allowHeaders        = "access-control-allow-headers"
	maxAge              = "access-control-max-age"
)

func headerRules() []Rule {
	return []Rule{
		{ruleNamespace, Error, "the decision is dropped on its way to the filter that writes it"},
		{ruleMutation, Error, "corsgate may not write what it has to write"},
		{ruleMutationOpen, Note, "corsgate may write any header"},
		{ruleForward, Error, "corsgate does not see what it decides by"},
		{ruleCredentials, Warning, "credentials are sent to corsgate"},
	}
}

// headers holds against the rules what goes to the processor and what may come back.
func (l *linter) headers(c *call) {
	l.forwarded(c)
	l.mutations(c)
	if c.byMetadata() && !slices.Contains(received(c.ExternalProcessor), wire.Namespace) {
		l.add(ruleNamespace, c.group(), c.at,
			"metadata_options.receiving_namespaces.untyped has no "+wire.Namespace+": Envoy drops the decision, no CORS header is written and the access log knows nothing",
			"set metadata_options: {receiving_namespaces: {untyped: ["+wire.Namespace+"]}}")
	}
}

func (l *linter) forwarded(c *call) {
	rules := c.GetForwardRules()
	var missing []string
	for _, name := range needed(c) {
		if !passes(rules.GetAllowedHeaders(), rules.GetDisallowedHeaders(), name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		l.add(ruleForward, c.group(), c.at,
			"forward_rules keep "+strings.Join(missing, ", ")+" from corsgate, which decides by it: requests are refused, or judged by less than they say",
			"let these headers through; allowed_headers is for pseudo headers too")
	}
	var secret []string
	for _, name := range []string{"authorization", "cookie"} {
		if passes(rules.GetAllowedHeaders(), rules.GetDisallowedHeaders(), name) {
			secret = append(secret, name)
		}
	}
	if len(secret) > 0 {
		l.add(ruleCredentials, c.group(), c.at,
			"forward_rules let "+strings.Join(secret, " and ")+" through: credentials of users go to a process that has no use for them",
			"list what a decision needs in forward_rules.allowed_headers, or these in disallowed_headers")
	}
}

// needed are the headers that a call's decisions read.
func needed(c *call) []string {
	var out []string
	if c.sendsRequest() {
		out = append(out, ":authority", ":method", ":path", ":scheme", wire.HeaderOrigin)
		if c.serves[preflight] != no {
			out = append(out, wire.HeaderRequestMethod, wire.HeaderRequestHeaders)
		}
		if c.serves.crossOrigin() != no {
			out = append(out, wire.HeaderUpgrade)
		}
	}
	if c.sendsResponse() && c.serves.crossOrigin() != no {
		out = append(out, statusHeader, wire.HeaderVary, wire.HeaderAllowOrigin, wire.HeaderAllowCredentials, wire.HeaderExposeHeaders)
	}
	return out
}

// passes reports whether forward rules let a header through.
func passes(allowed, disallowed *matcherv3.ListStringMatcher, name string) bool {
	listed := func(l *matcherv3.ListStringMatcher) bool {
		return slices.ContainsFunc(l.GetPatterns(), func(p *matcherv3.StringMatcher) bool {
			return ofEnvoy(p).match(name, true) != no
		})
	}
	if allowed != nil && !listed(allowed) {
		return false
	}
	return disallowed == nil || !listed(disallowed)
}

func (l *linter) mutations(c *call) {
	rules := c.GetMutationRules()
	var missing []string
	for _, name := range written(c) {
		if !mayWrite(rules, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		l.add(ruleMutation, c.group(), c.at,
			"mutation_rules forbid "+strings.Join(missing, ", ")+": Envoy leaves them out without a word, and browsers block the request",
			"allow_expression: {regex: '^(access-control-.*|timing-allow-origin|vary|cache-control)$'}")
	}
	if mayWrite(rules, "x-anything") && mayWrite(rules, "set-cookie") {
		l.add(ruleMutationOpen, c.group(), c.at,
			"mutation_rules let the processor write any header, set-cookie and location among them",
			"set disallow_all: true and allow_expression: {regex: '^(access-control-.*|timing-allow-origin|vary|cache-control)$'}")
	}
}

// written are the headers that corsgate writes by mutation: of answers to preflights, and in
// designs A and B of responses.
func written(c *call) []string {
	var out []string
	if c.serves[preflight] == yes && c.sendsRequest() {
		out = append(out, wire.HeaderAllowOrigin, wire.HeaderAllowCredentials, allowMethods, allowHeaders, maxAge, wire.HeaderVary)
	}
	if c.sendsResponse() && c.serves.crossOrigin() != no {
		out = append(out, wire.HeaderAllowOrigin, wire.HeaderAllowCredentials, wire.HeaderExposeHeaders, wire.HeaderVary)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mayWrite evaluates mutation rules as Envoy does: disallow_expression, then allow_expression,
// then the rest.
func mayWrite(r *rulesv3.HeaderMutationRules, name string) bool {
	is := func(m *matcherv3.RegexMatcher) bool {
		re, err := regexp.Compile(`^(?:` + m.GetRegex() + `)$`)
		return err == nil && re.MatchString(name)
	}
	switch {
	case r.GetDisallowExpression() != nil && is(r.GetDisallowExpression()):
		return false
	case r.GetAllowExpression() != nil && is(r.GetAllowExpression()):
		return true
	default:
		return !r.GetDisallowAll().GetValue()
	}
}
