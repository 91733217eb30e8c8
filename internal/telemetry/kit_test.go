package telemetry

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// figures have every metric of a registry.
func figures() Figures {
	return Figures{Live: 3, Stale: 1, Generation: time.UnixMilli(1_700_000_000_123), Store: &StoreFigures{Up: true, ClockKnown: true, ClockOffset: -time.Second}}
}

// start runs telemetry until the test ends.
func start(tb testing.TB, adjust func(*Config)) *Telemetry {
	tb.Helper()
	cfg := Config{
		Version: "v1", Tiers: DefaultTiers(), Sampling: Sampling{}, Origins: true, Figures: figures,
		Streams: func() int { return 7 }, Networks: func() int { return 2 },
	}
	if adjust != nil {
		adjust(&cfg)
	}
	t, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if err := t.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 10*time.Second)
		defer cancel()
		t.Stop(ctx)
	})
	return t
}

// recorded makes spans of t end in a recorder.
func recorded(tb testing.TB, t *Telemetry) *tracetest.SpanRecorder {
	tb.Helper()
	r := tracetest.NewSpanRecorder()
	p := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	tb.Cleanup(func() { _ = p.Shutdown(context.WithoutCancel(tb.Context())) })
	t.spans.tracer = p.Tracer(scope)
	t.tracers = p
	return r
}

// scrape gathers all samples by "name{label=value,...}", and the families by name.
func scrape(tb testing.TB, t *Telemetry) (map[string]float64, map[string]*dto.MetricFamily) {
	tb.Helper()
	families, err := t.registry.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	samples, byName := map[string]float64{}, map[string]*dto.MetricFamily{}
	for _, f := range families {
		byName[f.GetName()] = f
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			key := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Counter != nil:
				samples[key] = m.GetCounter().GetValue()
			case m.Gauge != nil:
				samples[key] = m.GetGauge().GetValue()
			case m.Histogram != nil:
				samples[key] = float64(m.GetHistogram().GetSampleCount())
			default:
				samples[key] = math.NaN()
			}
		}
	}
	return samples, byName
}

// series counts what an exposition would have.
func series(families map[string]*dto.MetricFamily) (n int) {
	for _, f := range families {
		for _, m := range f.GetMetric() {
			n++
			if m.Histogram != nil {
				n += len(m.GetHistogram().GetBucket()) + 2 // +Inf, sum; the count is counted
			}
		}
	}
	return n
}

// denial is a plain refusal.
func denial(id, origin string) *server.Observation {
	r := policy.Request{Method: "GET", Scheme: "https", Authority: "api.example", Origin: origin}
	return &server.Observation{
		Kind: policy.Actual, Outcome: policy.Denied, Reason: policy.OriginNotListed, OriginIndex: -1, Tenant: id,
		Received: time.Now(), Duration: 30 * time.Microsecond, Request: r, Key: tenant.Key{Authority: r.Authority, Path: "/"},
	}
}

// grant is a plain permission.
func grant(id, origin string) *server.Observation {
	o := denial(id, origin)
	o.Outcome, o.Reason, o.OriginIndex = policy.Allowed, policy.OriginListed, 0
	return o
}

// failure is a decision that we could not make.
func failure() *server.Observation {
	o := denial("", "https://app.example")
	o.Outcome, o.Reason, o.Freshness = policy.Error, policy.StoreUnavailable, tenant.Unavailable
	return o
}

// under puts o under a parent.
func under(o *server.Observation, sampled bool) *server.Observation {
	cfg := trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, Remote: true}
	if sampled {
		cfg.TraceFlags = trace.FlagsSampled
	}
	o.Parent = trace.NewSpanContext(cfg)
	return o
}

func attributes(span sdktrace.ReadOnlySpan) map[string]string {
	out := map[string]string{}
	for _, kv := range span.Attributes() {
		out[string(kv.Key)] = kv.Value.String()
	}
	return out
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func jsonLog(w *strings.Builder) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }
