package istio

import (
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/page"
)

// processorPort is where corsgate listens by default.
const processorPort = 9002

// destinationRule says of the cluster what can be said without a patch; the figures are those of
// [envoy.ProcessorCluster].
func (o *Options) destinationRule() page.Object {
	mode := "DISABLE"
	tls := `corsgate's pods have no sidecar here: the proxies ask them in plain text. Everybody on the way can then change who may read responses; prefer the mesh.`
	if o.Service.Mesh {
		mode = "ISTIO_MUTUAL"
		tls = `corsgate's pods have sidecars: the proxies prove who they are and so does corsgate, which decides who may read responses.`
	}
	at := func(field, text string) page.Comment { return page.At("spec/trafficPolicy/"+field, text) }
	return page.Object{
		APIVersion: "networking.istio.io/v1", Kind: "DestinationRule", Namespace: o.Service.Namespace, Name: o.Name,
		Spec: object{
			{"host", o.Service.host()},
			{"trafficPolicy", object{
				{"loadBalancer", object{{"simple", "LEAST_REQUEST"}}},
				{"connectionPool", connectionPool(1_000_000)},
				{"outlierDetection", object{
					{"consecutive5xxErrors", 0},
					{"consecutiveGatewayErrors", 5},
					{"interval", "2s"},
					{"baseEjectionTime", "5s"},
					{"maxEjectionPercent", 50},
					{"minHealthPercent", 0},
				}},
				{"tls", object{{"mode", mode}}},
			}},
			{"subsets", []object{{
				{"name", subsetPreflight},
				{"trafficPolicy", object{{"connectionPool", connectionPool(envoy.MaxPreflights)}}},
			}}},
		},
		Comments: []page.Comment{
			at("connectionPool/tcp/connectTimeout", `A dead host must cost less than the patience of a browser.`),
			at("connectionPool/http", `Every open call counts as a request, and Envoy's default of 1024 for all workers together is soon reached. maxRetries has to cover all calls in flight when a process dies.`),
			at("outlierDetection", `Takes a pod out that resets or refuses calls while its health check is still well. Errors of single calls do not count (consecutive5xxErrors), lest a client that provokes some could take the pods away from all others. With no healthy pod the proxy fails at once (minHealthPercent), rather than try the sick ones until the message times out.`),
			at("tls", tls),
			page.At("spec/subsets", `The same pods, for preflights. No more of them than http2MaxRequests are open at once; the others get 503, so that a flood of preflights leaves the pods' time to requests.`),
		},
	}
}

// connectionPool admits so many calls at once.
func connectionPool(calls int) object {
	return object{
		{"tcp", object{{"maxConnections", 100_000}, {"connectTimeout", "0.25s"}}},
		{"http", object{{"http1MaxPendingRequests", 100_000}, {"http2MaxRequests", calls}, {"maxRetries", 1_000}}},
	}
}

func (o *Options) service() page.Object {
	return page.Object{
		APIVersion: "v1", Kind: "Service", Namespace: o.Service.Namespace, Name: o.Service.Name,
		Spec: object{
			{"selector", o.Service.Selector},
			{"ports", []object{{{"name", "grpc"}, {"port", o.Service.Port}, {"targetPort", processorPort}, {"appProtocol", "grpc"}}}},
		},
		Comments: []page.Comment{page.At("spec/ports", `Istio has to know that this is gRPC, or it would balance connections and not calls.`)},
	}
}

func (o *Options) peerAuthentication() page.Object {
	return page.Object{
		APIVersion: "security.istio.io/v1", Kind: "PeerAuthentication", Namespace: o.Service.Namespace, Name: o.Name,
		Spec: object{
			{"selector", object{{"matchLabels", o.Service.Selector}}},
			{"mtls", object{{"mode", "STRICT"}}},
		},
		Comments: []page.Comment{page.At("spec/mtls", `Nobody outside of the mesh asks corsgate. Its probes by Kubernetes go through the port of the sidecar's own agent and still work.`)},
	}
}
