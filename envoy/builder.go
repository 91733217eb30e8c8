package envoy

import (
	"net"
	"strconv"
	"strings"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	overloadv3 "github.com/envoyproxy/go-control-plane/envoy/config/overload/v3"
	connectionsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// maxDownstreamConnections bounds the memory that idle clients can take. It stays below
// the file descriptor limits that containers usually have.
const maxDownstreamConnections = 50_000

// builder holds what the parts of one bootstrap share.
type builder struct {
	packer
	o Options
	// upstreams are the distinct application addresses, the default one first.
	upstreams []string
}

// Bootstrap builds the complete configuration of an Envoy process. The error joins an
// [*OptionError] for every option that is wrong.
func Bootstrap(o Options) (*bootstrapv3.Bootstrap, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	b := &builder{o: o, upstreams: upstreamsOf(&o)}
	boot := &bootstrapv3.Bootstrap{
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{
			Listeners: []*listenerv3.Listener{b.listener()},
			Clusters:  b.clusters(),
		},
		StatsConfig: statsConfig(),
		OverloadManager: &overloadv3.OverloadManager{
			ResourceMonitors: []*overloadv3.ResourceMonitor{{
				Name: "envoy.resource_monitors.global_downstream_max_connections",
				ConfigType: &overloadv3.ResourceMonitor_TypedConfig{
					TypedConfig: b.any(&connectionsv3.DownstreamConnectionsConfig{
						MaxActiveDownstreamConnections: maxDownstreamConnections,
					}),
				},
			}},
		},
	}
	if o.Admin != "" {
		boot.Admin = &bootstrapv3.Admin{Address: address(o.Admin)}
	}
	if err := b.err(); err != nil {
		return nil, err
	}
	return boot, nil
}

func (b *builder) clusters() []*clusterv3.Cluster {
	processors := b.processorCluster(ClusterProcessor, b.o.Processors, b.o.ProcessorTLS)
	out := []*clusterv3.Cluster{processors, PreflightCluster(ClusterPreflight, processors)}
	for i := range b.upstreams {
		out = append(out, b.applicationCluster(i))
	}
	if r := b.o.RUM; r != nil && r.Collector != "" {
		out = append(out, b.rumCluster(r.Collector))
	}
	if t := b.o.Tracing; t != nil {
		out = append(out, b.collectorCluster(t.Collector))
	}
	return out
}

func upstreamsOf(o *Options) []string {
	out := []string{o.Upstream}
	for _, r := range o.Routes {
		if r.Upstream != "" && indexOf(out, r.Upstream) < 0 {
			out = append(out, r.Upstream)
		}
	}
	return out
}

// clusterOf is the name of the cluster of an upstream address; empty means the default.
func (b *builder) clusterOf(upstream string) string {
	if i := indexOf(b.upstreams, upstream); i > 0 {
		return ClusterApplication + "-" + strconv.Itoa(i)
	}
	return ClusterApplication
}

func indexOf(list []string, s string) int {
	for i, v := range list {
		if v == s {
			return i
		}
	}
	return -1
}

// address translates host:port or unix:PATH, which [Options.check] has seen.
func address(s string) *corev3.Address {
	if path, ok := strings.CutPrefix(s, unixScheme); ok {
		return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}}
	}
	host, port, _ := net.SplitHostPort(s)
	n, _ := strconv.ParseUint(port, 10, 16)
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(n)},
	}}}
}

func seconds(n int64) *durationpb.Duration { return durationpb.New(time.Duration(n) * time.Second) }

func millis(n int64) *durationpb.Duration    { return durationpb.New(time.Duration(n) * time.Millisecond) }
func count(n uint32) *wrapperspb.UInt32Value { return wrapperspb.UInt32(n) }
func yes() *wrapperspb.BoolValue             { return wrapperspb.Bool(true) }
func kib(n uint32) *wrapperspb.UInt32Value   { return wrapperspb.UInt32(n << 10) }
