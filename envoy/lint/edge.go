package lint

import (
	"fmt"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

const (
	ruleRemoteAddress ID = "use-remote-address"
	rulePath          ID = "path-normalization"
	ruleRedirect      ID = "path-redirected"
	ruleHostDot       ID = "host-dot"
	ruleDisables      ID = "route-disables"
	ruleUnmatched     ID = "override-unmatched"
	rulePolicy        ID = "route-cors-policy"
	ruleAdds          ID = "route-adds-cors"
	ruleLocalReply    ID = "local-reply-cors"
)

func routeRules() []Rule {
	return []Rule{
		{ruleRemoteAddress, Warning, "a client's own x-forwarded-proto is believed"},
		{rulePath, Warning, "paths are judged as they were written"},
		{ruleRedirect, Note, "escaped slashes are redirected"},
		{ruleHostDot, Note, "a host with a dot at its end is another host"},
		{ruleDisables, Warning, "a route switches corsgate off"},
		{ruleUnmatched, Warning, "settings of a route belong to no filter"},
		{rulePolicy, Warning, "cors policies in routes do nothing"},
		{ruleAdds, Warning, "a route adds CORS headers itself"},
		{ruleLocalReply, Warning, "local replies add CORS headers themselves"},
	}
}

// edge holds the settings of a connection manager against the rules.
func (l *linter) edge(m *manager) {
	// Behind a gateway that has looked at them, the headers may be believed.
	if !m.GetUseRemoteAddress().GetValue() && m.listener.GetTrafficDirection() != corev3.TrafficDirection_INBOUND {
		l.add(ruleRemoteAddress, m.group(), m.at,
			"use_remote_address is not true: a client's x-forwarded-proto sets the scheme that policies compare, so that an http page can pass for https",
			"set use_remote_address: true, at the edge")
	}
	l.names(m)
	for i, r := range m.GetLocalReplyConfig().GetMappers() {
		for _, h := range r.GetHeadersToAdd() {
			if strings.HasPrefix(strings.ToLower(h.GetHeader().GetKey()), wire.HeaderCORSPrefix) {
				l.add(ruleLocalReply, m.group(), m.at.in("local reply", indexed("local_reply_config.mappers", i)),
					"local_reply_config adds "+strings.ToLower(h.GetHeader().GetKey())+" after all filters: errors of Envoy's own grant what the policy may not",
					"remove it; corsgate decides about Envoy's own errors too")
			}
		}
	}
}

// names looks at what makes one name of several spellings of a path and a host.
func (l *linter) names(m *manager) {
	if !m.GetNormalizePath().GetValue() {
		l.add(rulePath, m.group(), m.at,
			"normalize_path is not true: a policy for /admin is passed by with /x/../admin",
			"set normalize_path: true and merge_slashes: true")
	} else if !m.GetMergeSlashes() {
		l.add(rulePath, m.group(), m.at,
			"merge_slashes is not true: //admin and /admin are two paths for routes, and one for most applications",
			"set merge_slashes: true")
	}
	switch m.GetPathWithEscapedSlashesAction() {
	case hcmv3.HttpConnectionManager_IMPLEMENTATION_SPECIFIC_DEFAULT, hcmv3.HttpConnectionManager_KEEP_UNCHANGED:
		l.add(rulePath, m.group(), m.at,
			"escaped slashes are passed on: /x/..%2fadmin is below /x for routes and filters, and is /admin for applications that decode it",
			"set path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD, or REJECT_REQUEST")
	case hcmv3.HttpConnectionManager_UNESCAPE_AND_REDIRECT:
		l.add(ruleRedirect, m.group(), m.at,
			"escaped slashes are redirected before any filter: a preflight must not be, and the redirect of another request has no CORS headers",
			"set path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD, or REJECT_REQUEST")
	default:
	}
	if !m.GetStripTrailingHostDot() {
		l.add(ruleHostDot, m.group(), m.at,
			"strip_trailing_host_dot is not true: api.example.com. is another virtual host than api.example.com, and corsgate refuses it as tenant_ambiguous",
			"set strip_trailing_host_dot: true")
	}
}

// routes holds what routes say of filters and headers against the rules.
func (l *linter) routes(m *manager) {
	if m.table == nil {
		l.elsewhere(m)
		return
	}
	for i := range m.table.overrides {
		l.override(m, &m.table.overrides[i])
	}
	for _, a := range m.table.adds {
		if fromDecision(a.value) {
			continue
		}
		what := "it is taken for the application's and replaced or removed"
		if a.unfiltered {
			what = "it passes, whatever the policy"
		}
		l.add(ruleAdds, m.group(), a.at,
			fmt.Sprintf("response_headers_to_add writes %s: %q; %s", a.name, printed(a.value), what),
			"remove it and write the grant into the tenant's document")
	}
	builtin := slices.ContainsFunc(m.filters, func(f *filter) bool {
		return slices.ContainsFunc(f.inner, func(in *inner) bool { _, ok := in.config.(*corsv3.Cors); return ok })
	})
	if len(m.table.policies) > 0 && !builtin {
		l.add(rulePolicy, m.group(), m.table.policies[0],
			fmt.Sprintf("routes have cors policies (%d), and no filter of Envoy's reads them", len(m.table.policies)),
			"remove them, or make tenant documents of them by corsgate import")
	}
}

// maxPrinted is how much of a value from the configuration is shown.
const maxPrinted = 80

func printed(s string) string {
	if len(s) > maxPrinted {
		return s[:maxPrinted] + "..."
	}
	return s
}

// override looks at the settings of one route for one filter.
func (l *linter) override(m *manager, o *override) {
	i := slices.IndexFunc(m.filters, func(f *filter) bool { return f.name == o.key })
	if i < 0 {
		if _, ours := o.config.(*extprocv3.ExtProcPerRoute); ours && len(m.calls) > 0 {
			l.add(ruleUnmatched, m.group(), o.at,
				"settings for an external processor stand under the key "+o.key+", and no filter has that name: they do nothing",
				"write the name of the filter, "+m.calls[0].filter.name)
		}
		return
	}
	f := m.filters[i]
	if per, ok := o.config.(*mutationv3.HeaderMutationPerRoute); ok {
		l.mutates(m, f, per, o.at)
	}
	if !disables(o) || o.ours || o.direct || f.disabled {
		return
	}
	switch {
	case l.decides(f):
		l.add(ruleDisables, m.group(), o.at,
			"filter "+f.name+" is switched off: corsgate is not asked, so that preflights reach the application and, in design C, no response has CORS headers",
			"remove the setting; a tenant's document with mode: OFF passes the application's own headers")
	case applies(f):
		l.add(ruleDisables, m.group(), o.at,
			"filter "+f.name+" is switched off: decisions are not written, and the application's own CORS headers pass",
			"remove the setting")
	case varies(f) && slices.ContainsFunc(m.calls, (*call).byMetadata):
		l.add(ruleDisables, m.group(), o.at,
			"filter "+f.name+" is switched off: nothing tells caches that responses vary by Origin, so that they give the response for one origin to another",
			"remove the setting")
	}
}

// mutates looks at the mutations that a route adds to those of a filter.
func (l *linter) mutates(m *manager, f *filter, per *mutationv3.HeaderMutationPerRoute, at Place) {
	for _, h := range per.GetMutations().GetResponseMutations() {
		name := strings.ToLower(h.GetRemove() + h.GetRemoveOnMatch().GetKeyMatcher().GetPrefix() + h.GetAppend().GetHeader().GetKey())
		if !strings.HasPrefix(name, wire.HeaderCORSPrefix) || fromDecision(h.GetAppend().GetHeader().GetValue()) {
			continue
		}
		l.add(ruleAdds, m.group(), at,
			"a route writes or removes "+name+" by filter "+f.name+": where that stands before corsgate's, or is cors-apply itself, it overrides the decision",
			"remove it and write the grant into the tenant's document")
	}
}

func disables(o *override) bool {
	switch c := o.config.(type) {
	case *extprocv3.ExtProcPerRoute:
		return c.GetDisabled()
	case *routev3.FilterConfig:
		return c.GetDisabled()
	default:
		return false
	}
}
