// Package linttest has a broken configuration for each rule of lint: what corsgate renders, less
// or more one thing.
package linttest

import (
	"fmt"

	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/envoy"
)

// editor changes one bootstrap.
type editor struct {
	boot *bootstrapv3.Bootstrap
	err  error
}

// render makes the JSON of a design with an edit.
func render(o envoy.Options, edit func(*editor)) ([]byte, error) {
	boot, err := envoy.Bootstrap(o)
	if err != nil {
		return nil, err
	}
	e := &editor{boot: boot}
	edit(e)
	if e.err != nil {
		return nil, e.err
	}
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(boot)
}

func (e *editor) fail(err error) {
	if e.err == nil && err != nil {
		e.err = err
	}
}

// unpacked changes the message in a.
func unpacked[M proto.Message](e *editor, a *anypb.Any, m M, f func(M)) {
	if err := a.UnmarshalTo(m); err != nil {
		e.fail(fmt.Errorf("editing: %w", err))
		return
	}
	f(m)
	e.fail(a.MarshalFrom(m))
}

func (e *editor) packed(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	e.fail(err)
	return a
}

// manager changes the HTTP connection manager.
func (e *editor) manager(f func(*hcmv3.HttpConnectionManager)) {
	a := e.boot.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig()
	unpacked(e, a, &hcmv3.HttpConnectionManager{}, f)
}

// filter changes the settings of the filter of a name.
func (e *editor) filter(name string, f func(*hcmv3.HttpFilter)) {
	e.manager(func(m *hcmv3.HttpConnectionManager) {
		for _, one := range m.GetHttpFilters() {
			if one.GetName() == name {
				f(one)
				return
			}
		}
		e.fail(fmt.Errorf("no filter %q", name))
	})
}

// insert puts filters at a place in the chain.
func (e *editor) insert(at int, list ...*hcmv3.HttpFilter) {
	e.manager(func(m *hcmv3.HttpConnectionManager) {
		m.HttpFilters = append(m.HttpFilters[:at:at], append(list, m.HttpFilters[at:]...)...)
	})
}

// apply changes the mutations of cors-apply.
func (e *editor) apply(f func(*mutationv3.Mutations)) {
	e.filter(envoy.FilterApply, func(one *hcmv3.HttpFilter) {
		unpacked(e, one.GetTypedConfig(), &mutationv3.HeaderMutation{}, func(m *mutationv3.HeaderMutation) { f(m.Mutations) })
	})
}

// varies changes cors-vary.
func (e *editor) varies(f func(*matchingv3.ExtensionWithMatcher)) {
	e.filter(envoy.FilterVary, func(one *hcmv3.HttpFilter) {
		unpacked(e, one.GetTypedConfig(), &matchingv3.ExtensionWithMatcher{}, f)
	})
}

// vary changes the mutations of cors-vary.
func (e *editor) vary(f func(*mutationv3.Mutations)) {
	e.varies(func(m *matchingv3.ExtensionWithMatcher) {
		unpacked(e, m.GetExtensionConfig().GetTypedConfig(), &mutationv3.HeaderMutation{}, func(h *mutationv3.HeaderMutation) { f(h.Mutations) })
	})
}

// varyMatcher changes which responses cors-vary leaves alone.
func (e *editor) varyMatcher(f func(*matchv3.StringMatcher)) {
	e.varies(func(m *matchingv3.ExtensionWithMatcher) {
		f(m.GetXdsMatcher().GetMatcherList().GetMatchers()[0].GetPredicate().GetSinglePredicate().GetValueMatch())
	})
}

// plainVary has every response get a value appended to its Vary, in the place of cors-vary.
func (e *editor) plainVary(value string) {
	var add *anypb.Any
	e.vary(func(m *mutationv3.Mutations) {
		m.GetResponseMutations()[0].GetAppend().GetHeader().Value = value
		add = e.packed(&mutationv3.HeaderMutation{Mutations: m})
	})
	e.filter(envoy.FilterVary, func(one *hcmv3.HttpFilter) {
		one.ConfigType = &hcmv3.HttpFilter_TypedConfig{TypedConfig: add}
	})
}

