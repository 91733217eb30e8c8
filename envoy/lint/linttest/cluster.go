package linttest

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy"
)

func clusters() []spec {
	edit := func(f func(*clusterv3.Cluster)) func(*editor) { return func(e *editor) { e.cluster(f) } }
	ping := func(d time.Duration) func(*editor) {
		return func(e *editor) {
			e.http2(func(o *corev3.Http2ProtocolOptions) { o.ConnectionKeepalive.Interval = durationpb.New(d) })
		}
	}
	return []spec{
		{rule: "cluster-missing", edit: edit(func(c *clusterv3.Cluster) {
			c.Name = "gone"
			c.LoadAssignment.ClusterName = "gone"
		})},
		{rule: "cluster-http2", refused: true, edit: edit(func(c *clusterv3.Cluster) { c.TypedExtensionProtocolOptions = nil })},
		{rule: "circuit-breakers", edit: edit(func(c *clusterv3.Cluster) {
			t := c.CircuitBreakers.Thresholds[0]
			t.MaxRequests, t.MaxPendingRequests = nil, nil
		})},
		{rule: "preflight-limits", edit: preflightCall(func(p *extprocv3.ExternalProcessor) {
			p.GetGrpcService().GetEnvoyGrpc().ClusterName = envoy.ClusterProcessor
		})},
		{rule: "preflight-limits", name: "none", edit: func(e *editor) {
			e.clusterOf(envoy.ClusterPreflight, func(c *clusterv3.Cluster) {
				c.CircuitBreakers.Thresholds[0].MaxRequests = wrapperspb.UInt32(1_000_000)
			})
		}},
		{rule: "retry-breaker", edit: edit(func(c *clusterv3.Cluster) { c.CircuitBreakers.Thresholds[0].MaxRetries = nil })},
		{rule: "panic-threshold", edit: edit(func(c *clusterv3.Cluster) { c.CommonLbConfig.HealthyPanicThreshold = nil })},
		{rule: "panic-threshold", name: "half", edit: edit(func(c *clusterv3.Cluster) {
			c.CommonLbConfig.HealthyPanicThreshold = &typev3.Percent{Value: 50}
		})},
		{rule: "health-check-missing", edit: edit(func(c *clusterv3.Cluster) { c.HealthChecks = nil })},
		{rule: "health-check-idle", edit: edit(func(c *clusterv3.Cluster) { c.HealthChecks[0].NoTrafficInterval = nil })},
		{rule: "health-check-kind", edit: edit(func(c *clusterv3.Cluster) {
			c.HealthChecks[0].HealthChecker = &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}}
		})},
		{rule: "keepalive-missing", edit: func(e *editor) {
			e.http2(func(o *corev3.Http2ProtocolOptions) { o.ConnectionKeepalive = nil })
		}},
		{rule: "keepalive-fast", edit: ping(time.Second)},
		{rule: "connect-timeout", edit: edit(func(c *clusterv3.Cluster) { c.ConnectTimeout = nil })},
		{rule: "outlier-5xx", edit: edit(func(c *clusterv3.Cluster) { c.OutlierDetection.EnforcingConsecutive_5Xx = wrapperspb.UInt32(100) })},
	}
}
