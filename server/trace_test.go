package server_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
	"github.com/corsgate/corsgate/tenant"
)

const traceID, spanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

// TestTraceParent: the parent is the stream's, not the client's.
func TestTraceParent(t *testing.T) {
	t.Parallel()
	const good = "00-" + traceID + "-" + spanID + "-01"
	tests := []struct {
		name     string
		metadata []string
		sampled  bool
		valid    bool
	}{
		{"none", nil, false, false},
		{"sampled", []string{"traceparent", good}, true, true},
		{"not sampled", []string{"traceparent", strings.TrimSuffix(good, "1") + "0"}, false, true},
		{"two", []string{"traceparent", good, "traceparent", good}, false, false},
		{"malformed", []string{"traceparent", good + "-x"}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var parent trace.SpanContext
			var looked trace.SpanContext
			envoy := servertest.Start(t, service(t, lookup(func(ctx context.Context, k tenant.Key) tenant.View {
				looked = trace.SpanContextFromContext(ctx)
				return snapshot(t, acme).Lookup(ctx, k)
			}), func(cfg *server.Config) {
				cfg.Observe = func(o *server.Observation) { parent = o.Parent }
			}), server.Transport{})
			r := get("api.acme.example", "https://app.acme.example")
			r.Headers = append(r.Headers, [2]string{"traceparent", "00-" + strings.Repeat("ab", 16) + "-" + spanID + "-01"})
			stream, err := envoy.Open(metadata.AppendToOutgoingContext(t.Context(), append(tt.metadata, "tracestate", "a=b")...))
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			if _, err := stream.Ask(request(r)); err != nil {
				t.Fatal(err)
			}
			if looked.IsValid() != tt.sampled || tt.sampled && !looked.Equal(parent) {
				t.Errorf("the lookup is a part of %v, want %v", looked, parent)
			}
			if parent.IsValid() != tt.valid || parent.IsSampled() != tt.sampled {
				t.Errorf("parent %v", parent)
			}
			if tt.valid && (parent.TraceID().String() != traceID || !parent.IsRemote()) || (parent.TraceState().String() == "a=b") != tt.sampled {
				t.Errorf("parent %v with state %q", parent, parent.TraceState())
			}
		})
	}
}

// FuzzTraceparent holds the reader against OpenTelemetry's.
func FuzzTraceparent(f *testing.F) {
	good := "00-" + traceID + "-" + spanID + "-01"
	for _, s := range []string{
		good, "", "00-", good[:54], good + "0", good + "-", "01" + good[2:], "01" + good[2:] + "-more", "01" + good[2:] + "x", "ff" + good[2:],
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01",
		strings.ToUpper(good), good[:53] + "02", good[:53] + "03", good[:53] + "04", good[:53] + "ff", "0x-" + good[3:], "cc" + good[2:53] + "ff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := server.ParseTraceparent(s)
		want := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": s}))
		if strings.HasPrefix(s, "00-") && len(s) > len(good) {
			want = trace.SpanContext{} // W3C allows no more; OpenTelemetry lets a dash stand
		}
		if ok != want.IsValid() || ok && !got.Equal(want) {
			t.Errorf("%q: %v (%t), want %v", s, got, ok, want)
		}
	})
}
