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

// spans makes the spans of decisions and of what they wait for.
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

// observe makes or completes the span of o and returns it, ended; nil when o has none.
func (s *spans) observe(o *server.Observation) trace.Span {
	if s.tracer == nil || o.Late {
		return nil
	}
	// A request that waited may have a span already, of which its load is a part.
	wanted := s.sampling.wants(o)
	if !wanted && !o.Waited {
		return nil
	}
	if o.Trace == nil {
		o.Trace = &server.Trace{Received: o.Received}
	}
	span := o.Trace.Span(func(t *server.Trace) trace.Span {
		if !wanted {
			return nil
		}
		return s.start(t)
	})
	if span == nil {
		return nil
	}
	s.describe(span, o)
	span.End(trace.WithTimestamp(o.Received.Add(o.Duration)))
	return span
}

// start begins the span of a decision, if there are not too many.
func (s *spans) start(t *server.Trace) trace.Span {
	if !s.cap.allow(time.Now()) {
		s.dropped.add(spanCap, 1)
		return nil
	}
	parent := t.Parent
	if t.State != "" {
		if state, err := trace.ParseTraceState(t.State); err == nil {
			parent = parent.WithTraceState(state)
		}
	}
	ctx := context.Background()
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	_, span := s.tracer.Start(ctx, "cors.decide", trace.WithTimestamp(t.Received))
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

// Load begins the span of reads of the registry on behalf of requests: contexts of streams, the first
// of which it belongs to. ctx has the span, so that commands become its children; done ends it.
func (t *Telemetry) Load(requests []context.Context) (ctx context.Context, done func(error)) {
	return t.spans.load(requests)
}

func (s *spans) load(requests []context.Context) (context.Context, func(error)) {
	none := func(error) {}
	if s.tracer == nil {
		return context.Background(), none
	}
	var parent trace.Span
	var links []trace.Link
	for _, request := range requests {
		t := server.TraceOf(request)
		if t == nil {
			continue
		}
		span := t.Span(func(t *server.Trace) trace.Span {
			if !s.sampling.wantsLoad(t.Parent) {
				return nil
			}
			return s.start(t)
		})
		switch {
		case span == nil:
		case parent == nil:
			parent = span
		default:
			links = append(links, trace.Link{SpanContext: span.SpanContext()})
		}
	}
	if parent == nil {
		return context.Background(), none
	}
	ctx, span := s.tracer.Start(trace.ContextWithSpan(context.Background(), parent), "cors.policy.load",
		trace.WithLinks(links...), trace.WithAttributes(attribute.Int("cors.load.requests", len(requests))))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
			span.SetAttributes(attribute.String("error.type", "store_unavailable"))
		}
		span.End()
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
