package config

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEnvironmentOfOpenTelemetry: what its variables say, and what is said of those that cannot be used.
func TestEnvironmentOfOpenTelemetry(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"
	tests := []struct {
		name     string
		environ  []string
		want     OTLP
		problems []string // the start of each
	}{
		{"nothing", []string{"HOME=x", "OTEL_SERVICE_NAME=edge"}, OTLP{}, nil},
		{"an endpoint", []string{endpoint}, OTLP{Traces: "http/protobuf", Metrics: "http/protobuf"}, nil},
		{"grpc", []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, OTLP{Traces: "grpc", Metrics: "grpc"}, nil},
		{"one protocol each", []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf"}, OTLP{Traces: "grpc", Metrics: "http/protobuf"}, nil},
		{"traces only, by endpoint", []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c:4318/v1/traces"}, OTLP{Traces: "http/protobuf"}, nil},
		{"traces only, by exporter", []string{endpoint, "OTEL_METRICS_EXPORTER=none"}, OTLP{Traces: "http/protobuf"}, nil},
		{"metrics are scraped", []string{endpoint, "OTEL_METRICS_EXPORTER=prometheus"}, OTLP{Traces: "http/protobuf"}, nil},
		{"the default endpoint", []string{"OTEL_TRACES_EXPORTER=otlp"}, OTLP{Traces: "http/protobuf"}, nil},
		{"an empty value is none", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_TRACES_SAMPLER="}, OTLP{}, nil},
		{"disabled, whatever else is wrong", []string{endpoint, "OTEL_SDK_DISABLED=TRUE", "OTEL_TRACES_SAMPLER=nonsense"}, OTLP{}, nil},
		{"always", []string{"OTEL_TRACES_SAMPLER=always_on"}, OTLP{Sampler: &Sampler{Alone: true, Ratio: 1}}, nil},
		{"never", []string{"OTEL_TRACES_SAMPLER=always_off"}, OTLP{Sampler: &Sampler{Alone: true}}, nil},
		{"a ratio below the parent", []string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25"}, OTLP{Sampler: &Sampler{Ratio: 0.25}}, nil},
		{"a ratio without one", []string{"OTEL_TRACES_SAMPLER=traceidratio"}, OTLP{Sampler: &Sampler{Alone: true, Ratio: 1}}, nil},
		{
			"all mistakes at once",
			[]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "OTEL_METRICS_EXPORTER=console",
				"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=2",
			},
			OTLP{},
			[]string{"OTEL_EXPORTER_OTLP_ENDPOINT: ", "OTEL_EXPORTER_OTLP_PROTOCOL: ", "OTEL_METRICS_EXPORTER: ", "OTEL_TRACES_SAMPLER_ARG: "},
		},
		{"once, although it concerns both signals", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318"}, OTLP{Traces: "http/protobuf", Metrics: "http/protobuf"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT: "}},
		{"a longer queue", []string{"OTEL_BSP_MAX_QUEUE_SIZE=4096"}, OTLP{SpanQueue: 4096}, nil},
		{"no queue", []string{"OTEL_BSP_MAX_QUEUE_SIZE=0"}, OTLP{}, []string{"OTEL_BSP_MAX_QUEUE_SIZE: "}},
		{"a sampler that is none", []string{"OTEL_TRACES_SAMPLER=parentbased_jaeger_remote"}, OTLP{}, []string{"OTEL_TRACES_SAMPLER: "}},
		{"prometheus has no traces", []string{"OTEL_TRACES_EXPORTER=prometheus"}, OTLP{}, []string{"OTEL_TRACES_EXPORTER: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var telemetry Telemetry
			problems := telemetry.Environment(tt.environ)
			if diff := cmp.Diff(tt.want, telemetry.OTLP); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			if len(problems) != len(tt.problems) {
				t.Fatalf("problems %v, want %q", problems, tt.problems)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.String(), tt.problems[i]) || p.Fix == "" {
					t.Errorf("problem %s, want %s and a fix", p, tt.problems[i])
				}
			}
		})
	}
}

// TestTelemetryIsChecked: tiers become labels, so they are held to a form and a number.
func TestTelemetryIsChecked(t *testing.T) {
	t.Parallel()
	good := Telemetry{Tiers: []string{"gold", "a.b_c-D9"}, TraceAllowed: 0, TraceDenied: 1, MaxSpans: 1}
	check := func(change func(*Telemetry)) Problems {
		one := good
		change(&one)
		c := checker{}
		c.telemetry(&one)
		return c.problems
	}
	for name, tt := range map[string]struct {
		change func(*Telemetry)
		flag   string // "" for none
	}{
		"good":             {func(*Telemetry) {}, ""},
		"no tier":          {func(t *Telemetry) { t.Tiers = nil }, ""},
		"too many tiers":   {func(t *Telemetry) { t.Tiers = []string{"a", "b", "c", "d"} }, "--tenant-tier"},
		"a quote":          {func(t *Telemetry) { t.Tiers = []string{`a"`} }, "--tenant-tier"},
		"too long":         {func(t *Telemetry) { t.Tiers = []string{strings.Repeat("a", 33)} }, "--tenant-tier"},
		"the rest's name":  {func(t *Telemetry) { t.Tiers = []string{"other"} }, "--tenant-tier"},
		"twice":            {func(t *Telemetry) { t.Tiers = []string{"a", "a"} }, "--tenant-tier"},
		"more than all":    {func(t *Telemetry) { t.TraceAllowed = 1.1 }, "--trace-allowed"},
		"less than none":   {func(t *Telemetry) { t.TraceDenied = -0.1 }, "--trace-denied"},
		"no number":        {func(t *Telemetry) { t.TraceDenied = math.NaN() }, "--trace-denied"},
		"no spans":         {func(t *Telemetry) { t.MaxSpans = 0 }, "--max-spans"},
		"spans beyond use": {func(t *Telemetry) { t.MaxSpans = maxMaxSpans + 1 }, "--max-spans"},
	} {
		problems := check(tt.change)
		switch {
		case tt.flag == "" && len(problems) > 0:
			t.Errorf("%s: %v", name, problems)
		case tt.flag != "" && (len(problems) != 1 || problems[0].Source != tt.flag):
			t.Errorf("%s: %v, want one of %s", name, problems, tt.flag)
		}
	}
}
