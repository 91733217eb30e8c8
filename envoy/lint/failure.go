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
	ruleRefusalOpen    ID = "refusal-fail-open"
	ruleUndecided      ID = "undecided-cached"
	ruleActualClosed   ID = "actual-fail-closed"
	ruleStatusOnError  ID = "status-on-error"
	ruleTimeoutMissing ID = "message-timeout-missing"
	ruleTimeoutShort   ID = "message-timeout-short"
	ruleTimeoutLong    ID = "message-timeout-long"
	ruleGRPCTimeout    ID = "grpc-timeout"
	ruleRetryPolicy    ID = "retry-policy"
)

const (
	// lookupBudget is how long corsgate may wait for a tenant by default (serve --lookup-budget).
	lookupBudget = 10 * time.Millisecond
	// patience is Envoy's default, and the longest that a page should wait for nothing.
	patience = 200 * time.Millisecond
)

func failureRules() []Rule {
	return []Rule{
		{rulePreflightOpen, Error, "undecided preflights reach the application"},
		{ruleOpenLeaks, Note, "while corsgate is down the application's own CORS headers pass"},
		{ruleRefusalOpen, Warning, "what a policy refuses passes while corsgate is down"},
		{ruleUndecided, Note, "caches may keep responses that nobody decided on"},
		{ruleActualClosed, Note, "while corsgate is down requests with an Origin fail"},
		{ruleStatusOnError, Note, "a failed call is a 500"},
		{ruleTimeoutMissing, Warning, "no message_timeout"},
		{ruleTimeoutShort, Error, "message_timeout is not longer than corsgate's --lookup-budget"},
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
	if c.GetFailureModeAllow() {
		l.failsOpen(c)
	} else {
		l.failsClosed(c)
	}
}

// failsOpen looks at what gets past a call that nobody answers.
func (l *linter) failsOpen(c *call) {
	if c.sendsResponse() && c.serves.crossOrigin() == yes {
		l.add(ruleOpenLeaks, c.group(), c.at,
			"failure_mode_allow is true and nothing strips the application's CORS headers: while no processor answers, they pass as they are",
			"leave it if you know what the application grants; design C strips them")
	}
	var refusable []string
	for _, s := range []sample{unsafe, upgrade} {
		if c.serves[s] == yes {
			refusable = append(refusable, s.example())
		}
	}
	if len(refusable) > 0 {
		l.add(ruleRefusalOpen, c.group(), c.at,
			"failure_mode_allow is true for what a tenant may refuse ("+strings.Join(refusable, ", ")+" of another origin): while corsgate is down, hangs or is overloaded, denied_requests: BLOCK and websockets: ENFORCE refuse nothing",
			"ask about unsafe methods and upgrades by a call of its own that fails closed, as corsgate render envoy does; leave it if no document refuses anything (render envoy --no-refusals)")
	}
	if c.serves != (serves{}) && !c.manager.keepsFromCaches(c) {
		l.add(ruleUndecided, c.group(), c.at,
			"failure_mode_allow is true and nothing writes cache-control: no-store onto responses that nobody decided on: a cache may keep one without CORS headers, or with the application's own, and give it to other pages",
			"put header_mutation and set_metadata before the call into one filter_chain, as corsgate render envoy does")
	}
}

// failsClosed looks at what does not get past a call that nobody answers.
func (l *linter) failsClosed(c *call) {
	if c.byMetadata() && c.serves[preflight] != yes {
		switch {
		case c.serves[actual] == yes:
			l.add(ruleActualClosed, c.group(), c.at,
				"failure_mode_allow is false for requests that no policy refuses (safe methods without an upgrade): while no processor answers, all of them with an Origin fail",
				"set failure_mode_allow: true for them; in design C nothing can leak")
		case c.serves[unsafe] == yes || c.serves[upgrade] == yes:
			l.add(ruleActualClosed, c.group(), c.at,
				"failure_mode_allow is false for a page's own unsafe requests or upgrades, too: while no processor answers, they fail like those of other origins",
				"tell the page's own requests from others by a matcher, as corsgate render envoy does, and let them fail open")
		}
	}
	if c.GetStatusOnError() == nil {
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
	case t.AsDuration() <= lookupBudget:
		l.add(ruleTimeoutShort, c.group(), c.at,
			"message_timeout is "+t.AsDuration().String()+", and corsgate waits for a tenant up to "+lookupBudget.String()+" by default (serve --lookup-budget): Envoy gives up on answers that would have come",
			"set message_timeout: 0.05s, or a shorter --lookup-budget")
	case t.AsDuration() > patience:
		l.add(ruleTimeoutLong, c.group(), c.at,
			"message_timeout is "+t.AsDuration().String()+": so long does every request wait for a processor that hangs, though corsgate answers within "+lookupBudget.String()+" or not at all",
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
