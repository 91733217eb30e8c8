package lint

import (
	"fmt"
	"strings"

	xdstypev3 "github.com/cncf/xds/go/xds/type/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
)

// maxNesting is how deep filters may stand in one another.
const maxNesting = 8

// manager is one HTTP connection manager with its filters and routes.
type manager struct {
	*hcmv3.HttpConnectionManager
	at       Place
	listener *listenerv3.Listener
	// listenerAt is where that is.
	listenerAt Place
	filters    []*filter
	// table is nil when the routes are not here.
	table *routeTable
	calls []*call
}

// filter is one entry of the chain.
type filter struct {
	name     string
	at       Place
	disabled bool
	// inner are the filters that may run in its place, itself in the simplest case.
	inner []*inner
	// wrapper is how they are chosen: composite, match_delegate, or nothing.
	wrapper wrapper
	// missing says that its settings come by xDS and are not here.
	missing bool
}

type wrapper uint8

const (
	bare wrapper = iota
	composite
	delegate
)

// inner is a filter that runs for some requests.
type inner struct {
	name   string
	config proto.Message
	at     Place
	serves serves
	// unlessVaries says that it is passed by where Vary names Origin already.
	unlessVaries bool
}

// group is what findings of one listener have in common: its filter chains are often made alike,
// one for each certificate.
func (m *manager) group() string { return m.listenerAt.Path }

// managers puts everything together.
func (s *source) managers() []*manager {
	list := s.listeners
	if s.dump && !s.dumped.listeners {
		list = s.fromBootstrap
	}
	var out []*manager
	for _, l := range list {
		for i, fc := range l.GetFilterChains() {
			out = append(out, s.chain(l, fc, l.at.in(chainName(l.Listener, fc, i), fmt.Sprintf("filter_chains[%d]", i)))...)
		}
		if fc := l.GetDefaultFilterChain(); fc != nil {
			out = append(out, s.chain(l, fc, l.at.in(chainName(l.Listener, fc, -1), "default_filter_chain"))...)
		}
		if hcm, ok := unpack(l.GetApiListener().GetApiListener()).(*hcmv3.HttpConnectionManager); ok {
			out = append(out, s.manager(l, hcm, l.at.in("", "api_listener.api_listener")))
		}
	}
	return out
}

// chainName tells the filter chains of a listener apart, where there is more than one.
func chainName(l *listenerv3.Listener, fc *listenerv3.FilterChain, i int) string {
	if len(l.GetFilterChains()) < 2 && (l.GetDefaultFilterChain() == nil || len(l.GetFilterChains()) == 0) {
		return ""
	}
	switch {
	case fc.GetName() != "":
		return "filter chain " + fc.GetName()
	case i < 0:
		return "default filter chain"
	default:
		return fmt.Sprintf("filter chain %d", i+1)
	}
}

func (s *source) chain(l listenerAt, fc *listenerv3.FilterChain, at Place) []*manager {
	var out []*manager
	for i, f := range fc.GetFilters() {
		if hcm, ok := unpack(f.GetTypedConfig()).(*hcmv3.HttpConnectionManager); ok {
			out = append(out, s.manager(l, hcm, at.in("", fmt.Sprintf("filters[%d].typed_config", i))))
		}
	}
	return out
}

func (s *source) manager(l listenerAt, hcm *hcmv3.HttpConnectionManager, at Place) *manager {
	m := &manager{HttpConnectionManager: hcm, at: at, listener: l.Listener, listenerAt: l.at}
	switch {
	case hcm.GetRouteConfig() != nil:
		m.table = newRouteTable(hcm.GetRouteConfig(), at.in("", "route_config"))
	case hcm.GetRds() != nil:
		m.table = s.tables[hcm.GetRds().GetRouteConfigName()]
	case hcm.GetScopedRoutes() != nil:
		m.table = s.scoped()
	}
	for i, f := range hcm.GetHttpFilters() {
		m.filters = append(m.filters, s.filter(f, at.in("filter "+f.GetName(), fmt.Sprintf("http_filters[%d]", i))))
	}
	return m
}

