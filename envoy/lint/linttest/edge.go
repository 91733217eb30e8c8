package linttest

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy"
)

func edges() []spec {
	manager := func(f func(*hcmv3.HttpConnectionManager)) func(*editor) { return func(e *editor) { e.manager(f) } }
	grant := []*corev3.HeaderValueOption{{
		Header:       &corev3.HeaderValue{Key: "Access-Control-Allow-Origin", Value: "*"},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}}
	off := &extprocv3.ExtProcPerRoute{Override: &extprocv3.ExtProcPerRoute_Disabled{Disabled: true}}
	return []spec{
		{rule: "use-remote-address", edit: manager(func(m *hcmv3.HttpConnectionManager) { m.UseRemoteAddress = nil })},
		{rule: "path-normalization", edit: manager(func(m *hcmv3.HttpConnectionManager) { m.NormalizePath = wrapperspb.Bool(false) })},
		{rule: "path-normalization", name: "slashes", edit: manager(func(m *hcmv3.HttpConnectionManager) { m.MergeSlashes = false })},
		{rule: "path-normalization", name: "escaped slashes", edit: manager(func(m *hcmv3.HttpConnectionManager) {
			m.PathWithEscapedSlashesAction = hcmv3.HttpConnectionManager_KEEP_UNCHANGED
		})},
		{rule: "path-normalization", name: "escaped slashes by default", edit: manager(func(m *hcmv3.HttpConnectionManager) {
			m.PathWithEscapedSlashesAction = hcmv3.HttpConnectionManager_IMPLEMENTATION_SPECIFIC_DEFAULT
		})},
		{rule: "path-redirected", edit: manager(func(m *hcmv3.HttpConnectionManager) {
			m.PathWithEscapedSlashesAction = hcmv3.HttpConnectionManager_UNESCAPE_AND_REDIRECT
		})},
		{rule: "host-dot", edit: manager(func(m *hcmv3.HttpConnectionManager) { m.StripTrailingHostDot = false })},
		{rule: "route-disables", edit: func(e *editor) {
			e.route(func(r *routev3.Route) { r.TypedPerFilterConfig = e.per(envoy.FilterDecide, off) })
		}},
		{rule: "route-disables", name: "apply", edit: func(e *editor) {
			e.routes(func(rc *routev3.RouteConfiguration) {
				rc.VirtualHosts[0].TypedPerFilterConfig = e.per(envoy.FilterApply, &routev3.FilterConfig{Disabled: true})
			})
		}},
		{rule: "route-disables", name: "vary", edit: func(e *editor) {
			e.routes(func(rc *routev3.RouteConfiguration) {
				rc.VirtualHosts[0].TypedPerFilterConfig = e.per(envoy.FilterVary, &routev3.FilterConfig{Disabled: true})
			})
		}},
		{rule: "override-unmatched", edit: func(e *editor) {
			e.route(func(r *routev3.Route) { r.TypedPerFilterConfig = e.per("envoy.filters.http.ext_proc", off) })
		}},
		{rule: "route-cors-policy", edit: func(e *editor) { e.route(e.policy) }},
		{rule: "route-adds-cors", edit: func(e *editor) {
			e.route(func(r *routev3.Route) { r.ResponseHeadersToAdd = grant })
		}},
		{rule: "route-adds-cors", name: "direct response", edit: func(e *editor) {
			e.routes(func(rc *routev3.RouteConfiguration) {
				v := rc.VirtualHosts[0]
				v.Routes = append([]*routev3.Route{{
					Match:                &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: "/status"}},
					Action:               &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}},
					ResponseHeadersToAdd: grant,
				}}, v.Routes...)
			})
		}},
		{rule: "route-adds-cors", name: "by a filter", edit: func(e *editor) {
			e.route(func(r *routev3.Route) {
				r.TypedPerFilterConfig = e.per(envoy.FilterApply, &mutationv3.HeaderMutationPerRoute{Mutations: &mutationv3.Mutations{
					ResponseMutations: []*rulesv3.HeaderMutation{set("access-control-allow-origin", "*")},
				}})
			})
		}},
		{rule: "local-reply-cors", edit: manager(func(m *hcmv3.HttpConnectionManager) {
			m.LocalReplyConfig = &hcmv3.LocalReplyConfig{Mappers: []*hcmv3.ResponseMapper{{
				Filter: &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_NotHealthCheckFilter{
					NotHealthCheckFilter: &accesslogv3.NotHealthCheckFilter{},
				}},
				HeadersToAdd: grant,
			}}}
		})},
	}
}