// decide changes the matcher by which cors-decide chooses a call.
func (e *editor) decide(f func(*matchv3.Matcher)) {
	e.filter(envoy.FilterDecide, func(one *hcmv3.HttpFilter) {
		unpacked(e, one.GetTypedConfig(), &compositev3.Composite{}, func(c *compositev3.Composite) { f(c.GetMatcher()) })
	})
}

// between changes the matcher within that one, which chooses between the calls.
func (e *editor) between(f func(*matchv3.Matcher)) {
	e.decide(func(m *matchv3.Matcher) { f(m.GetMatcherList().GetMatchers()[0].GetOnMatch().GetMatcher()) })
}

// goesOn changes which requests go on when nobody answers: those that no policy refuses, and own ones (design C).
func (e *editor) goesOn(f func(safe, own *predicate)) {
	e.between(func(m *matchv3.Matcher) {
		l := m.GetMatcherList().GetMatchers()[1].GetPredicate().GetOrMatcher().GetPredicate()
		f(l[0], l[1])
	})
}

// action changes what one of the actions runs.
func (e *editor) action(name string, f func(*compositev3.ExecuteFilterAction)) {
	e.between(func(m *matchv3.Matcher) {
		choices := []*matchv3.Matcher_OnMatch{m.GetOnNoMatch()}
		for _, one := range m.GetMatcherList().GetMatchers() {
			choices = append(choices, one.GetOnMatch())
		}
		for _, one := range choices {
			if one.GetAction().GetName() == name {
				unpacked(e, one.GetAction().GetTypedConfig(), &compositev3.ExecuteFilterAction{}, f)
			}
		}
	})
}

// call changes one of the calls.
func (e *editor) call(name string, f func(*extprocv3.ExternalProcessor)) {
	e.action(name, func(x *compositev3.ExecuteFilterAction) {
		for _, one := range append(x.GetFilterChain().GetTypedConfig(), x.GetTypedConfig()) {
			if one.GetTypedConfig().MessageIs(&extprocv3.ExternalProcessor{}) {
				unpacked(e, one.GetTypedConfig(), &extprocv3.ExternalProcessor{}, f)
			}
		}
	})
}

// chain changes the filters around the call that fails open.
func (e *editor) chain(f func(*compositev3.FilterChainConfiguration)) {
	e.action(envoy.CallActual, func(x *compositev3.ExecuteFilterAction) { f(x.GetFilterChain()) })
}

// routes changes the route configuration.
func (e *editor) routes(f func(*routev3.RouteConfiguration)) {
	e.manager(func(m *hcmv3.HttpConnectionManager) { f(m.GetRouteConfig()) })
}

// route changes the catch-all route.
func (e *editor) route(f func(*routev3.Route)) {
	e.routes(func(rc *routev3.RouteConfiguration) { f(rc.GetVirtualHosts()[0].GetRoutes()[0]) })
}

// cluster changes the processors' cluster.
func (e *editor) cluster(f func(*clusterv3.Cluster)) { e.clusterOf(envoy.ClusterProcessor, f) }

func (e *editor) clusterOf(name string, f func(*clusterv3.Cluster)) {
	for _, c := range e.boot.GetStaticResources().GetClusters() {
		if c.GetName() == name {
			f(c)
		}
	}
}

// http2 changes how the processors' cluster speaks HTTP/2.
func (e *editor) http2(f func(*corev3.Http2ProtocolOptions)) {
	e.cluster(func(c *clusterv3.Cluster) {
		for _, a := range c.GetTypedExtensionProtocolOptions() {
			unpacked(e, a, &httpv3.HttpProtocolOptions{}, func(o *httpv3.HttpProtocolOptions) {
				f(o.GetExplicitHttpConfig().GetHttp2ProtocolOptions())
			})
		}
	})
}

// extension is a filter for the chain.
func (e *editor) extension(name string, config proto.Message) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: e.packed(config)}}
}

func (e *editor) router() *hcmv3.HttpFilter {
	return e.extension("envoy.filters.http.router", &routerv3.Router{})
}
