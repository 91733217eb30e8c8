package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"
)

// TracerProvider gives tracers that record once the telemetry was started, so that the store can be
// made before.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return laterProvider{t: t} }

type laterProvider struct {
	embedded.TracerProvider
	t *Telemetry
}

// Tracer implements [trace.TracerProvider].
func (p laterProvider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return laterTracer{p: p, name: name, options: options}
}

type laterTracer struct {
	embedded.Tracer
	p       laterProvider
	name    string
	options []trace.TracerOption
}

// Start implements [trace.Tracer].
func (l laterTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if l.p.t.tracers == nil {
		return noop.Tracer{}.Start(ctx, name, options...)
	}
	return l.p.t.tracers.Tracer(l.name, l.options...).Start(ctx, name, options...)
}
