package envoy

import (
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/envoy/wire"
)

// anyHost is the domain of the virtual host for all domains that no other names.
const anyHost = "*"

func (b *builder) routes() *routev3.RouteConfiguration {
	rc := &routev3.RouteConfiguration{
		Name:                     "edge",
		IgnorePortInHostMatching: true,
	}
	taken := false
	for i, r := range b.o.Routes {
		rc.VirtualHosts = append(rc.VirtualHosts, b.virtualHost(i, r))
		taken = taken || indexOf(r.Domains, anyHost) >= 0
	}
	if !taken && !b.o.RoutesOnly {
		rc.VirtualHosts = append(rc.VirtualHosts, &routev3.VirtualHost{
			Name:    "any",
			Domains: []string{anyHost},
			Routes:  b.routesTo(ClusterApplication),
		})
	}
	return rc
}

func (b *builder) virtualHost(i int, r Route) *routev3.VirtualHost {
	v := &routev3.VirtualHost{
		Name:    fmt.Sprintf("route-%d", i),
		Domains: r.Domains,
		Routes:  b.routesTo(b.clusterOf(r.Upstream)),
	}
	if r.Tenant != "" {
		v.Name = r.Tenant
		v.TypedPerFilterConfig = map[string]*anypb.Any{FilterDecide: b.hint(r.Tenant)}
	}
	return v
}

// hint sends the tenant in the metadata of the call, where no client can write.
func (b *builder) hint(tenant string) *anypb.Any {
	return b.any(&extprocv3.ExtProcPerRoute{
		Override: &extprocv3.ExtProcPerRoute_Overrides{
			Overrides: &extprocv3.ExtProcOverrides{
				GrpcInitialMetadata: []*corev3.HeaderValue{{Key: wire.GRPCTenant, Value: tenant}},
			},
		},
	})
}

func (b *builder) routesTo(cluster string) []*routev3.Route {
	out := append(b.rumRoutes(), b.o.ExtraRoutes...)
	return append(out, &routev3.Route{
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
			Timeout:          seconds(0),
		}},
	})
}
