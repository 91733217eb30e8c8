package lint

import (
	"slices"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

const (
	rulePreflightOpen  ID = "preflight-fail-open"
	ruleOpenLeaks      ID = "fail-open-leaks"
	ruleActualClosed   ID = "actual-fail-closed"
	ruleStatusOnError  ID = "status-on-error"
	ruleTimeoutMissing ID = "message-timeout-missing"
	ruleTimeoutShort   ID = "message-timeout-short"
	ruleTimeoutLong    ID = "message-timeout-long"
	ruleGRPCTimeout    ID = "grpc-timeout"
	ruleRetryPolicy    ID = "retry-policy"
)

const (
	// budget is how long corsgate may take by default (serve --budget).
	budget = 25 * time.Millisecond
	// patience is Envoy's default, and the longest that a page should wait for nothing.
	patience = 200 * time.Millisecond
)

func failureRules() []Rule {
	return []Rule{
		{rulePreflightOpen, Error, "undecided preflights reach the application"},
		{ruleOpenLeaks, Note, "while corsgate is down the application's own CORS headers pass"},
		{ruleActualClosed, Note, "while corsgate is down requests with an Origin fail"},
		{ruleStatusOnError, Note, "a failed call is a 500"},
		{ruleTimeoutMissing, Warning, "no message_timeout"},
		{ruleTimeoutShort, Error, "message_timeout is shorter than corsgate's budget"},
		{ruleTimeoutLong, Warning, "message_timeout is longer than useful"},
		{ruleGRPCTimeout, Note, "grpc_service.timeout does nothing"},
		{ruleRetryPolicy, Warning, "a call is not retried with another process"},
	}
}

// failure holds against the rules what happens when corsgate does not answer.
func (l *linter) failure(c *call) {
	l.modes(c)
	l.times(c)
	g := c.GetGrpcService()
	if g.GetTimeout() != nil {
		l.add(ruleGRPCTimeout, c.group(), c.at,
			"grpc_service.timeout is not enforced on the stream of an external processor",
			"remove it; message_timeout counts")
	}
	if g.GetEnvoyGrpc() != nil && !retries(g.GetRetryPolicy(), byPolicy(c.at)) {
		l.add(ruleRetryPolicy, c.group(), c.at,
			"the call is not tried again with another process when one dies: every request that is just being asked about fails",
			"set retry_policy with retry_on: connect-failure,refused-stream,unavailable,reset, num_retries: 2 and the host predicate envoy.retry_host_predicates.previous_hosts")
	}
}

func (l *linter) modes(c *call) {
	if c.GetFailureModeAllow() && c.serves[preflight] == yes && c.sendsRequest() {
		l.add(rulePreflightOpen, c.group(), c.at,
			"failure_mode_allow is true for preflights: while no processor answers, the application gets them, and may grant what the policy does not",
			"use a call of its own for preflights, with failure_mode_allow: false and status_on_error 503")
		return
	}
	switch {
	case c.GetFailureModeAllow() && c.sendsResponse() && c.serves[actual] != no:
		l.add(ruleOpenLeaks, c.group(), c.at,
			"failure_mode_allow is true and nothing strips the application's CORS headers: while no processor answers, they pass as they are",
			"leave it if you know what the application grants; design C strips them")
	case !c.GetFailureModeAllow() && c.byMetadata() && c.serves[actual] == yes && c.serves[preflight] != yes:
		l.add(ruleActualClosed, c.group(), c.at,
			"failure_mode_allow is false for requests that are no preflights: while no processor answers, all of them with an Origin fail",
			"set failure_mode_allow: true; in design C nothing can leak")
	}
	if !c.GetFailureModeAllow() && c.GetStatusOnError() == nil {
		l.add(ruleStatusOnError, c.group(), c.at,
			"without status_on_error a call that fails is a 500, as if the application had failed",
			"set status_on_error: {code: ServiceUnavailable}")
	}
}

func (l *linter) times(c *call) {
	t := c.GetMessageTimeout()
	switch {
	case t == nil:
		l.add(ruleTimeoutMissing, c.group(), c.at,
			"without message_timeout a processor that hangs holds every request for 200 ms",
			"set message_timeout: 0.05s")
	case t.AsDuration() < budget:
		l.add(ruleTimeoutShort, c.group(), c.at,
			"message_timeout is "+t.AsDuration().String()+", and corsgate takes up to "+budget.String()+" by default (serve --budget): Envoy gives up on answers that would have come",
			"set message_timeout: 0.05s, or a shorter --budget")
	case t.AsDuration() > patience:
		l.add(ruleTimeoutLong, c.group(), c.at,
			"message_timeout is "+t.AsDuration().String()+": so long does every request wait for a processor that hangs, though corsgate answers within "+budget.String()+" or not at all",
			"set message_timeout: 0.05s")
	}
}

// retries reports whether a policy tries again, and elsewhere. A number alone does nothing. Where
// has to be left to the balancer if that cannot be said.
func retries(p *corev3.RetryPolicy, anywhere bool) bool {
	on := "," + strings.ReplaceAll(p.GetRetryOn(), " ", "") + ","
	if !strings.Contains(on, ",connect-failure,") || !strings.Contains(on, ",reset,") {
		return false
	}
	return anywhere || slices.ContainsFunc(p.GetRetryHostPredicate(), func(h *corev3.RetryPolicy_RetryHostPredicate) bool {
		return strings.HasSuffix(h.GetName(), "previous_hosts")
	})
}
