package envoy

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/envoy/wire"
)

// rumRoutes are the paths that tell a page's script what failed. Envoy answers the pings, so
// that they are up when nothing behind it is, and none of them sees our filters: what they
// answer must not depend on a policy, which is what they help to tell apart.
func (b *builder) rumRoutes() []*routev3.Route {
	if b.o.RUM == nil {
		return nil
	}
	out := []*routev3.Route{
		b.ping("rum-ping", wire.PathPing),
		b.ping("rum-cors-ping", wire.PathCORSPing, response(wire.HeaderAllowOrigin, "*")),
	}
	if b.o.RUM.Collector == "" {
		return out
	}
	return append(out, &routev3.Route{
		Name:  "rum-collector",
		Match: only("POST", wire.PathRUM),
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: ClusterRUM},
			Timeout:          seconds(5),
		}},
		RequestHeadersToRemove: []string{"authorization", "cookie", "referer"},
		TypedPerFilterConfig:   b.withoutOurs(),
	})
}

func (b *builder) ping(name, path string, more ...*corev3.HeaderValueOption) *routev3.Route {
	headers := []*corev3.HeaderValueOption{
		response("cache-control", "no-store"),
		response("cross-origin-resource-policy", "cross-origin"),
	}
	return &routev3.Route{
		Name:  name,
		Match: only("GET", path),
		Action: &routev3.Route_DirectResponse{
			DirectResponse: &routev3.DirectResponseAction{Status: 204},
		},
		ResponseHeadersToAdd: append(headers, more...),
		TypedPerFilterConfig: b.withoutOurs(),
	}
}

// only matches one method of one path, whatever its query.
func only(method, path string) *routev3.RouteMatch {
	return &routev3.RouteMatch{
		PathSpecifier: &routev3.RouteMatch_Path{Path: path},
		Headers: []*routev3.HeaderMatcher{{
			Name:                 ":method",
			HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: exactValue(method)},
		}},
	}
}

func response(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// withoutOurs switches the filters of CORS off, those named by a virtual host's settings too.
func (b *builder) withoutOurs() map[string]*anypb.Any {
	off := b.any(&routev3.FilterConfig{Disabled: true})
	out := map[string]*anypb.Any{FilterDecide: off}
	if b.o.Design == Metadata {
		out[FilterApply], out[FilterVary] = off, off
	}
	return out
}

// rumCluster speaks HTTP/1, the default.
func (b *builder) rumCluster(collector string) *clusterv3.Cluster {
	list := []string{collector}
	return &clusterv3.Cluster{
		Name:                          ClusterRUM,
		ClusterDiscoveryType:          discovery(list),
		DnsLookupFamily:               lookupFamily(list),
		ConnectTimeout:                seconds(1),
		PerConnectionBufferLimitBytes: kib(32),
		LoadAssignment:                assignment(ClusterRUM, list),
	}
}
