package telemetry

import (
	"context"
	"errors"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// hanging is a collector that takes nothing until it is let go, and then fails.
type hanging struct {
	once    sync.Once
	entered chan struct{}
	release chan struct{}
}

// ExportSpans implements [sdktrace.SpanExporter].
func (h *hanging) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	h.once.Do(func() { close(h.entered) })
	<-h.release
	return errors.New("refused")
}

// Shutdown implements [sdktrace.SpanExporter].
func (h *hanging) Shutdown(context.Context) error { return nil }

// TestSpanQueue: every span that does not arrive is counted, whether there was no room or the collector failed.
func TestSpanQueue(t *testing.T) {
	h := &hanging{entered: make(chan struct{}), release: make(chan struct{})}
	dropped := catalogueOf(DefaultTiers()).counter("cors.spans.dropped")
	q := newQueue(h, 600, dropped)
	p := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(q))
	end := func(n int) {
		for range n {
			_, span := p.Tracer("test").Start(t.Context(), "cors.decide")
			span.End()
		}
	}
	end(512) // a whole batch, which is taken at once
	<-h.entered
	end(500)
	if got := dropped.cells[spanExport].Load(); got != 412 || q.waiting.Load() != 600 {
		t.Errorf("%d dropped and %d waiting, want 412 and 600", got, q.waiting.Load())
	}
	close(h.release)
	if err := p.Shutdown(t.Context()); err != nil {
		t.Logf("shutting down: %v", err) // the collector refuses
	}
	if got := dropped.cells[spanExport].Load(); got != 1012 || q.waiting.Load() != 0 {
		t.Errorf("%d dropped and %d waiting, want all 1012 and none", got, q.waiting.Load())
	}
}
