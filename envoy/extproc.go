package envoy

import (
	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	previousv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsgate/corsgate/envoy/wire"
)

// What the processor may write. Its answers to preflights hold CORS headers, a refusal in design C holds none, and
// its edits of responses in designs A and B may also take off what has a cache keep them ([cacheHeaders]). Envoy
// refuses longer expressions than about this (RE2 program size 100).
const (
	mayWriteCORS = `^(access-control-.*|timing-allow-origin|vary|cache-control)$`
	mayEdit      = `^(access-control-.*|timing-allow-origin|vary|(cdn-)?cache-control|surrogate-.*|x-accel-.*)$`
	mayRefuse    = `^(vary|cache-control)$`
)

// hostSelections is how often a retry picks again when it has picked a host that failed
// before. A host that has just died looks idle, and the balancer prefers it.
const hostSelections = 16

// preflightCall asks with the request, and closed: a preflight that nobody decided must not
// reach the application. The answer ends the call. Where the operator has undecided ones
// passed on, designs A and B see to their responses as well; C does so by itself.
func (c chooser) preflightCall() *extprocv3.ExternalProcessor {
	p := c.call(CallPreflight, c.a.PreflightCluster)
	p.MutationRules = mayWrite(mayWriteCORS)
	if c.a.Design == Metadata {
		p.ProcessingMode = mode(true, false)
		p.ForwardRules = requestHeadersOnly()
		return p
	}
	p.ProcessingMode = mode(true, true)
	p.ForwardRules = nothingSecret()
	return p
}

// actualCall asks about requests that may go on when nobody answers.
func (c chooser) actualCall() *extprocv3.ExternalProcessor {
	p := c.closedCall()
	p.StatPrefix = CallActual
	p.FailureModeAllow = true
	p.StatusOnError = nil
	return p
}

// closedCall asks about requests other than preflights, and is where the designs differ.
func (c chooser) closedCall() *extprocv3.ExternalProcessor {
	p := c.call(CallActual, c.a.Cluster)
	p.StatPrefix = CallActualClosed
	switch c.a.Design {
	case Metadata:
		p.ProcessingMode = mode(true, false)
		p.MutationRules = mayWrite(mayRefuse)
		p.ForwardRules = requestHeadersOnly()
		return p
	case ResponseOnly:
		p.ProcessingMode = mode(false, true)
		p.ResponseAttributes = requestOfResponse()
	default:
		p.ProcessingMode = mode(true, true)
	}
	p.MutationRules = mayWrite(mayEdit)
	p.ForwardRules = nothingSecret()
	return p
}

func (c chooser) call(name, cluster string) *extprocv3.ExternalProcessor {
	return &extprocv3.ExternalProcessor{
		StatPrefix:       name,
		GrpcService:      c.grpcService(name, cluster),
		MessageTimeout:   durationpb.New(c.a.MessageTimeout),
		RouteCacheAction: extprocv3.ExternalProcessor_RETAIN,
		StatusOnError:    &typev3.HttpStatus{Code: typev3.StatusCode_ServiceUnavailable},
		MetadataOptions: &extprocv3.MetadataOptions{
			ReceivingNamespaces: &extprocv3.MetadataOptions_MetadataNamespaces{Untyped: []string{wire.Namespace}},
		},
	}
}

func (c chooser) grpcService(phase, cluster string) *corev3.GrpcService {
	return &corev3.GrpcService{
		TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
			EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{
				ClusterName:      cluster,
				SkipEnvoyHeaders: true,
			},
		},
		InitialMetadata: []*corev3.HeaderValue{{Key: wire.GRPCPhase, Value: phase}},
		RetryPolicy: &corev3.RetryPolicy{
			RetryOn:      "connect-failure,refused-stream,unavailable,reset",
			NumRetries:   count(2),
			RetryBackOff: &corev3.BackoffStrategy{BaseInterval: millis(5), MaxInterval: millis(10)},
			RetryHostPredicate: []*corev3.RetryPolicy_RetryHostPredicate{{
				Name: "envoy.retry_host_predicates.previous_hosts",
				ConfigType: &corev3.RetryPolicy_RetryHostPredicate_TypedConfig{
					TypedConfig: c.any(&previousv3.PreviousHostsPredicate{}),
				},
			}},
			HostSelectionRetryMaxAttempts: hostSelections,
		},
	}
}

func mode(request, response bool) *extprocv3.ProcessingMode {
	send := map[bool]extprocv3.ProcessingMode_HeaderSendMode{
		true: extprocv3.ProcessingMode_SEND, false: extprocv3.ProcessingMode_SKIP,
	}
	return &extprocv3.ProcessingMode{RequestHeaderMode: send[request], ResponseHeaderMode: send[response]}
}

func mayWrite(names string) *rulesv3.HeaderMutationRules {
	return &rulesv3.HeaderMutationRules{
		DisallowAll:     yes(),
		AllowExpression: &matcherv3.RegexMatcher{Regex: names},
	}
}

// requestHeadersOnly are the headers that a decision reads, and the name under which it is
// logged, and no others.
func requestHeadersOnly() *extprocv3.HeaderForwardingRules {
	list := exact(":authority", ":method", ":path", ":scheme", ":protocol", wire.HeaderOrigin, wire.HeaderUpgrade, wire.HeaderRequestID)
	list.Patterns = append(list.Patterns, &matcherv3.StringMatcher{
		MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: "access-control-request-"},
	})
	return &extprocv3.HeaderForwardingRules{AllowedHeaders: list}
}

// nothingSecret lets response headers through whatever their names, because a policy
// may expose all of them, and keeps back those that hold credentials.
func nothingSecret() *extprocv3.HeaderForwardingRules {
	return &extprocv3.HeaderForwardingRules{
		DisallowedHeaders: exact("authorization", "cookie", "proxy-authorization", "set-cookie"),
	}
}

func exact(names ...string) *matcherv3.ListStringMatcher {
	out := &matcherv3.ListStringMatcher{}
	for _, n := range names {
		out.Patterns = append(out.Patterns, &matcherv3.StringMatcher{
			MatchPattern: &matcherv3.StringMatcher_Exact{Exact: n},
		})
	}
	return out
}

// requestOfResponse are the attributes that tell a response-phase call which request it
// answers (rule 69). Preflights are not answered there, so the headers that only they carry
// are left out; nor is any of this asked for in design A, where the same stream has shown
// the request before. Envoy copies any byte of an Origin into these strings, valid UTF-8 or
// not; the processor reads bytes.
func requestOfResponse() []string {
	return []string{wire.AttrOrigin, wire.AttrHost, wire.AttrPath, wire.AttrMethod, wire.AttrScheme, wire.AttrRequestID}
}
