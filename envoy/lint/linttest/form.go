package linttest

import (
	"fmt"
	"slices"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	inputv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/wire"
)

// Form is a right configuration in another form than the rendered one.
type Form struct {
	Name string
	Text []byte
}

// Forms are all of them. The error says which could not be made.
func Forms() ([]Form, error) {
	var out []Form
	for _, f := range []struct {
		name string
		edit func(*editor)
	}{
		{"match_delegate", (*editor).delegate},
		{"routes choose", (*editor).routeGate},
		{"routes strip", (*editor).routeStrip},
		{"one by one, and an expression", (*editor).oneByOne},
		{"behind Istio", (*editor).istio},
	} {
		text, err := render(envoy.DefaultOptions(envoy.Metadata), f.edit)
		if err != nil {
			return nil, fmt.Errorf("form %s: %w", f.name, err)
		}
		out = append(out, Form{f.name, text})
	}
	return out, nil
}

// copyOf gives a call of cors-decide.
func (e *editor) copyOf(name string) *extprocv3.ExternalProcessor {
	out := &extprocv3.ExternalProcessor{}
	e.call(name, func(p *extprocv3.ExternalProcessor) { proto.Merge(out, p) })
	return out
}

// instead puts filters in the place of cors-decide.
func (e *editor) instead(list ...*hcmv3.HttpFilter) {
	e.manager(func(m *hcmv3.HttpConnectionManager) {
		m.HttpFilters = slices.DeleteFunc(m.HttpFilters, func(f *hcmv3.HttpFilter) bool { return f.GetName() == envoy.FilterDecide })
	})
	e.insert(2, list...)
}

// delegate has each filter in a match_delegate of its own, as older Envoys need it.
func (e *editor) delegate() {
	list := []*hcmv3.HttpFilter{
		e.extension("cors-preflight", e.skip(not(e.isPreflight()), e.copyOf(envoy.CallPreflight))),
		e.extension("cors-actual-closed", e.skip(anyOf(e.isOther(), e.mayGoOn()), e.copyOf(envoy.CallActualClosed))),
	}
	list = append(list, e.undecided()...)
	e.instead(append(list, e.extension(envoy.FilterDecide, e.skip(anyOf(e.isOther(), not(e.mayGoOn())), e.copyOf(envoy.CallActual))))...)
}

// undecided are the filters that keep responses out of caches until corsgate has answered.
func (e *editor) undecided() []*hcmv3.HttpFilter {
	var out []*hcmv3.HttpFilter
	e.chain(func(c *compositev3.FilterChainConfiguration) {
		for _, one := range c.GetTypedConfig()[:2] {
			m, err := one.GetTypedConfig().UnmarshalNew()
			e.fail(err)
			out = append(out, e.extension(one.GetName(), e.skip(anyOf(e.isOther(), not(e.mayGoOn())), m)))
		}
	})
	return out
}

func (e *editor) isPreflight() *predicate {
	return allOf(e.header(":method", exactly("OPTIONS")), e.header(wire.HeaderOrigin, notEmpty()), e.header(wire.HeaderRequestMethod, notEmpty()))
}

// isOther matches what is no cross-origin request, and preflights.
func (e *editor) isOther() *predicate {
	return anyOf(e.isPreflight(), not(e.header(wire.HeaderOrigin, notEmpty())))
}

// mayGoOn matches what no policy refuses: safe methods without an upgrade, and the requests of one host's own pages.
func (e *editor) mayGoOn() *predicate {
	safe := allOf(anyOf(e.header(":method", exactly("GET")), e.header(":method", exactly("HEAD"))), not(e.header(wire.HeaderUpgrade, notEmpty())))
	return anyOf(safe, e.header(wire.HeaderOrigin, exactly(ownOrigin)))
}

// ownOrigin is that of the pages of one host.
const ownOrigin = "https://api.example"

type predicate = matchv3.Matcher_MatcherList_Predicate

// skip passes by a filter where a predicate holds.
func (e *editor) skip(when *predicate, filter proto.Message) *matchingv3.ExtensionWithMatcher {
	return &matchingv3.ExtensionWithMatcher{
		XdsMatcher: &matchv3.Matcher{MatcherType: &matchv3.Matcher_MatcherList_{MatcherList: &matchv3.Matcher_MatcherList{
			Matchers: []*matchv3.Matcher_MatcherList_FieldMatcher{{
				Predicate: when,
				OnMatch: &matchv3.Matcher_OnMatch{OnMatch: &matchv3.Matcher_OnMatch_Action{
					Action: &xdscorev3.TypedExtensionConfig{Name: "skip", TypedConfig: e.packed(&skipv3.SkipFilter{})},
				}},
			}},
		}}},
		ExtensionConfig: &corev3.TypedExtensionConfig{Name: "filter", TypedConfig: e.packed(filter)},
	}
}

