package telemetry

import (
	"context"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// DefaultSpanQueue is how many spans may wait for a collector.
const DefaultSpanQueue = 2048

// queue is OpenTelemetry's queue of spans, which drops what it has no room for and tells nobody. This
// one lets in no more than there is room for, and counts what is lost.
type queue struct {
	sdktrace.SpanProcessor
	most    int64
	dropped *counter
	waiting *atomic.Int64
}

// newQueue sends what it is given by exporter. At most that many spans wait, those under way included.
func newQueue(exporter sdktrace.SpanExporter, most int, dropped *counter) queue {
	if most <= 0 {
		most = DefaultSpanQueue
	}
	waiting := new(atomic.Int64)
	return queue{
		SpanProcessor: sdktrace.NewBatchSpanProcessor(countedExporter{exporter, dropped, waiting}, sdktrace.WithMaxQueueSize(most)),
		most:          int64(most), dropped: dropped, waiting: waiting,
	}
}

// OnEnd implements [sdktrace.SpanProcessor].
func (q queue) OnEnd(span sdktrace.ReadOnlySpan) {
	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		q.dropped.add(spanExport, 1)
		return
	}
	q.SpanProcessor.OnEnd(span)
}

// countedExporter counts the spans that were not delivered.
type countedExporter struct {
	sdktrace.SpanExporter
	dropped *counter
	waiting *atomic.Int64
}

// ExportSpans implements [sdktrace.SpanExporter].
func (e countedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer e.waiting.Add(-int64(len(spans)))
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		e.dropped.add(spanExport, int64(len(spans)))
	}
	return err
}
