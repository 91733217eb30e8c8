package linttest

import (
	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/envoy"
)

func reach() []spec {
	return []spec{
		{rule: "no-corsgate", edit: func(e *editor) {
			e.manager(func(m *hcmv3.HttpConnectionManager) { m.HttpFilters = []*hcmv3.HttpFilter{e.router()} })
		}},
		{rule: "listener-without-corsgate", edit: func(e *editor) {
			l := e.boot.StaticResources.Listeners
			other, _ := proto.Clone(l[0]).(*listenerv3.Listener)
			other.Name = "other"
			other.Address.GetSocketAddress().PortSpecifier = &corev3.SocketAddress_PortValue{PortValue: 10001}
			e.manager(func(m *hcmv3.HttpConnectionManager) { m.HttpFilters = []*hcmv3.HttpFilter{e.router()} })
			e.boot.StaticResources.Listeners = append(l, other)
		}},
		{rule: "filter-disabled", edit: func(e *editor) {
			e.filter(envoy.FilterDecide, func(f *hcmv3.HttpFilter) { f.Disabled = true })
		}},
		{rule: "preflight-not-asked", edit: func(e *editor) {
			e.call(envoy.CallPreflight, func(p *extprocv3.ExternalProcessor) {
				p.ProcessingMode.RequestHeaderMode = extprocv3.ProcessingMode_SKIP
			})
		}},
		{rule: "actual-not-asked", edit: func(e *editor) {
			e.between(func(m *matchv3.Matcher) {
				m.GetMatcherList().Matchers = m.GetMatcherList().GetMatchers()[:1]
				m.OnNoMatch = nil
			})
		}},
		{rule: "actual-not-asked", name: "unsafe", edit: func(e *editor) {
			e.between(func(m *matchv3.Matcher) {
				only := m.GetMatcherList().GetMatchers()[1].GetPredicate()
				only.MatchType = only.GetOrMatcher().GetPredicate()[0].GetMatchType()
				m.OnNoMatch = nil
			})
		}},
		{rule: "plain-asked", edit: func(e *editor) {
			e.decide(func(m *matchv3.Matcher) {
				m.GetMatcherList().GetMatchers()[0].Predicate = e.header(":method", notEmpty())
			})
		}},
		{rule: "asked-twice", edit: func(e *editor) {
			var twin *hcmv3.HttpFilter
			e.filter(envoy.FilterDecide, func(f *hcmv3.HttpFilter) { twin, _ = proto.Clone(f).(*hcmv3.HttpFilter) })
			twin.Name = "cors-decide-2"
			e.insert(3, twin)
		}},
		{rule: "response-mode-base", design: envoy.TwoCallbacks, edit: func(e *editor) {
			preflight := e.copyOf(envoy.CallPreflight)
			e.between(func(m *matchv3.Matcher) { m.GetMatcherList().Matchers = m.GetMatcherList().GetMatchers()[1:] })
			e.insert(0, e.extension("cors-preflight", e.skip(not(e.isPreflight()), preflight)))
		}},
	}
}
