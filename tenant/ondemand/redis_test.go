package ondemand_test

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// TestCommandsAreChildrenOfTheRequest is the whole way of a load, on a real Redis.
func TestCommandsAreChildrenOfTheRequest(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	write(server, "a", string(simple("a", "v1").bytes()), "a.example")
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Addr()}, Timeout: patience, TracerProvider: provider})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := patient(t, ondemand.Options{
		Source: s,
		OnLoad: func(ctx context.Context) (context.Context, func(error)) {
			ctx, span := provider.Tracer("test").Start(ctx, "cors.policy.load")
			return ctx, func(error) { span.End() }
		},
	})
	request, root := provider.Tracer("test").Start(t.Context(), "cors.decide")
	v := r.Lookup(request, tenant.Key{Authority: "a.example"})
	root.End()
	if !allows(v, "v1") {
		t.Fatalf("the tenant is %s", v.Freshness)
	}
	var load trace.SpanID
	for _, span := range recorder.Ended() {
		if span.Name() == "cors.policy.load" && span.Parent().SpanID() == root.SpanContext().SpanID() {
			load = span.SpanContext().SpanID()
		}
	}
	commands := 0
	for _, span := range recorder.Ended() {
		if span.SpanKind() == trace.SpanKindClient && span.SpanContext().TraceID() == root.SpanContext().TraceID() {
			commands++
			if span.Parent().SpanID() != load {
				t.Errorf("%s has another parent than the load", span.Name())
			}
		}
	}
	if !load.IsValid() || commands < 2 { // the owner, the document
		t.Errorf("%d commands below the load %v, want at least 2", commands, load)
	}
}
