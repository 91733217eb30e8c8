package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// maxOperations bounds the pairs of operation and error; further ones are counted as others.
const maxOperations = 48

const otherName = "_OTHER"

// operations times what is sent to the store.
type operations struct {
	duration metric.Float64Histogram // nil before Start

	mu    sync.RWMutex
	known map[operation][]metric.RecordOption // under mu
}

type operation struct{ name, failure string }

// Operation counts a command or pipeline of the store. Neither name nor failure comes from outside; failure is "" for
// success.
func (t *Telemetry) Operation(name, failure string, took time.Duration) {
	t.operations.record(operation{name, failure}, took)
}

func (p *operations) record(op operation, took time.Duration) {
	if p.duration == nil {
		return
	}
	p.duration.Record(context.Background(), took.Seconds(), p.options(op)...)
}

func (p *operations) options(op operation) []metric.RecordOption {
	p.mu.RLock()
	options := p.known[op]
	p.mu.RUnlock()
	if options != nil {
		return options
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[operation][]metric.RecordOption)
	}
	if len(p.known) >= maxOperations-1 {
		op = operation{name: otherName, failure: otherName}
	}
	if options = p.known[op]; options != nil {
		return options
	}
	attrs := []attribute.KeyValue{attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", op.name)}
	if op.failure != "" {
		attrs = append(attrs, attribute.String("error.type", op.failure))
	}
	options = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
	p.known[op] = options
	return options
}
