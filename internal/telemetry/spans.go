package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
)

const scope = "github.com/corsgate/corsgate"

// spans makes the spans of decisions.
type spans struct {
	sampling Sampling
	cap      *limit
	origins  bool // what clients send may stand in spans
	dropped  *counter
	tracer   trace.Tracer // nil: no spans
}

// The places of cors.span.drop.
const (
	spanCap = iota
	spanExport
)

// observe makes the span of o and returns it, ended; nil when o has none.
func (s *spans) observe(o *server.Observation) trace.Span {
	if s.tracer == nil || o.Late || !s.sampling.wants(o) {
		return nil
	}
	if !s.cap.allow(time.Now()) {
		s.dropped.add(spanCap, 1)
		return nil
	}
	ctx := context.Background()
	if o.Parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, o.Parent)
	}
	_, span := s.tracer.Start(ctx, "cors.decide", trace.WithTimestamp(o.Received))
	s.describe(span, o)
	span.End(trace.WithTimestamp(o.Received.Add(o.Duration)))
	return span
}

// describe puts what o says on span.
func (s *spans) describe(span trace.Span, o *server.Observation) {
	attrs := append(make([]attribute.KeyValue, 0, 20),
		attribute.String("cors.phase", o.Kind.String()),
		attribute.String("cors.outcome", o.Outcome.String()),
		attribute.String("cors.reason", o.Reason.String()),
		attribute.String("cors.callback", o.Phase.String()),
		attribute.String("cors.policy.source", o.Freshness.String()),
		attribute.String("cors.cache", cacheName(o)),
		attribute.String("http.request.method", knownMethod(o.Request.Method)),
	)
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, attribute.String(key, value))
		}
	}
	add("cors.tenant.id", o.Tenant)
	add("cors.tenant.tier", printable(o.Tier, maxTierText))
	add("cors.shadow.result", o.Shadow)
	add("url.scheme", knownScheme(o.Request.Scheme))
	if s.origins {
		add("cors.origin", printable(o.Request.Origin, maxOriginText))
		add("server.address", printable(o.Request.Authority, maxHostText))
	}
	add("cors.request.id", printable(string(o.RequestID), maxRequestID))
	if o.Revision > 0 {
		attrs = append(attrs, attribute.Int64("cors.policy.version", o.Revision))
	}
	if o.OriginIndex >= 0 && o.Outcome == policy.Allowed {
		attrs = append(attrs, attribute.Int("cors.policy.entry", o.OriginIndex))
	}
	if o.Answered {
		attrs = append(attrs, attribute.Int("http.response.status_code", o.Status))
	}
	if o.Outcome == policy.Error {
		attrs = append(attrs, attribute.String("error.type", o.Reason.String()))
		span.SetStatus(codes.Error, o.Reason.Text())
	}
	span.SetAttributes(attrs...)
	if o.Variant != "" {
		span.AddEvent("feature_flag.evaluation", trace.WithAttributes(
			attribute.String("feature_flag.key", "cors.policy"),
			attribute.String("feature_flag.result.variant", o.Variant),
			attribute.String("feature_flag.result.reason", "split"),
		))
	}
}

func cacheName(o *server.Observation) string { return [...]string{"hit", "stale", "miss"}[cacheOf(o)] }

// knownMethod keeps a span's attribute to the methods that everybody knows.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return method
	default:
		return "_OTHER"
	}
}

func knownScheme(scheme string) string {
	if scheme == "http" || scheme == "https" {
		return scheme
	}
	return ""
}
