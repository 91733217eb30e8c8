package gateway

import (
	"slices"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/page"
	"github.com/corsgate/corsgate/envoy/wire"
)

// varyOrigin gives "Origin" unless Vary names it already or is "*". An empty result adds nothing.
const varyOrigin = `%CEL('vary' in response.headers && ` +
	`response.headers['vary'].matches('(?i)(^|,)[ \t]*(origin|[*])[ \t]*(,|$)') ? '' : 'Origin')%`

func (o *Options) policies() ([]page.Object, error) {
	out := []page.Object{o.proxy(), o.client(), o.route(), o.preflight(), o.actual()}
	if !o.NoRefusals {
		out = append(out, o.closed())
	}
	if o.Processor.Service.Namespace != o.Route.Namespace {
		out = append(out, o.grant())
	}
	if o.Processor.CAConfigMap != "" {
		out = append(out, o.tls())
	}
	return out, nil
}

// proxy says where in the chain our filters stand.
func (o *Options) proxy() page.Object {
	const (
		mutation = "envoy.filters.http.header_mutation"
		extProc  = "envoy.filters.http.ext_proc"
	)
	var order []object
	for _, name := range []string{"envoy.filters.http.csrf", "envoy.filters.http.cors", "envoy.filters.http.fault", "envoy.filters.http.custom_response"} {
		order = append(order, object{{"name", mutation}, {"before", name}})
	}
	order = append(order, object{{"name", extProc}, {"after", mutation}})
	return page.Object{
		APIVersion: envoyV1, Kind: "EnvoyProxy", Namespace: o.Gateway.Namespace, Name: Name,
		Spec: object{{"filterOrder", order}},
		Comments: []page.Comment{
			page.At("apiVersion", `The order of filters. It takes effect where the Gateway names it, in spec.infrastructure.parametersRef (group `+envoyGroup+`, kind EnvoyProxy). If your Gateway or its class has an EnvoyProxy already, put the filterOrder into that one.`),
			page.At("spec/filterOrder", `By default Envoy Gateway asks corsgate after authentication, and every preflight, which carries no credentials, is a 401. An entry whose other filter is not in the chain is ignored without a word, so that "before jwt_authn" holds only until somebody authenticates by other means. What these lines lean on is there for certain: the header_mutation of the ClientTrafficPolicy below. First it goes before whatever Envoy Gateway puts in front of it, then corsgate goes right behind it. See that it is so: corsgate lint-envoy reads the chain from Envoy.`),
		},
	}
}

// client writes the decision.
func (o *Options) client() page.Object {
	var set []object
	for _, h := range wire.HeaderMeta() {
		set = append(set, object{{"name", h[0]}, {"value", "%DYNAMIC_METADATA(" + wire.Namespace + ":" + h[1] + ")%"}})
	}
	target := object{{"group", gatewayGroup}, {"kind", "Gateway"}, {"name", o.Gateway.Name}}
	targets := []object{target}
	if len(o.Listeners) > 0 {
		targets = nil
		for _, l := range o.Listeners {
			targets = append(targets, append(slices.Clip(target), member{"sectionName", l}))
		}
	}
	return page.Object{
		APIVersion: envoyV1, Kind: "ClientTrafficPolicy", Namespace: o.Gateway.Namespace, Name: Name,
		Spec: object{
			{"targetRefs", targets},
			{"headers", object{{"lateResponseHeaders", object{
				{"set", set},
				{"add", []object{{{"name", wire.HeaderVary}, {"value", varyOrigin}}}},
			}}}},
		},
		Comments: []page.Comment{
			page.At("apiVersion", `Writes the decision onto responses, Envoy's own errors included. A listener follows one ClientTrafficPolicy only: if yours has one, put these headers into it.`),
			page.At("spec/headers/lateResponseHeaders/set", `corsgate's answer, from the metadata of the request. A key that it did not set leaves its header as it was.`),
			page.At("spec/headers/lateResponseHeaders/add", `Responses depend on the Origin, those to requests without one included, or caches would mix them up. An existing Vary is extended only if it does not name Origin already.`),
		},
	}
}

func (o *Options) preflight() page.Object {
	r := o.extension(RulePreflight, envoy.MaxPreflights, failsClosed())
	r.Comments = []page.Comment{
		page.At("apiVersion", `Asks about preflights.`),
		page.At("spec/extProc/0/failOpen", `Fails closed: a preflight that nobody could decide is a 503 and never reaches the application. A processor that hangs is a 504, and one without a ready pod a 500 that Envoy Gateway puts in the route's place.`),
		page.At("spec/extProc/0/messageTimeout", `How long a request may be held up. corsgate answers from memory within its own, shorter deadline.`),
		page.At("spec/extProc/0/processingMode", `Headers of the request and nothing else. Envoy Gateway has no way to hold any of them back, so that corsgate gets cookies and tokens too, which the form "patch" keeps within Envoy. It reads none and logs none.`),
		page.At("spec/extProc/0/metadata", `The decision, for the ClientTrafficPolicy and the access log; without this it is dropped.`),
		page.At("spec/extProc/0/backendSettings/retry", `A decision has no side effects, so asking another pod is safe.`),
		page.At("spec/extProc/0/backendSettings/http2", `The pings find connections that died silently; corsgate allows them.`),
		page.At("spec/extProc/0/backendSettings/circuitBreaker", `No more preflights than maxParallelRequests are open at once; the others get 503, so that a flood of them leaves corsgate's time to requests.`),
		page.At("spec/extProc/0/backendSettings/healthCheck", `Finds a pod that hangs or is about to stop within a second. Only with none left (panicThreshold: below 1 %) are sick ones tried: until its first connection Envoy looks at a pod once a minute, which Envoy Gateway has no setting for, and one that was not yet up at the first look would get no call for so long.`),
	}
	return r
}

