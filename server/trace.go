package server

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

// Names of W3C Trace Context in gRPC metadata.
const (
	traceparent = "traceparent"
	tracestate  = "tracestate"
)

// parentOf is Envoy's own span of a call, from the stream's metadata; invalid when Envoy traces nothing. The
// traceparent among the request's headers is the client's, and is not looked at.
func parentOf(ctx context.Context) trace.SpanContext {
	lines := metadata.ValueFromIncomingContext(ctx, traceparent)
	if len(lines) != 1 {
		return trace.SpanContext{} // two parents are none (W3C Trace Context, section 3.2)
	}
	parent, ok := parseTraceparent(lines[0])
	if !ok || !parent.IsSampled() {
		return parent
	}
	if lines := metadata.ValueFromIncomingContext(ctx, tracestate); len(lines) == 1 {
		if state, err := trace.ParseTraceState(lines[0]); err == nil {
			return parent.WithTraceState(state)
		}
	}
	return parent
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