func (s *source) filter(f *hcmv3.HttpFilter, at Place) *filter {
	out := &filter{name: f.GetName(), at: at, disabled: f.GetDisabled()}
	config := f.GetTypedConfig()
	at = at.in("", "typed_config")
	if d := f.GetConfigDiscovery(); d != nil {
		found, ok := s.filters[f.GetName()]
		config = d.GetDefaultConfig()
		if ok {
			config = found.GetTypedConfig()
			at.Path = found.at.Path + ".typed_config"
		}
		out.missing = config == nil
	}
	u := &unwrapping{filter: out}
	u.unwrap(f.GetName(), unpack(config), at, all(), 0)
	return out
}

type unwrapping struct {
	*filter
	unlessVaries bool
}

// unwrap finds the filters that may run in the place of config.
func (u *unwrapping) unwrap(name string, config proto.Message, at Place, in serves, depth int) {
	if depth > maxNesting {
		return
	}
	switch c := config.(type) {
	case *compositev3.Composite:
		u.wrapper = composite
		if c.GetMatcher() == nil {
			return // it does nothing, unless match_delegate chooses for it
		}
		found := choices(c.GetMatcher(), "matcher")
		for _, choice := range found {
			u.execute(choice, c, at, in, depth)
		}
	case *matchingv3.ExtensionWithMatcher:
		u.delegated(c, at, in, depth)
	case nil:
	default:
		u.inner = append(u.inner, &inner{name: name, config: config, at: at, serves: in, unlessVaries: u.unlessVaries})
	}
}

// execute follows an action of composite to its filters.
func (u *unwrapping) execute(choice choice, c *compositev3.Composite, at Place, in serves, depth int) {
	run, ok := unpack(choice.action).(*compositev3.ExecuteFilterAction)
	if !ok {
		return
	}
	at = at.in("action "+choice.name, choice.path)
	in = in.and(choice.serves)
	if run.GetSamplePercent() != nil {
		in = in.and(every(maybe))
	}
	if f := run.GetTypedConfig(); f != nil {
		u.extension(f, at.in("", "typed_config"), in, depth)
	}
	chain := run.GetFilterChain().GetTypedConfig()
	if name := run.GetFilterChainName(); name != "" {
		chain = c.GetNamedFilterChains()[name].GetTypedConfig()
	}
	for i, f := range chain {
		u.extension(f, at.in("", fmt.Sprintf("filter_chain.typed_config[%d]", i)), in, depth)
	}
}

func (u *unwrapping) extension(f *corev3.TypedExtensionConfig, at Place, in serves, depth int) {
	u.unwrap(f.GetName(), unpack(f.GetTypedConfig()), at.in("", "typed_config"), in, depth+1)
}

// delegated follows match_delegate: a filter that some requests pass by, or the older way to
// tell composite what to run.
func (u *unwrapping) delegated(c *matchingv3.ExtensionWithMatcher, at Place, in serves, depth int) {
	found := choices(c.GetXdsMatcher(), "xds_matcher")
	if comp, ok := unpack(c.GetExtensionConfig().GetTypedConfig()).(*compositev3.Composite); ok {
		u.wrapper = composite
		for _, choice := range found {
			u.execute(choice, comp, at, in, depth)
		}
		return
	}
	u.wrapper = delegate
	if unlessVaries(c.GetXdsMatcher()) {
		u.unlessVaries, found = true, nil
	}
	for _, choice := range found {
		if _, skips := unpack(choice.action).(*skipv3.SkipFilter); skips {
			for s := range samples {
				in[s] = min(in[s], choice.serves[s].not())
			}
		}
	}
	if c.GetMatcher() != nil { //nolint:staticcheck // deprecated is not gone
		in = in.and(every(maybe))
	}
	u.extension(c.GetExtensionConfig(), at.in("", "extension_config"), in, depth)
}

// active reports whether a filter runs at all: it is not switched off, or some route has
// settings for it.
func (m *manager) active(f *filter) bool {
	return !f.disabled || m.table == nil || m.table.keys[f.name]
}

// mentions reports whether the settings of an extension that is not known to this program, a
// script for instance, hold a text.
func mentions(config proto.Message, text string) bool {
	s, ok := config.(*xdstypev3.TypedStruct)
	if !ok {
		return false
	}
	b, err := proto.Marshal(s.GetValue())
	return err == nil && strings.Contains(strings.ToLower(string(b)), text)
}
