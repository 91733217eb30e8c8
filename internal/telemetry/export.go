package telemetry

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Protocol is how OTLP is spoken; "" is not at all.
type Protocol string

// The protocols.
const (
	NoOTLP   Protocol = ""
	OTLPGRPC Protocol = "grpc"
	OTLPHTTP Protocol = "http/protobuf"
)

// provide makes the providers of metrics and spans. Exporters find their endpoint, headers and certificates
// in the environment, by the names of OpenTelemetry.
func (t *Telemetry) provide(ctx context.Context) error {
	res, err := t.resource(ctx)
	if err != nil {
		return err
	}
	reader, err := otelprometheus.New(
		otelprometheus.WithRegisterer(t.registry),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
		otelprometheus.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
	)
	if err != nil {
		return fmt.Errorf("making the Prometheus exporter: %w", err)
	}
	options := []sdkmetric.Option{sdkmetric.WithReader(reader), sdkmetric.WithResource(res), sdkmetric.WithView(t.views()...), sdkmetric.WithCardinalityLimit(maxSets)}
	if t.cfg.Metrics != NoOTLP {
		push, err := pushMetrics(ctx, t.cfg.Metrics)
		if err != nil {
			return fmt.Errorf("making the OTLP exporter of metrics: %w", err)
		}
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(push)))
	}
	t.meters = sdkmetric.NewMeterProvider(options...)
	if t.cfg.Traces == NoOTLP {
		return nil
	}
	exporter, err := exportSpans(ctx, t.cfg.Traces)
	if err != nil {
		return fmt.Errorf("making the OTLP exporter of spans: %w", err)
	}
	t.tracers = sdktrace.NewTracerProvider(
		sdktrace.WithResource(res),
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // what is not sampled is never begun
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{
			AttributeValueLengthLimit: maxAttribute, AttributeCountLimit: 32, EventCountLimit: 4, LinkCountLimit: 64,
			AttributePerEventCountLimit: 8, AttributePerLinkCountLimit: 8,
		}),
		sdktrace.WithSpanProcessor(newQueue(exporter, t.cfg.SpanQueue, t.spans.dropped)),
	)
	t.spans.tracer = t.tracers.Tracer(scope)
	return nil
}

// maxSets is how many sets of labels a metric may have; beyond that there is a set "otel_metric_overflow", and an alert. No
// metric of the catalogue comes near it.
const maxSets = 400

// maxAttribute bounds the text of an attribute: an origin, each byte of which may be escaped.
const maxAttribute = 4*maxOriginText + 8

// resource says which process this is. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over what it knows by itself.
func (t *Telemetry) resource(ctx context.Context) (*resource.Resource, error) {
	res, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "corsgate"), attribute.String("service.version", t.cfg.Version)),
		resource.WithHost(),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describing the process for telemetry: %w", err)
	}
	return res, nil
}

// views give each histogram its bounds, and each metric its limit.
func (t *Telemetry) views() []sdkmetric.View {
	var views []sdkmetric.View
	for _, m := range t.list {
		if m.Kind != Histogram {
			continue
		}
		views = append(views, sdkmetric.NewView(
			sdkmetric.Instrument{Name: m.Name, Scope: instrumentation.Scope{Name: scope}},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: m.Bounds, NoMinMax: true}},
		))
	}
	return views
}

func pushMetrics(ctx context.Context, p Protocol) (sdkmetric.Exporter, error) {
	if p == OTLPGRPC {
		return otlpmetricgrpc.New(ctx)
	}
	return otlpmetrichttp.New(ctx)
}

func exportSpans(ctx context.Context, p Protocol) (sdktrace.SpanExporter, error) {
	if p == OTLPGRPC {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// newRegistry is what /metrics gathers from.
func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }
