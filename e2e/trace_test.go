package e2e_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// Envoy's spans and corsgate's form one trace, and both logs name it.
func TestTraces(t *testing.T) {
	t.Parallel()
	labs, redis := newTraceLabs(t)
	t.Run("designs", func(t *testing.T) {
		for design, l := range labs {
			t.Run(string(design), func(t *testing.T) {
				t.Parallel()
				// From here on the tenant is in memory.
				l.ask(t, "GET", tenantHost("warm", design), [2]string{"Origin", listed})
				for name, check := range map[string]func(*testing.T, *traceLab, envoy.Design){
					"preflight": tracePreflight, "denial": traceDenial, "actual": traceActual,
					"cold tenant": traceLoad, "unsampled": traceUnsampled,
				} {
					t.Run(name, func(t *testing.T) {
						t.Parallel() // nearly all of the time is the wait for spans to be sent
						check(t, l, design)
					})
				}
			})
		}
	})
	redis.Kill()
	t.Run("without Redis", func(t *testing.T) {
		for design, l := range labs {
			t.Run(string(design), func(t *testing.T) {
				t.Parallel()
				traceError(t, l, design)
			})
		}
	})
	labs[envoy.Metadata].AwaitMetric(t, "cors.decisions")
}

var asksPut = [2]string{"Access-Control-Request-Method", "PUT"}

func tracePreflight(t *testing.T, l *traceLab, design envoy.Design) {
	at := tenantHost("warm", design)
	x := l.ask(t, "OPTIONS", at, [2]string{"Origin", listed}, asksPut)
	ingress, call, decide := x.spans(t)
	if ingress.Parent() != "" || ingress.GetKind() != tracepb.Span_SPAN_KIND_SERVER || ingress.Service != "edge-"+string(design) {
		t.Errorf("the request's span is %s", ingress)
	}
	if call.GetKind() != tracepb.Span_SPAN_KIND_CLIENT || call.Service != ingress.Service {
		t.Errorf("the call's span is %s", call)
	}
	if decide.GetKind() != tracepb.Span_SPAN_KIND_INTERNAL || decide.Service != "corsgate" || decide.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("the decision's span is %s", decide)
	}
	wantAttributes(t, decide, map[string]string{
		"http.request.method": "OPTIONS", "url.scheme": "http", "server.address": at,
		"cors.phase": "preflight", "cors.outcome": "allowed", "cors.reason": "origin_listed", "cors.origin": listed,
		"cors.tenant.id": "warm-" + string(design), "cors.tenant.tier": "gold", "cors.policy.version": "7",
		"cors.policy.source": "live", "cors.cache": "hit", "cors.policy.entry": "1",
	})
	wantAttributes(t, ingress, map[string]string{
		"cors.outcome": "allowed", "cors.reason": "origin_listed", "cors.tenant.id": "warm-" + string(design),
		"guid:x-request-id": x.access.Text("request_id"),
	})
	oneRequest(t, x, decide)
}

// wantAttributes compares the attributes named in want; absent ones are "".
func wantAttributes(t *testing.T, s harness.Span, want map[string]string) {
	t.Helper()
	all, got := s.Attributes(), map[string]string{}
	for name := range want {
		got[name] = all[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes of %s (-want +got):\n%s\nof %v", s, diff, all)
	}
}

// oneRequest compares what the access log, the decision log and the span say about one request.
func oneRequest(t *testing.T, x *traced, decide harness.Span) {
	t.Helper()
	attrs, decision := decide.Attributes(), x.decision(t)
	span := map[string]string{
		"trace": decide.Trace(), "span": decide.ID(), "request": attrs["cors.request.id"],
		"tenant": attrs["cors.tenant.id"], "tier": attrs["cors.tenant.tier"], "outcome": attrs["cors.outcome"],
		"reason": attrs["cors.reason"], "phase": attrs["cors.phase"], "version": attrs["cors.policy.version"], "entry": attrs["cors.policy.entry"],
	}
	logged := map[string]string{
		"trace": decision.Text("trace_id"), "span": decision.Text("span_id"), "request": decision.Text("request_id"),
		"tenant": decision.Text("tenant"), "tier": decision.Text("tier"), "outcome": decision.Text("outcome"),
		"reason": decision.Text("reason"), "phase": decision.Text("phase"), "version": decision.Text("policy_version"), "entry": decision.Text("rule_index"),
	}
	if diff := cmp.Diff(span, logged); diff != "" {
		t.Errorf("the decision log differs from the span (-span +log):\n%s", diff)
	}
	access := map[string]string{
		"trace": x.trace(), "span": decide.ID(), "request": x.access.Text("request_id"),
		"tenant": x.access.Text("cors_tenant"), "tier": x.access.Text("cors_tier"), "outcome": x.access.Text("cors_decision"),
		"reason": x.access.Text("cors_reason"), "phase": x.access.Text("cors_phase"), "version": x.access.Text("cors_version"), "entry": x.access.Text("cors_entry"),
	}
	if diff := cmp.Diff(span, access); diff != "" {
		t.Errorf("the access log differs from the span (-span +log):\n%s\n%v", diff, x.access)
	}
}

// A refusal is not an error: burn alerts and searches for failures must not show it.
func traceDenial(t *testing.T, l *traceLab, design envoy.Design) {
	x := l.ask(t, "OPTIONS", tenantHost("warm", design), [2]string{"Origin", "https://foreign.example"}, asksPut)
	_, _, decide := x.spans(t)
	if decide.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("a denial has the status %s", decide.GetStatus())
	}
	wantAttributes(t, decide, map[string]string{"cors.outcome": "denied", "cors.reason": "origin_not_listed", "error.type": ""})
	oneRequest(t, x, decide)
}

// The client's traceparent begins the trace, and is not the parent of our span.
func traceActual(t *testing.T, l *traceLab, design envoy.Design) {
	header, trace, parent := traceparent("01")
	x := l.ask(t, "GET", tenantHost("warm", design), [2]string{"Origin", listed}, header, [2]string{harness.HeaderID, trace})
	if x.trace() != trace {
		t.Errorf("Envoy logs the trace %q, want the client's, %s", x.trace(), trace)
	}
	ingress, call, decide := x.spans(t)
	if ingress.Parent() != parent || call.Service != ingress.Service || decide.Service != "corsgate" {
		t.Errorf("the spans are %s, %s, %s", ingress, call, decide)
	}
	wantAttributes(t, decide, map[string]string{
		"http.request.method": "GET", "cors.phase": "actual", "cors.outcome": "allowed", "cors.reason": "origin_listed",
		"cors.origin": listed, "cors.tenant.id": "warm-" + string(design), "cors.cache": "hit",
	})
	oneRequest(t, x, decide)
	applicationsParent(t, x, ingress)
	n := 0
	for _, s := range l.Spans(trace) {
		if s.GetName() == "cors.decide" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the request has %d spans of decisions, want 1", n)
	}
}

// applicationsParent looks for the span that the application was told of.
func applicationsParent(t *testing.T, x *traced, ingress harness.Span) {
	t.Helper()
	seen := x.app.Requests(x.trace())
	if len(seen) != 1 {
		t.Fatalf("the application saw the request %d times", len(seen))
	}
	told := strings.Split(seen[0].Header.Get("traceparent"), "-")
	if len(told) != 4 || told[1] != x.trace() {
		t.Fatalf("the application was told of %q", told)
	}
	call := x.AwaitSpan(t, x.trace(), "of the application", func(s harness.Span) bool { return s.ID() == told[2] })
	if call.Parent() != ingress.ID() || call.GetKind() != tracepb.Span_SPAN_KIND_CLIENT {
		t.Errorf("the application's parent is %s, want a span under %s", call, ingress)
	}
}

// A request that waited for its tenant says so.
func traceLoad(t *testing.T, l *traceLab, design envoy.Design) {
	var x *traced
	var tenant string
	for _, kind := range coldTenants() {
		tenant = kind + "-" + string(design)
		x = l.ask(t, "OPTIONS", tenantHost(kind, design), [2]string{"Origin", listed}, asksPut)
		if x.access.Text("cors_decision") == "allowed" {
			break
		}
	}
	_, _, decide := x.spans(t)
	wantAttributes(t, decide, map[string]string{"cors.outcome": "allowed", "cors.cache": "miss", "cors.tenant.id": tenant})
	oneRequest(t, x, decide)
}

// A client that is not sampled stays so. What was asked later and has arrived shows that it would have.
func traceUnsampled(t *testing.T, l *traceLab, design envoy.Design) {
	header, trace, _ := traceparent("00")
	x := l.ask(t, "OPTIONS", tenantHost("warm", design), [2]string{"Origin", listed}, asksPut, header)
	if line := x.decision(t); x.trace() != trace || line.Text("trace_id") != trace {
		t.Errorf("the logs have the traces %q and %q, want %s", x.trace(), line.Text("trace_id"), trace)
	}
	later := l.ask(t, "OPTIONS", tenantHost("warm", design), [2]string{"Origin", listed}, asksPut)
	later.spans(t)
	if spans := l.Spans(trace); len(spans) != 0 {
		t.Errorf("an unsampled request has the spans %v", spans)
	}
}

// Only what could not be decided is an error.
func traceError(t *testing.T, l *traceLab, design envoy.Design) {
	x := l.ask(t, "OPTIONS", "gone-"+string(design)+".example", [2]string{"Origin", listed}, asksPut)
	_, _, decide := x.spans(t)
	if x.status != 503 || decide.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("status %d, and the decision's span is %s", x.status, decide)
	}
	wantAttributes(t, decide, map[string]string{"cors.outcome": "error", "cors.reason": "store_unavailable", "error.type": "store_unavailable"})
	oneRequest(t, x, decide)
}
