package lint

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/envoy/wire"
)

// routeTable is what the rules need of a route configuration. The rest of it, which may be most
// of a dump, is let go.
type routeTable struct {
	at Place
	// keys are the filters that any part of it has settings for.
	keys map[string]bool
	// overrides are the settings that rules look into.
	overrides []override
	// policies are where Envoy's own CORS filter has a policy.
	policies []Place
	// adds are response headers of CORS that routes add.
	adds []headerAdd
	// forwards counts the routes to an application, and removes, by header, those of them that take it off the response.
	forwards int
	removes  map[string]int
}

// override is what one part of a route configuration says of one filter.
type override struct {
	key    string
	config proto.Message
	at     Place
	serves serves
	// ours says that it is one of corsgate's own paths, which have to do without its filters.
	ours bool
	// direct says that Envoy answers by itself.
	direct bool
}

// headerAdd is one header that is added to responses.
type headerAdd struct {
	name, value string
	at          Place
	// unfiltered says that the route switches filters off.
	unfiltered bool
}

func newRouteTable(rc *routev3.RouteConfiguration, at Place) *routeTable {
	t := &routeTable{at: at, keys: map[string]bool{}, removes: map[string]int{}}
	top := level{
		at: at, serves: all(), config: rc.GetTypedPerFilterConfig(),
		adds: rc.GetResponseHeadersToAdd(), removes: rc.GetResponseHeadersToRemove(),
	}
	t.level(top)
	for i, v := range rc.GetVirtualHosts() {
		host := level{
			at:     at.in("virtual host "+v.GetName(), fmt.Sprintf("virtual_hosts[%d]", i)),
			serves: all(), config: v.GetTypedPerFilterConfig(), adds: v.GetResponseHeadersToAdd(),
			removes: slices.Concat(top.removes, v.GetResponseHeadersToRemove()),
		}
		if v.GetCors() != nil { //nolint:staticcheck // deprecated is not gone
			t.policies = append(t.policies, host.at.in("", "cors"))
		}
		t.level(host)
		left := unmatched{}
		for j, r := range v.GetRoutes() {
			t.route(host, j, r, left.take(r.GetMatch()))
		}
	}
	return t
}

// level is the virtual host, the route or the whole, as far as filters and headers are concerned.
type level struct {
	at             Place
	serves         serves
	config         map[string]*anypb.Any
	adds           []*corev3.HeaderValueOption
	removes        []string
	direct, ours   bool
	forwards, bare bool
}

// unmatched says by path which samples no route of a virtual host has taken so far.
type unmatched map[string]serves

// everywhere is the path of routes that match all.
const everywhere = "prefix /"

// take gives the samples that come to a route, and keeps those that go on. Paths that overlap in
// other ways are not compared.
func (u unmatched) take(m *routev3.RouteMatch) serves {
	path := "other " + m.GetPathSeparatedPrefix() + m.GetSafeRegex().GetRegex()
	switch m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		path = "prefix " + m.GetPrefix()
	case *routev3.RouteMatch_Path:
		path = "path " + m.GetPath()
	}
	matches, left := routeMatch(m), u.left(path)
	rest := left
	for s := range samples {
		rest[s] = min(rest[s], matches[s].not())
	}
	u[path] = rest
	return matches.and(left).and(u.before(path))
}

// left are those that no route of this path has taken.
func (u unmatched) left(path string) serves {
	if left, ok := u[path]; ok {
		return left
	}
	return all()
}

// before are those that no route of all paths has taken.
func (u unmatched) before(path string) serves {
	if path == everywhere {
		return all()
	}
	return u.left(everywhere)
}

func (t *routeTable) route(host level, i int, r *routev3.Route, to serves) {
	name := r.GetName()
	if name == "" {
		name = strconv.Itoa(i + 1)
	}
	path := r.GetMatch().GetPath()
	l := level{
		at:     host.at.in("route "+name, fmt.Sprintf("routes[%d]", i)),
		serves: to, config: r.GetTypedPerFilterConfig(), adds: r.GetResponseHeadersToAdd(),
		removes: slices.Concat(host.removes, r.GetResponseHeadersToRemove()),
		direct:  r.GetDirectResponse() != nil || r.GetRedirect() != nil,
		ours:    path == wire.PathPing || path == wire.PathCORSPing || path == wire.PathRUM,
	}
	l.forwards = r.GetRoute() != nil && !l.ours
	if r.GetRoute().GetCors() != nil { //nolint:staticcheck // deprecated is not gone
		t.policies = append(t.policies, l.at.in("", "route.cors"))
	}
	t.level(l)
	for j, c := range r.GetRoute().GetWeightedClusters().GetClusters() {
		t.level(level{
			at:     l.at.in("cluster "+c.GetName(), fmt.Sprintf("route.weighted_clusters.clusters[%d]", j)),
			serves: l.serves, config: c.GetTypedPerFilterConfig(), adds: c.GetResponseHeadersToAdd(),
		})
	}
}

func (t *routeTable) level(l level) {
	for _, key := range slices.Sorted(maps.Keys(l.config)) {
		t.keys[key] = true
		at := l.at.in("", "typed_per_filter_config."+key)
		switch config := unpack(l.config[key]).(type) {
		case *corsv3.CorsPolicy:
			t.policies = append(t.policies, at)
		case *routev3.FilterConfig:
			l.bare = l.bare || config.GetDisabled()
			t.overrides = append(t.overrides, override{key, config, at, l.serves, l.ours, l.direct})
		case *extprocv3.ExtProcPerRoute, *compositev3.CompositePerRoute, *mutationv3.HeaderMutationPerRoute:
			t.overrides = append(t.overrides, override{key, config, at, l.serves, l.ours, l.direct})
		}
	}
	for i, add := range l.adds {
		name := strings.ToLower(add.GetHeader().GetKey())
		if strings.HasPrefix(name, wire.HeaderCORSPrefix) && !l.ours {
			at := l.at.in("", fmt.Sprintf("response_headers_to_add[%d]", i))
			t.adds = append(t.adds, headerAdd{name, add.GetHeader().GetValue(), at, l.bare})
		}
	}
	if !l.forwards {
		return
	}
	t.forwards++
	gone := map[string]bool{}
	for _, name := range l.removes {
		gone[strings.ToLower(name)] = true
	}
	for name := range gone {
		t.removes[name]++
	}
}

// merge adds what another table has.
func (t *routeTable) merge(other *routeTable) {
	maps.Copy(t.keys, other.keys)
	t.overrides = append(t.overrides, other.overrides...)
	t.policies = append(t.policies, other.policies...)
	t.adds = append(t.adds, other.adds...)
	t.forwards += other.forwards
	for name, n := range other.removes {
		t.removes[name] += n
	}
}

// strips reports whether every route to an application takes a header off the response.
func (t *routeTable) strips(header string) bool {
	return t != nil && t.forwards > 0 && t.removes[header] == t.forwards
}

// writes reports whether routes write a header from the decision.
func (t *routeTable) writes(header string) bool {
	return t != nil && slices.ContainsFunc(t.adds, func(a headerAdd) bool { return a.name == header && fromDecision(a.value) })
}

// fromDecision reports whether a value comes from the processor.
func fromDecision(value string) bool {
	return strings.Contains(value, "%DYNAMIC_METADATA(")
}