func (o *Options) actual() page.Object {
	r := o.extension(RuleActual, maxCalls, object{{"failOpen", true}})
	r.Comments = []page.Comment{
		page.At("apiVersion", `Asks about the requests with an Origin that no policy refuses.`),
		page.At("spec/extProc/0/backendSettings/circuitBreaker", `Every open call counts as a request; the default of 1024 is soon reached.`),
		page.At("spec/extProc/0/failOpen", `Fails open and is still safe: an undecided request reaches the application, but the route removes every CORS header of its response, so that browsers do not hand it to a foreign page.`),
	}
	return r
}

func (o *Options) closed() page.Object {
	r := o.extension(RuleActualClosed, maxCalls, failsClosed())
	r.Comments = []page.Comment{
		page.At("apiVersion", `Asks about what a policy may refuse.`),
		page.At("spec/extProc/0/failOpen", `Fails closed: what a policy refuses must not reach the application because nobody answers. If no document has denied_requests: BLOCK or websockets: ENFORCE, render with --no-refusals.`),
	}
	return r
}

func failsClosed() object { return object{{"failOpen", false}, {"statusOnError", 503}} }

// maxCalls is how many calls of requests other than preflights may be open at once.
const maxCalls = 1_000_000

// extension is the policy on one rule.
func (o *Options) extension(rule string, calls int, failure object) page.Object {
	p := &o.Processor
	call := object{
		{"backendRefs", []object{{{"namespace", p.Service.Namespace}, {"name", p.Service.Name}, {"port", p.Port}}}},
		{"backendSettings", backendSettings(calls)},
		{"messageTimeout", millis(o.MessageTimeout)},
	}
	call = append(append(call, failure...),
		member{"processingMode", object{{"request", object{}}}},
		member{"metadata", object{{"writableNamespaces", []string{wire.Namespace}}}},
	)
	return page.Object{
		APIVersion: envoyV1, Kind: "EnvoyExtensionPolicy", Namespace: o.Route.Namespace, Name: Name + "-" + o.Route.Name + "-" + rule,
		Spec: object{
			{"targetRefs", []object{{{"group", gatewayGroup}, {"kind", "HTTPRoute"}, {"name", o.Route.Name}, {"sectionName", rule}}}},
			{"extProc", []object{call}},
		},
	}
}

// backendSettings are as near as Envoy Gateway comes to [envoy.ProcessorCluster].
func backendSettings(calls int) object {
	return object{
		{"retry", object{
			{"numRetries", 2},
			{"retryOn", object{{"triggers", []string{"connect-failure", "refused-stream", "unavailable", "reset"}}}},
			{"perRetry", object{{"backOff", object{{"baseInterval", "5ms"}, {"maxInterval", "10ms"}}}}},
		}},
		{"http2", object{{"connectionKeepalive", object{{"interval", "30s"}, {"timeout", "3s"}, {"idleInterval", "15s"}}}}},
		{"timeout", object{{"tcp", object{{"connectTimeout", "250ms"}}}}},
		{"circuitBreaker", object{
			{"maxConnections", 100_000},
			{"maxPendingRequests", 100_000},
			{"maxParallelRequests", calls},
			{"maxParallelRetries", 1_000},
		}},
		{"healthCheck", object{
			{"panicThreshold", 1},
			{"active", object{
				{"type", "GRPC"},
				{"timeout", "200ms"},
				{"interval", "500ms"},
				{"unhealthyThreshold", 2},
				{"healthyThreshold", 1},
			}},
			{"passive", object{
				{"consecutive5XxErrors", 0},
				{"consecutiveGatewayErrors", 5},
				{"interval", "2s"},
				{"baseEjectionTime", "5s"},
				{"maxEjectionPercent", 50},
			}},
		}},
	}
}

// grant allows the policies to name a Service of another namespace.
func (o *Options) grant() page.Object {
	p := &o.Processor
	return page.Object{
		APIVersion: grantV1, Kind: "ReferenceGrant", Namespace: p.Service.Namespace, Name: Name + "-" + o.Route.Namespace + "-" + o.Route.Name,
		Spec: object{
			{"from", []object{{{"group", envoyGroup}, {"kind", "EnvoyExtensionPolicy"}, {"namespace", o.Route.Namespace}}}},
			{"to", []object{{{"group", ""}, {"kind", "Service"}, {"name", p.Service.Name}}}},
		},
		Comments: []page.Comment{page.At("apiVersion", `corsgate lives in a namespace of its own, which has to allow that it is asked from the route's.`)},
	}
}

// tls has Envoy speak TLS to the Service.
func (o *Options) tls() page.Object {
	p := &o.Processor
	return page.Object{
		APIVersion: gatewayV1, Kind: "BackendTLSPolicy", Namespace: p.Service.Namespace, Name: Name,
		Spec: object{
			{"targetRefs", []object{{{"group", ""}, {"kind", "Service"}, {"name", p.Service.Name}}}},
			{"validation", object{
				{"caCertificateRefs", []object{{{"group", ""}, {"kind", "ConfigMap"}, {"name", p.CAConfigMap}}}},
				{"hostname", p.SAN},
			}},
		},
		Comments: []page.Comment{page.At("apiVersion", `The processor decides who may read responses: accept only the one whose certificate carries this name.`)},
	}
}
