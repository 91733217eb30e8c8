package server

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

// Names of W3C Trace Context in gRPC metadata.
const (
	traceparent = "traceparent"
	tracestate  = "tracestate"
)

// Trace is the trace that one request belongs to.
type Trace struct {
	// Parent is Envoy's own span of this call, from the stream's metadata; invalid when Envoy
	// traces nothing. The traceparent among the request's headers is the client's, and is not
	// looked at.
	Parent trace.SpanContext
	// State is the tracestate that came with a sampled Parent, unread.
	State string
	// Received is when the message came that is being decided.
	Received time.Time

	once sync.Once
	span trace.Span
}

// Span returns the span of the decision. The first call makes it by start; nil is no span, and final.
// It is safe for concurrent use, since a load that the request waits for belongs to the span,
// too, and may come first.
func (t *Trace) Span(start func(*Trace) trace.Span) trace.Span {
	t.once.Do(func() { t.span = start(t) })
	return t.span
}

// TraceOf returns the trace of the request that a load with ctx was begun for, or nil.
func TraceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

type traceKey struct{}

// Context implements [tenant.Waiter]: it gives a load the stream's values, and a trace that may outlive the stream.
func (x *exchange) Context() context.Context {
	if x.trace == nil {
		return x.ctx
	}
	if x.trace == &x.own {
		x.trace = &Trace{Parent: x.own.Parent, State: x.own.State, Received: x.own.Received}
	}
	return context.WithValue(x.ctx, traceKey{}, x.trace)
}

// read takes the trace from a stream's metadata.
func (t *Trace) read(ctx context.Context) {
	lines := metadata.ValueFromIncomingContext(ctx, traceparent)
	if len(lines) != 1 {
		return // two parents are none (W3C Trace Context, section 3.2)
	}
	parent, ok := parseTraceparent(lines[0])
	if !ok {
		return
	}
	t.Parent = parent
	if !parent.IsSampled() {
		return
	}
	if state := metadata.ValueFromIncomingContext(ctx, tracestate); len(state) == 1 {
		t.State = state[0]
	}
}

// Places in a traceparent: version "-" trace-id "-" parent-id "-" trace-flags.
const (
	traceIDAt  = 3
	parentIDAt = traceIDAt + 32 + 1
	flagsAt    = parentIDAt + 16 + 1
	endAt      = flagsAt + 2
)

// parseTraceparent reads a header of W3C Trace Context, section 3.2.2. A later version than 00 may
// have more behind a dash.
func parseTraceparent(s string) (trace.SpanContext, bool) {
	var version, flags [1]byte
	var cfg trace.SpanContextConfig
	if len(s) < endAt || s[traceIDAt-1] != '-' || s[parentIDAt-1] != '-' || s[flagsAt-1] != '-' ||
		!unhex(version[:], s[:2]) || !unhex(cfg.TraceID[:], s[traceIDAt:parentIDAt-1]) ||
		!unhex(cfg.SpanID[:], s[parentIDAt:flagsAt-1]) || !unhex(flags[:], s[flagsAt:endAt]) {
		return trace.SpanContext{}, false
	}
	switch rest := s[endAt:]; {
	case version[0] == 0xff,
		version[0] == 0 && (rest != "" || flags[0] > 3),
		rest != "" && rest[0] != '-':
		return trace.SpanContext{}, false
	}
	cfg.TraceFlags = trace.TraceFlags(flags[0]) & (trace.FlagsSampled | trace.FlagsRandom)
	cfg.Remote = true
	parent := trace.NewSpanContext(cfg)
	return parent, parent.IsValid()
}

// unhex decodes lower-case hexadecimal digits, two for each byte of dst.
func unhex(dst []byte, s string) bool {
	for i := range dst {
		high, low := digit(s[2*i]), digit(s[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

// digit is the value of a digit, or more than 15.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	default:
		return 0xff
	}
}
