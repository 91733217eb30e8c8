package lint

import (
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
)

const (
	ruleClusterMissing ID = "cluster-missing"
	ruleClusterHTTP2   ID = "cluster-http2"
	ruleBreakers       ID = "circuit-breakers"
	rulePreflightLimit ID = "preflight-limits"
	ruleRetryBreaker   ID = "retry-breaker"
	rulePanic          ID = "panic-threshold"
	ruleHealthMissing  ID = "health-check-missing"
	ruleHealthIdle     ID = "health-check-idle"
	ruleHealthKind     ID = "health-check-kind"
	ruleKeepalive      ID = "keepalive-missing"
	ruleKeepaliveFast  ID = "keepalive-fast"
	ruleConnectTimeout ID = "connect-timeout"
	ruleOutlier        ID = "outlier-5xx"
)

const (
	httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
	// minPing is what corsgate's server allows; it closes the connection of who pings more often.
	minPing = 5 * time.Second
	// defaultBreaker and defaultRetries are Envoy's.
	defaultBreaker = 1024
	defaultRetries = 3
	// maxIdleCheck is how long a process may hang unseen before the first request.
	maxIdleCheck = 5 * time.Second
	// maxConnect is how long a dead host may cost.
	maxConnect = time.Second
)

func clusterRules() []Rule {
	return []Rule{
		{ruleClusterMissing, Error, "the processors' cluster does not exist"},
		{ruleClusterHTTP2, Error, "the processors' cluster does not speak HTTP/2"},
		{ruleBreakers, Warning, "the circuit breaker has Envoy's default"},
		{rulePreflightLimit, Warning, "a flood of preflights can take all calls"},
		{ruleRetryBreaker, Warning, "too few retries are allowed at a time"},
		{rulePanic, Warning, "sick processors are asked when none is well"},
		{ruleHealthMissing, Warning, "nothing finds a processor that hangs"},
		{ruleHealthIdle, Warning, "the health check waits for traffic"},
		{ruleHealthKind, Warning, "the health check does not ask corsgate"},
		{ruleKeepalive, Warning, "nothing finds a connection that died"},
		{ruleKeepaliveFast, Error, "pings come faster than corsgate allows"},
		{ruleConnectTimeout, Warning, "a dead host costs seconds"},
		{ruleOutlier, Note, "errors of single calls can take a processor out"},
	}
}

// cluster holds a cluster that calls ask against the rules.
func (l *linter) cluster(p *processors) {
	cl, at, ok := l.config.cluster(p.name)
	switch {
	case at != (Place{}) && !ok:
		return // it could not be read
	case !ok && l.config.dynamic && !l.config.dump:
		l.add(ruleElsewhere, "", p.at, "cluster "+p.name+" comes by xDS and is not in this file", "lint the config dump or the administration port")
		return
	case !ok:
		l.add(ruleClusterMissing, "", p.at,
			"cluster "+p.name+" does not exist: every call fails at once",
			"add it as corsgate render envoy does; in Istio the proxy has to see the Service")
		return
	}
	options := httpOptionsOf(cl)
	l.load(p, cl, at)
	l.health(cl, at)
	l.pings(cl, options, at)
	if t := cl.GetConnectTimeout(); t == nil || t.AsDuration() > maxConnect {
		was := "5s, the default"
		if t != nil {
			was = t.AsDuration().String()
		}
		l.add(ruleConnectTimeout, "", at, "connect_timeout is "+was+": so long does a host that does not answer take calls which then fail", "set connect_timeout: 0.25s")
	}
	if o := cl.GetOutlierDetection(); o != nil && (o.GetEnforcingConsecutive_5Xx() == nil || o.GetEnforcingConsecutive_5Xx().GetValue() > 0) {
		l.add(ruleOutlier, "", at,
			"outlier_detection counts errors of single calls: a client that provokes five in a row takes a processor away from all others",
			"set enforcing_consecutive_5xx: 0 and enforcing_consecutive_gateway_failure: 100")
	}
}

// httpOptionsOf gives the protocol options of a cluster, or nil.
func httpOptionsOf(c *clusterv3.Cluster) *httpv3.HttpProtocolOptions {
	o, _ := unpack(c.GetTypedExtensionProtocolOptions()[httpOptions]).(*httpv3.HttpProtocolOptions)
	return o
}

// load looks at how many calls may be open.
func (l *linter) load(p *processors, c *clusterv3.Cluster, at Place) {
	var requests, pending, retries uint32 = defaultBreaker, defaultBreaker, defaultRetries
	budget := false
	for _, t := range c.GetCircuitBreakers().GetThresholds() {
		if t.GetPriority() != corev3.RoutingPriority_DEFAULT {
			continue
		}
		if v := t.GetMaxRequests(); v != nil {
			requests = v.GetValue()
		}
		if v := t.GetMaxPendingRequests(); v != nil {
			pending = v.GetValue()
		}
		if v := t.GetMaxRetries(); v != nil {
			retries = v.GetValue()
		}
		budget = budget || t.GetRetryBudget() != nil
	}
	l.preflights(p, requests, at)
	if !p.preflightsOnly() && (requests <= defaultBreaker || pending <= defaultBreaker) {
		l.add(ruleBreakers, "", at,
			fmt.Sprintf("circuit_breakers allow %d requests and %d waiting ones, for all workers together: each open call counts, and what is more fails with overflow", requests, pending),
			"set max_requests: 1000000, max_pending_requests: 100000 and max_connections: 100000 in circuit_breakers.thresholds")
	}
	if retries <= defaultRetries && !budget {
		l.add(ruleRetryBreaker, "", at,
			fmt.Sprintf("circuit_breakers allow %d retries at a time: when a processor dies with more calls in flight, the others fail", retries),
			"set max_retries: 1000 in circuit_breakers.thresholds")
	}
}

