package istio

import (
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/page"
)

func (o *Options) preamble() string {
	what := map[envoy.Design]string{
		envoy.TwoCallbacks: "Design A: corsgate sees the request and the response of every exchange.",
		envoy.Metadata: "Design C: corsgate sees only requests that carry an Origin, once; the proxy writes the decision onto the response. " +
			"While no corsgate answers, no CORS header leaves the proxy, not even the application's.",
	}[o.Design]
	return "corsgate for Istio. Made by `corsgate render istio --design " + string(o.Design) + "`; change its flags rather than this file.\n\n" + what + "\n\n" +
		"Remove corsPolicy from VirtualServices and CORS filters from HTTPRoutes of these hosts: corsgate answers in their place. " +
		"Set meshConfig.pathNormalization.normalization to MERGE_SLASHES if policies depend on paths."
}

// destinationRule says of the cluster what can be said without a patch; the figures are those of
// [envoy.ProcessorCluster].
func (o *Options) destinationRule() (object, []page.Comment) {
	var p trafficPolicy
	p.LoadBalancer.Simple = "LEAST_REQUEST"
	p.ConnectionPool.TCP.MaxConnections = 100_000
	p.ConnectionPool.TCP.ConnectTimeout = "0.25s"
	p.ConnectionPool.HTTP.HTTP1MaxPendingRequests = 100_000
	p.ConnectionPool.HTTP.HTTP2MaxRequests = 1_000_000
	p.ConnectionPool.HTTP.MaxRetries = 1_000
	p.OutlierDetection.ConsecutiveGatewayErrors = 5
	p.OutlierDetection.Interval = "2s"
	p.OutlierDetection.BaseEjectionTime = "5s"
	p.OutlierDetection.MaxEjectionPercent = 50
	p.TLS.Mode = "DISABLE"
	tls := `corsgate's pods have no sidecar here: the proxies ask them in plain text. Everybody on the way can then change who may read responses; prefer the mesh.`
	if o.Service.Mesh {
		p.TLS.Mode = "ISTIO_MUTUAL"
		tls = `corsgate's pods have sidecars: the proxies prove who they are and so does corsgate, which decides who may read responses.`
	}
	at := func(field, text string) page.Comment { return page.At("spec/trafficPolicy/"+field, text) }
	out := object{
		APIVersion: "networking.istio.io/v1", Kind: "DestinationRule",
		Metadata: metadata{Name: o.Name, Namespace: o.Service.Namespace},
		Spec:     destinationRule{Host: o.Service.host(), TrafficPolicy: p},
	}
	return out, []page.Comment{
		at("connectionPool/tcp/connectTimeout", `A dead host must cost less than the patience of a browser.`),
		at("connectionPool/http", `Every open call counts as a request, and Envoy's default of 1024 for all workers together is soon reached. maxRetries has to cover all calls in flight when a process dies.`),
		at("outlierDetection", `Takes a pod out that resets or refuses calls while its health check is still well. Errors of single calls do not count (consecutive5xxErrors), lest a client that provokes some could take the pods away from all others. With no healthy pod the proxy fails at once (minHealthPercent), rather than try the sick ones until the message times out.`),
		at("tls", tls),
	}
}

func (o *Options) service() (object, []page.Comment) {
	out := object{
		APIVersion: "v1", Kind: "Service",
		Metadata: metadata{Name: o.Service.Name, Namespace: o.Service.Namespace},
		Spec: service{
			Selector: o.Service.Selector,
			Ports:    []port{{Name: "grpc", Port: o.Service.Port, TargetPort: processorPort, AppProtocol: "grpc"}},
		},
	}
	return out, []page.Comment{
		page.At("spec/ports", `Istio has to know that this is gRPC, or it would balance connections and not calls.`),
	}
}

// processorPort is where corsgate listens by default.
const processorPort = 9002

func (o *Options) peerAuthentication() (object, []page.Comment) {
	var p peerAuthentication
	p.Selector.MatchLabels = o.Service.Selector
	p.MTLS.Mode = "STRICT"
	out := object{
		APIVersion: "security.istio.io/v1", Kind: "PeerAuthentication",
		Metadata: metadata{Name: o.Name, Namespace: o.Service.Namespace}, Spec: p,
	}
	return out, []page.Comment{
		page.At("spec/mtls", `Nobody outside of the mesh asks corsgate. Its probes by Kubernetes go through the port of the sidecar's own agent and still work.`),
	}
}
