package linttest

import (
	"slices"
	"time"

	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy"
)

// preflightCall, actualCall and eachCall are edits of calls: of that for preflights, of that which fails open, and of all.
func preflightCall(f func(*extprocv3.ExternalProcessor)) func(*editor) {
	return func(e *editor) { e.call(envoy.CallPreflight, f) }
}

func actualCall(f func(*extprocv3.ExternalProcessor)) func(*editor) {
	return func(e *editor) { e.call(envoy.CallActual, f) }
}

func eachCall(f func(*extprocv3.ExternalProcessor)) func(*editor) {
	return func(e *editor) {
		for _, name := range []string{envoy.CallPreflight, envoy.CallActual, envoy.CallActualClosed} {
			e.call(name, f)
		}
	}
}

func failures() []spec {
	type processor = extprocv3.ExternalProcessor
	timeout := func(d time.Duration) func(*editor) {
		return eachCall(func(p *processor) { p.MessageTimeout = durationpb.New(d) })
	}
	failOpen := func(o *envoy.Options) { o.FailOpen = true }
	return []spec{
		{rule: "preflight-fail-open", edit: preflightCall(func(p *processor) { p.FailureModeAllow = true })},
		{rule: "fail-open-leaks", design: envoy.TwoCallbacks, options: failOpen},
		{rule: "fail-open-leaks", name: "response only", design: envoy.ResponseOnly, options: failOpen},
		{rule: "refusal-fail-open", options: func(o *envoy.Options) { o.NoRefusals = true }},
		{rule: "refusal-fail-open", name: "upgrades", edit: func(e *editor) {
			e.goesOn(func(safe, _ *predicate) {
				l := safe.GetAndMatcher().GetPredicate()
				l[1] = l[0]
			})
		}},
		{rule: "undecided-cached", edit: func(e *editor) {
			e.chain(func(c *compositev3.FilterChainConfiguration) { c.TypedConfig = c.GetTypedConfig()[2:] })
		}},
		{rule: "undecided-cached", name: "no note", edit: func(e *editor) {
			e.chain(func(c *compositev3.FilterChainConfiguration) { c.TypedConfig = slices.Delete(c.GetTypedConfig(), 1, 2) })
		}},
		{rule: "undecided-cached", name: "both callbacks", design: envoy.TwoCallbacks, edit: func(e *editor) {
			e.chain(func(c *compositev3.FilterChainConfiguration) { c.TypedConfig = c.GetTypedConfig()[1:] })
		}},
		{rule: "actual-fail-closed", name: "own requests", edit: func(e *editor) {
			e.goesOn(func(safe, own *predicate) { own.MatchType = safe.GetMatchType() })
		}},
		{rule: "actual-fail-closed", edit: actualCall(func(p *processor) {
			p.FailureModeAllow = false
			p.StatusOnError = status503()
		})},
		{rule: "status-on-error", edit: preflightCall(func(p *processor) { p.StatusOnError = nil })},
		{rule: "message-timeout-missing", edit: eachCall(func(p *processor) { p.MessageTimeout = nil })},
		{rule: "message-timeout-short", edit: timeout(10 * time.Millisecond)},
		{rule: "message-timeout-long", edit: timeout(2 * time.Second)},
		{rule: "grpc-timeout", edit: eachCall(func(p *processor) { p.GrpcService.Timeout = durationpb.New(time.Second) })},
		{rule: "retry-policy", edit: eachCall(func(p *processor) { p.GrpcService.RetryPolicy = nil })},
		{rule: "retry-policy", name: "a number alone", edit: eachCall(func(p *processor) { p.GrpcService.RetryPolicy.RetryOn = "" })},
		{rule: "retry-policy", name: "the same host", edit: eachCall(func(p *processor) {
			p.GrpcService.RetryPolicy.RetryHostPredicate = nil
			p.GrpcService.RetryPolicy.NumRetries = wrapperspb.UInt32(1)
		})},
	}
}
