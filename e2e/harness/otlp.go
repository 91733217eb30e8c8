package harness

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Collector receives OTLP over gRPC and keeps all of it, from every process that sends it any.
type Collector struct {
	*Service

	mu      sync.Mutex
	spans   []Span
	metrics map[string]bool
}

// Span is a span as it arrived.
type Span struct {
	*tracepb.Span
	// Service is the service.name of who sent it.
	Service string
}

// Trace is the id of its trace, in hexadecimal as in a traceparent.
func (s Span) Trace() string { return hex.EncodeToString(s.GetTraceId()) }

// ID is its own id.
func (s Span) ID() string { return hex.EncodeToString(s.GetSpanId()) }

// Parent is the id of the span above it; "" for a root.
func (s Span) Parent() string { return hex.EncodeToString(s.GetParentSpanId()) }

// Attributes are its attributes as text.
func (s Span) Attributes() map[string]string {
	out := map[string]string{}
	for _, kv := range s.GetAttributes() {
		out[kv.GetKey()] = text(kv.GetValue())
	}
	return out
}

// String says what a span is, for failed tests.
func (s Span) String() string {
	return fmt.Sprintf("%s/%q %s id=%s parent=%s status=%s", s.Service, s.GetName(), s.GetKind(), s.ID(), s.Parent(), s.GetStatus().GetCode())
}

func text(v *commonpb.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return strconv.FormatBool(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	default:
		return fmt.Sprint(v)
	}
}

// StartCollector runs a collector until the test ends.
func StartCollector(tb testing.TB) *Collector {
	tb.Helper()
	c := &Collector{metrics: map[string]bool{}}
	c.Service = StartService(tb, "", func(s *grpc.Server) {
		collectorpb.RegisterTraceServiceServer(s, traceService{c: c})
		metricspb.RegisterMetricsServiceServer(s, metricsService{c: c})
	})
	return c
}

// Env are the variables by which a program with OpenTelemetry sends to c.
func (c *Collector) Env() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + c.Addr, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
		"OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_METRIC_EXPORT_INTERVAL=200",
	}
}

// Spans are those received so far of one trace, or of all when trace is "", in order of arrival.
func (c *Collector) Spans(trace string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s Span) bool { return trace != "" && s.Trace() != trace })
}

// AwaitSpan waits for the first span of a trace that is the one looked for.
func (c *Collector) AwaitSpan(tb testing.TB, trace, what string, is func(Span) bool) Span {
	tb.Helper()
	var found Span
	Eventually(tb, "the span "+what, func() error {
		spans := c.Spans(trace)
		i := slices.IndexFunc(spans, is)
		if i < 0 {
			return fmt.Errorf("trace %s has only %s", trace, list(spans))
		}
		found = spans[i]
		return nil
	})
	return found
}

func list(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString("\n  " + s.String())
	}
	return b.String()
}

// AwaitMetric waits for a metric by its OpenTelemetry name.
func (c *Collector) AwaitMetric(tb testing.TB, name string) {
	tb.Helper()
	Eventually(tb, "the metric "+name, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.metrics[name] {
			return fmt.Errorf("there are %d others", len(c.metrics))
		}
		return nil
	})
}

type traceService struct {
	collectorpb.UnimplementedTraceServiceServer
	c *Collector
}

// Export keeps the spans of a request.
func (s traceService) Export(_ context.Context, req *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		service := ""
		for _, kv := range resource.GetResource().GetAttributes() {
			if kv.GetKey() == "service.name" {
				service = text(kv.GetValue())
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.c.spans = append(s.c.spans, Span{Span: span, Service: service})
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

type metricsService struct {
	metricspb.UnimplementedMetricsServiceServer
	c *Collector
}

// Export keeps the names of a request.
func (s metricsService) Export(_ context.Context, req *metricspb.ExportMetricsServiceRequest) (*metricspb.ExportMetricsServiceResponse, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, resource := range req.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				s.c.metrics[metric.GetName()] = true
			}
		}
	}
	return &metricspb.ExportMetricsServiceResponse{}, nil
}