func (e *editor) header(name string, value *matchv3.StringMatcher) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate_{
		SinglePredicate: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate{
			Input:   &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: e.packed(&inputv3.HttpRequestHeaderMatchInput{HeaderName: name})},
			Matcher: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: value},
		},
	}}
}

func list(of []*predicate) *matchv3.Matcher_MatcherList_Predicate_PredicateList {
	return &matchv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: of}
}

func allOf(of ...*predicate) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_AndMatcher{AndMatcher: list(of)}}
}

func anyOf(of ...*predicate) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_OrMatcher{OrMatcher: list(of)}}
}

func not(p *predicate) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_NotMatcher{NotMatcher: p}}
}

func exactly(s string) *matchv3.StringMatcher {
	return &matchv3.StringMatcher{MatchPattern: &matchv3.StringMatcher_Exact{Exact: s}}
}

func notEmpty() *matchv3.StringMatcher {
	return &matchv3.StringMatcher{MatchPattern: &matchv3.StringMatcher_SafeRegex{SafeRegex: &matchv3.RegexMatcher{
		EngineType: &matchv3.RegexMatcher_GoogleRe2{GoogleRe2: &matchv3.RegexMatcher_GoogleRE2{}}, Regex: ".+",
	}}}
}

// routeGate has the filter switched off in the chain and on in routes that match the headers, as Envoy Gateway does.
func (e *editor) routeGate() {
	decide := e.extension(envoy.FilterDecide, e.copyOf(envoy.CallPreflight))
	decide.Disabled = true
	processors := e.copyOf(envoy.CallActual).GetGrpcService()
	e.instead(append(e.undecided(), decide)...)
	e.routes(func(rc *routev3.RouteConfiguration) {
		v := rc.GetVirtualHosts()[0]
		catchAll := v.GetRoutes()[0]
		with := func(open bool, service *corev3.GrpcService, headers ...*routev3.HeaderMatcher) *routev3.Route {
			r, _ := proto.Clone(catchAll).(*routev3.Route)
			r.Match.Headers = headers
			r.TypedPerFilterConfig = e.per(envoy.FilterDecide, &extprocv3.ExtProcPerRoute{Override: &extprocv3.ExtProcPerRoute_Overrides{
				Overrides: &extprocv3.ExtProcOverrides{
					FailureModeAllow:    wrapperspb.Bool(open),
					GrpcService:         service,
					GrpcInitialMetadata: []*corev3.HeaderValue{{Key: wire.GRPCTenant, Value: "acme"}},
				},
			}})
			return r
		}
		origin, upgrade := present(wire.HeaderOrigin), present(wire.HeaderUpgrade)
		upgrade.InvertMatch = true
		v.Routes = []*routev3.Route{
			with(false, nil, value(":method", "OPTIONS"), origin, present(wire.HeaderRequestMethod)),
			with(true, processors, value(":method", "GET"), origin, upgrade),
			with(true, processors, value(wire.HeaderOrigin, ownOrigin)),
			with(false, processors, origin),
			catchAll,
		}
	})
}

func present(name string) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}}
}

func value(name, is string) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{
		StringMatch: &inputv3.StringMatcher{MatchPattern: &inputv3.StringMatcher_Exact{Exact: is}},
	}}
}

// routeStrip has the routes remove what the application sent, and the filter write only.
func (e *editor) routeStrip() {
	var removed []string
	for _, h := range removals() {
		removed = append(removed, h.GetRemove())
	}
	e.apply(func(m *mutationv3.Mutations) { m.ResponseMutations = m.GetResponseMutations()[1:] })
	e.route(func(r *routev3.Route) { r.ResponseHeadersToRemove = removed })
}

// oneByOne removes headers by their names, and has an expression for Vary, as Envoy Gateway's late
// response headers need it.
func (e *editor) oneByOne() {
	e.apply(func(m *mutationv3.Mutations) {
		m.ResponseMutations = append(removals(), m.GetResponseMutations()[1:]...)
	})
	e.plainVary(`%CEL('vary' in response.headers && response.headers['vary'].matches('(?i)(^|,)[ \t]*(origin|[*])[ \t]*(,|$)') ? '' : 'Origin')%`)
}

// istio has what Istio puts into each chain, and endpoints by xDS.
func (e *editor) istio() {
	e.insert(3, e.extension("envoy.filters.http.rbac", &rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{}}),
		e.extension("envoy.filters.http.cors", &corsv3.Cors{}))
	e.manager(func(m *hcmv3.HttpConnectionManager) { m.UseRemoteAddress = nil })
	e.boot.StaticResources.Listeners[0].TrafficDirection = corev3.TrafficDirection_INBOUND
	e.boot.Node = &corev3.Node{Id: "edge", Cluster: "edge"}
	e.cluster(func(c *clusterv3.Cluster) {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.LoadAssignment, c.HealthChecks = nil, nil
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: byFile("/dev/null")}
	})
}

// byFile is xDS in a file.
func byFile(path string) *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{PathConfigSource: &corev3.PathConfigSource{Path: path}},
	}
}
