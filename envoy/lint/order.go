package lint

import (
	"slices"
	"strings"

	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

const (
	rulePreflightAfterAuth  ID = "preflight-after-auth"
	rulePreflightAfterLimit ID = "preflight-after-limit"
	ruleRefusalWithout      ID = "refusal-without-cors"
	ruleBuiltinFirst        ID = "builtin-cors-first"
	ruleBuiltinBeside       ID = "builtin-cors-beside"
	ruleOtherWriter         ID = "other-writer"
	ruleOriginChanged       ID = "origin-changed"
	ruleUpgradeChain        ID = "upgrade-chain"
)

func orderRules() []Rule {
	return []Rule{
		{rulePreflightAfterAuth, Error, "authentication stands before the call for preflights"},
		{rulePreflightAfterLimit, Warning, "a rate limit or fault stands before the call for preflights"},
		{ruleRefusalWithout, Warning, "what authentication refuses has no CORS headers"},
		{ruleBuiltinFirst, Error, "Envoy's CORS filter answers before corsgate"},
		{ruleBuiltinBeside, Warning, "Envoy's CORS filter stands beside corsgate"},
		{ruleOtherWriter, Warning, "another filter has the last word on CORS headers"},
		{ruleOriginChanged, Error, "the Origin is changed before corsgate sees it"},
		{ruleUpgradeChain, Warning, "an upgrade has a chain of its own, without corsgate"},
	}
}

// refuses says by the last part of a filter's type how it refuses a request that has no
// credentials: as authentication, as a limit, or not at all.
func refuses(typeName string) (auth, limit bool) {
	switch typeName {
	case "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
		"envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
		"envoy.extensions.filters.http.rbac.v3.RBAC",
		"envoy.extensions.filters.http.oauth2.v3.OAuth2",
		"envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
		"envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
		"istio.envoy.config.filter.http.authn.v2alpha1.FilterConfig":
		return true, false
	case "envoy.extensions.filters.http.ratelimit.v3.RateLimit",
		"envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
		"envoy.extensions.filters.http.rate_limit_quota.v3.RateLimitQuotaFilterConfig",
		"envoy.extensions.filters.http.admission_control.v3.AdmissionControl",
		"envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency",
		"envoy.extensions.filters.http.fault.v3.HTTPFault":
		return false, true
	default:
		return false, false
	}
}

// order holds the order of a chain against the rules.
func (l *linter) order(m *manager) {
	first := m.first(func(c *call) bool { return c.serves[preflight] != no && c.sendsRequest() })
	if first != nil {
		l.beforePreflight(m, first)
	}
	if other := m.first(func(c *call) bool { return c.serves.crossOrigin() != no && c.sendsRequest() }); other != nil {
		l.beforeActual(m, other, first)
	}
	l.builtin(m)
	l.otherWriters(m)
	l.originChanged(m)
	l.upgrades(m)
}

// first is the first call in the chain of a kind.
func (m *manager) first(is func(*call) bool) *call {
	for _, c := range m.calls {
		if is(c) {
			return c
		}
	}
	return nil
}

// before are the filters that requests of a sample meet before a place in the chain.
func (m *manager) before(position int, s sample) []*inner {
	var out []*inner
	for _, f := range m.filters[:position] {
		if !m.active(f) {
			continue
		}
		for _, in := range f.inner {
			if in.serves[s] == yes {
				out = append(out, in)
			}
		}
	}
	return out
}

func (l *linter) beforePreflight(m *manager, c *call) {
	for _, in := range m.before(c.position, preflight) {
		auth, limit := refuses(typeOf(in.config))
		jwt, _ := in.config.(*jwtv3.JwtAuthentication)
		switch {
		case auth && !jwt.GetBypassCorsPreflight():
			l.add(rulePreflightAfterAuth, m.group(), in.at,
				"filter "+in.name+" stands before "+c.filter.name+": a preflight carries no credentials, so it is refused and the browser blocks every request after it",
				"put "+c.filter.name+" (and the filter that writes its decisions) first in http_filters")
		case limit:
			l.add(rulePreflightAfterLimit, m.group(), in.at,
				"filter "+in.name+" stands before "+c.filter.name+": a preflight that it turns away is a network error to the page, whatever the policy",
				"put "+c.filter.name+" before it; limit the requests after the preflight")
		}
	}
}

// beforeActual reports what refuses other requests before the processor knows of them. Where
// preflights suffer too, that has been said.
func (l *linter) beforeActual(m *manager, c, preflights *call) {
	for _, in := range m.before(c.position, actual) {
		auth, _ := refuses(typeOf(in.config))
		if !auth {
			continue
		}
		jwt, _ := in.config.(*jwtv3.JwtAuthentication)
		if preflights != nil && preflights.position >= c.position && !jwt.GetBypassCorsPreflight() {
			continue
		}
		l.add(ruleRefusalWithout, m.group(), in.at,
			"filter "+in.name+" stands before "+c.filter.name+": its 401 and 403 leave without CORS headers, so that a page cannot tell them from a network failure",
			"put "+c.filter.name+" before it, or ask with the response only (design B)")
	}
}

// builtin looks for Envoy's own CORS filter. Without a policy in some route it does nothing, and
// Istio puts it everywhere.
func (l *linter) builtin(m *manager) {
	position := len(m.filters)
	for _, c := range m.calls {
		position = min(position, c.position)
	}
	for i, f := range m.filters {
		if !m.active(f) || !slices.ContainsFunc(f.inner, func(in *inner) bool { _, ok := in.config.(*corsv3.Cors); return ok }) {
			continue
		}
		policies := m.table == nil || len(m.table.policies) > 0
		switch {
		case i < position && policies:
			l.add(ruleBuiltinFirst, m.group(), f.at,
				"filter "+f.name+" is Envoy's own CORS filter and stands before corsgate's: it answers the preflights of routes that have a cors policy, by its own rules, and writes its headers last",
				"remove the filter, and the cors policies from the routes; corsgate import makes tenant documents of them")
		case i < position || policies:
			l.add(ruleBuiltinBeside, m.group(), f.at,
				"filter "+f.name+" is Envoy's own CORS filter: two sources of CORS headers, of which the wrong one wins as soon as the order or a route changes",
				"remove the filter, and the cors policies from the routes")
		}
	}
}

// otherWriters looks for filters whose edits of responses come after ours, because they stand
// before them.
func (l *linter) otherWriters(m *manager) {
	position := -1
	for i, f := range m.filters {
		if applies(f) {
			position = i
			break
		}
	}
	for _, c := range m.calls {
		if position < 0 && c.sendsResponse() {
			position = c.position
		}
	}
	if position < 0 {
		return
	}
	for _, f := range m.filters[:position] {
		for _, in := range f.inner {
			if m.active(f) && writesCORS(in) {
				l.add(ruleOtherWriter, m.group(), in.at,
					"filter "+in.name+" names CORS headers and stands before "+m.filters[position].name+": responses run up the chain, so that it changes what corsgate decided",
					"put it after "+m.filters[position].name+", or leave CORS headers out of it")
			}
		}
	}
}

func writesCORS(in *inner) bool {
	if mu, ok := in.config.(*mutationv3.HeaderMutation); ok {
		for _, h := range mu.GetMutations().GetResponseMutations() {
			name := h.GetRemove() + h.GetAppend().GetHeader().GetKey()
			if strings.HasPrefix(strings.ToLower(name), wire.HeaderCORSPrefix) {
				return true
			}
		}
		return false
	}
	return mentions(in.config, wire.HeaderCORSPrefix+"allow") || mentions(in.config, wire.HeaderExposeHeaders)
}

// upgrades looks for chains that upgrades have instead of the ordinary one.
func (l *linter) upgrades(m *manager) {
	for i, u := range m.GetUpgradeConfigs() {
		if len(u.GetFilters()) == 0 {
			continue
		}
		ours := slices.ContainsFunc(u.GetFilters(), func(f *httpFilter) bool {
			return slices.ContainsFunc(m.calls, func(c *call) bool { return c.filter.name == f.GetName() })
		})
		if !ours {
			l.add(ruleUpgradeChain, m.group(), m.at.in("upgrade "+u.GetUpgradeType(), indexed("upgrade_configs", i)),
				"upgrades to "+u.GetUpgradeType()+" run through filters of their own, corsgate's not among them: no policy looks at the Origin of these requests",
				"add corsgate's filters to that list, or remove the list")
		}
	}
}
