package linttest

import (
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy"
)

// preflightCall, actualCall and bothCalls are edits of calls.
func preflightCall(f func(*extprocv3.ExternalProcessor)) func(*editor) {
	return func(e *editor) { e.call(envoy.CallPreflight, f) }
}

func actualCall(f func(*extprocv3.ExternalProcessor)) func(*editor) {
	return func(e *editor) { e.call(envoy.CallActual, f) }
}

func bothCalls(f func(*extprocv3.ExternalProcessor)) func(*editor) {
	return func(e *editor) { e.calls(f) }
}

func failures() []spec {
	type processor = extprocv3.ExternalProcessor
	timeout := func(d time.Duration) func(*editor) {
		return bothCalls(func(p *processor) { p.MessageTimeout = durationpb.New(d) })
	}
	return []spec{
		{rule: "preflight-fail-open", edit: preflightCall(func(p *processor) { p.FailureModeAllow = true })},
		{rule: "fail-open-leaks", design: envoy.TwoCallbacks, edit: actualCall(func(p *processor) { p.FailureModeAllow = true })},
		{rule: "fail-open-leaks", name: "response only", design: envoy.ResponseOnly, edit: actualCall(func(p *processor) { p.FailureModeAllow = true })},
		{rule: "actual-fail-closed", edit: actualCall(func(p *processor) {
			p.FailureModeAllow = false
			p.StatusOnError = status503()
		})},
		{rule: "status-on-error", edit: preflightCall(func(p *processor) { p.StatusOnError = nil })},
		{rule: "message-timeout-missing", edit: bothCalls(func(p *processor) { p.MessageTimeout = nil })},
		{rule: "message-timeout-short", edit: timeout(10 * time.Millisecond)},
		{rule: "message-timeout-long", edit: timeout(2 * time.Second)},
		{rule: "grpc-timeout", edit: bothCalls(func(p *processor) { p.GrpcService.Timeout = durationpb.New(time.Second) })},
		{rule: "retry-policy", edit: bothCalls(func(p *processor) { p.GrpcService.RetryPolicy = nil })},
		{rule: "retry-policy", name: "a number alone", edit: bothCalls(func(p *processor) { p.GrpcService.RetryPolicy.RetryOn = "" })},
		{rule: "retry-policy", name: "the same host", edit: bothCalls(func(p *processor) {
			p.GrpcService.RetryPolicy.RetryHostPredicate = nil
			p.GrpcService.RetryPolicy.NumRetries = wrapperspb.UInt32(1)
		})},
	}
}