// preflightsOnly reports whether nothing else is known to ask this cluster.
func (p *processors) preflightsOnly() bool {
	return p.serves[preflight] != no && p.serves.crossOrigin() != yes && p.serves[plain] != yes
}

// preflights looks at how many preflights may be open. They need no credentials, so anybody can send many.
func (l *linter) preflights(p *processors, requests uint32, at Place) {
	if p.serves[preflight] != yes || p.preflightsOnly() && requests <= defaultBreaker {
		return
	}
	what := "preflights ask the same cluster as other requests and have no limit of their own"
	if p.preflightsOnly() {
		what = fmt.Sprintf("preflights have a cluster of their own, which lets %d be open at once", requests)
	}
	l.add(rulePreflightLimit, "", at,
		what+": a flood of them, which needs no credentials, takes the processors' time from all other requests",
		"have preflights ask a cluster of their own with max_requests: 200 in circuit_breakers.thresholds, as corsgate render envoy does")
}

// health looks at how a process that hangs or ends is found.
func (l *linter) health(c *clusterv3.Cluster, at Place) {
	if p := c.GetCommonLbConfig().GetHealthyPanicThreshold(); p == nil || p.GetValue() > mostPanic(at) {
		l.add(rulePanic, "", at,
			"healthy_panic_threshold is not 0: when most processors are down, Envoy asks the dead ones too, and requests wait for message_timeout instead of failing at once",
			"set common_lb_config: {healthy_panic_threshold: {value: 0}}")
	}
	checks := c.GetHealthChecks()
	if len(checks) == 0 {
		// With endpoints by xDS the platform tells which are well.
		if c.GetType() != clusterv3.Cluster_EDS {
			l.add(ruleHealthMissing, "", at,
				"no health_checks: a processor that hangs is asked on and on, and nothing else finds it",
				"add a grpc_health_check with interval, timeout and no_traffic_interval as in corsgate render envoy")
		}
		return
	}
	for i, h := range checks {
		at := at.in("", indexed("health_checks", i))
		if h.GetGrpcHealthCheck() == nil {
			l.add(ruleHealthKind, "", at,
				"the health check is not grpc_health_check: corsgate says over gRPC that it is about to end, and a port that opens says nothing of a process that hangs",
				"use grpc_health_check: {}")
		}
		if idle := h.GetNoTrafficInterval(); idle == nil || idle.AsDuration() > maxIdleCheck {
			l.add(ruleHealthIdle, "", at,
				"no_traffic_interval is not set or long: before the first request a processor is checked once in 60 s by default, so that a new one is not used, or a dead one is",
				"set no_traffic_interval: 0.5s")
		}
	}
}

// pings looks at HTTP/2, which gRPC needs, and its pings.
func (l *linter) pings(c *clusterv3.Cluster, o *httpv3.HttpProtocolOptions, at Place) {
	h2 := o.GetExplicitHttpConfig().GetHttp2ProtocolOptions()
	if h2 == nil {
		h2 = c.GetHttp2ProtocolOptions() //nolint:staticcheck // deprecated is not gone
	}
	if h2 == nil && o.GetAutoConfig() != nil {
		h2 = o.GetAutoConfig().GetHttp2ProtocolOptions()
		if h2 == nil {
			h2 = &corev3.Http2ProtocolOptions{}
		}
	}
	if h2 == nil {
		if o.GetUseDownstreamProtocolConfig() == nil {
			l.add(ruleClusterHTTP2, "", at,
				"the cluster speaks HTTP/1, and gRPC needs HTTP/2: every call fails",
				"set http2_protocol_options in typed_extension_protocol_options, as corsgate render envoy does")
		}
		return
	}
	k := h2.GetConnectionKeepalive()
	if k.GetInterval() == nil && k.GetConnectionIdleInterval() == nil {
		l.add(ruleKeepalive, "", at,
			"no connection_keepalive: a connection that died without a word, behind a NAT or on a lost node, takes calls until TCP gives up",
			"set connection_keepalive: {interval: 30s, timeout: 3s, connection_idle_interval: 15s}")
		return
	}
	if i := k.GetInterval(); i != nil && i.AsDuration() < minPing {
		l.add(ruleKeepaliveFast, "", at,
			"connection_keepalive.interval is "+i.AsDuration().String()+", and corsgate allows one ping in "+minPing.String()+": it closes the connection with too_many_pings, and its calls fail",
			"set interval: 30s")
	}
}
