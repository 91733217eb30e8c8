package linttest

import (
	"slices"

	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/wire"
)

func headers() []spec {
	type processor = extprocv3.ExternalProcessor
	without := func(name string) func(*editor) {
		return eachCall(func(p *processor) {
			l := p.GetForwardRules().GetAllowedHeaders()
			l.Patterns = slices.DeleteFunc(l.Patterns, func(m *matcherv3.StringMatcher) bool {
				return m.GetExact() == name || m.GetPrefix() == name
			})
		})
	}
	return []spec{
		{rule: "metadata-namespace", edit: eachCall(func(p *processor) { p.MetadataOptions = nil })},
		{rule: "metadata-namespace", name: "by a route", edit: overrides(&extprocv3.ExtProcOverrides{
			MetadataOptions: &extprocv3.MetadataOptions{ReceivingNamespaces: &extprocv3.MetadataOptions_MetadataNamespaces{Untyped: []string{"other"}}},
		})},
		{rule: "mutation-rules", edit: preflightCall(func(p *processor) { p.MutationRules.AllowExpression = nil })},
		{rule: "mutation-rules", name: "response", design: envoy.TwoCallbacks, edit: actualCall(func(p *processor) {
			p.MutationRules = &rulesv3.HeaderMutationRules{
				DisallowExpression: &matcherv3.RegexMatcher{Regex: "access-control-.*|x-.*|set-cookie"},
			}
		})},
		{rule: "mutation-rules-open", edit: eachCall(func(p *processor) { p.MutationRules = nil })},
		{rule: "forward-rules", edit: without(wire.HeaderOrigin)},
		{rule: "forward-rules", name: "method", edit: without(":method")},
		{rule: "forward-rules", name: "preflight", edit: without("access-control-request-")},
		{rule: "forward-rules", name: "response", design: envoy.TwoCallbacks, edit: actualCall(func(p *processor) {
			l := p.GetForwardRules().GetDisallowedHeaders()
			l.Patterns = append(l.Patterns, &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "vary"}})
		})},
		{rule: "credentials-forwarded", edit: eachCall(func(p *processor) { p.ForwardRules = nil })},
	}
}
