package config

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// OTLP is where telemetry is pushed to.
type OTLP struct {
	// Traces and Metrics are "grpc" or "http/protobuf", or "" to push nothing. The exporters find the
	// endpoint and everything else about it in the environment themselves.
	Traces, Metrics string
	// Sampler is the sampling that OTEL_TRACES_SAMPLER names; nil leaves it to the flags.
	Sampler *Sampler
	// SpanQueue is how many spans may wait for a collector; 0 is the usual 2048.
	SpanQueue int
}

// maxSpanQueue bounds the memory of spans that wait; each takes a few kilobytes.
const maxSpanQueue = 100_000

// Sampler is one ratio for all decisions.
type Sampler struct {
	// Alone disregards what Envoy decided for the trace.
	Alone bool
	// Ratio is the share of traces, 0 to 1.
	Ratio float64
}

// Environment reads the variables of OpenTelemetry from environ, "NAME=value" each. Nothing is pushed unless
// an endpoint or an exporter is named. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
func (t *Telemetry) Environment(environ []string) Problems {
	v := variables{}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, "OTEL_") && value != "" {
			v[name] = value
		}
	}
	t.OTLP = OTLP{}
	if strings.EqualFold(v["OTEL_SDK_DISABLED"], "true") {
		return nil
	}
	var ps Problems
	t.OTLP.Traces = v.protocol("TRACES", &ps)
	t.OTLP.Metrics = v.protocol("METRICS", &ps)
	t.OTLP.Sampler = v.sampler(&ps)
	t.OTLP.SpanQueue = v.spanQueue(&ps)
	// What concerns both signals was found twice.
	slices.SortStableFunc(ps, func(a, b Problem) int { return strings.Compare(a.Source, b.Source) })
	return slices.Compact(ps)
}

type variables map[string]string

// first is the first of names that is set, and its value.
func (v variables) first(names ...string) (name, value string) {
	for _, name = range names {
		if value = v[name]; value != "" {
			return name, value
		}
	}
	return name, ""
}

// protocol is how a signal is pushed, or "".
func (v variables) protocol(signal string, ps *Problems) string {
	exporter := v["OTEL_"+signal+"_EXPORTER"]
	_, endpoint := v.first("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	switch exporter {
	case "none":
		return ""
	case "prometheus": // is there always
		if signal == "METRICS" {
			return ""
		}
		fallthrough
	default:
		*ps = append(*ps, Problem{Source: "OTEL_" + signal + "_EXPORTER", Detail: strconv.Quote(exporter) + " is no exporter of this program", Fix: "write otlp or none"})
		return ""
	case "otlp":
	case "":
		if endpoint == "" {
			return ""
		}
	}
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_" + signal, "OTEL_EXPORTER_OTLP"} { // the exporters read both
		v.endpoint(prefix+"_ENDPOINT", ps)
		v.headers(prefix+"_HEADERS", ps)
	}
	name, protocol := v.first("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	switch protocol {
	case "":
		return "http/protobuf"
	case "grpc", "http/protobuf":
		return protocol
	}
	*ps = append(*ps, Problem{Source: name, Detail: strconv.Quote(protocol) + " is not spoken", Fix: "write grpc or http/protobuf"})
	return ""
}

// endpoint checks the address of a collector. It may hold credentials, so no message shows it.
func (v variables) endpoint(name string, ps *Problems) {
	text := v[name]
	if text == "" {
		return
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		*ps = append(*ps, Problem{Source: name, Detail: "it is not the address of a collector", Fix: "write http://host:4318, or https://"})
	}
}

// headerName is a token of RFC 9110 section 5.6.2.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// headers checks what is sent to a collector. The exporters would log what they cannot read, and these are secrets: the
// message counts to them, and shows none.
func (v variables) headers(name string, ps *Problems) {
	if v[name] == "" {
		return
	}
	n := 0
	for pair := range strings.SplitSeq(v[name], ",") {
		n++
		key, value, found := strings.Cut(pair, "=")
		if _, err := url.PathUnescape(value); !found || err != nil || !headerName.MatchString(strings.TrimSpace(key)) {
			*ps = append(*ps, Problem{Source: name, Detail: "header " + strconv.Itoa(n) + " cannot be read", Fix: "write name=value,name=value, with a comma or % in a value as %2C or %25"})
		}
	}
}

func (v variables) spanQueue(ps *Problems) int {
	const variable = "OTEL_BSP_MAX_QUEUE_SIZE"
	text := v[variable]
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxSpanQueue {
		*ps = append(*ps, Problem{Source: variable, Detail: strconv.Quote(text) + " is no number of spans", Fix: "write a whole number from 1 to " + strconv.Itoa(maxSpanQueue)})
		return 0
	}
	return n
}

func (v variables) sampler(ps *Problems) *Sampler {
	const variable = "OTEL_TRACES_SAMPLER"
	name := v[variable]
	kind, parent := strings.CutPrefix(name, "parentbased_")
	s := &Sampler{Alone: !parent}
	switch kind {
	case "":
		return nil
	case "always_on":
		s.Ratio = 1
	case "always_off":
	case "traceidratio":
		s.Ratio = 1
		if arg := v[variable+"_ARG"]; arg != "" {
			ratio, err := strconv.ParseFloat(arg, 64)
			if err != nil || !(ratio >= 0 && ratio <= 1) {
				*ps = append(*ps, Problem{Source: variable + "_ARG", Detail: strconv.Quote(arg) + " is no share", Fix: "write a number from 0 to 1"})
				return nil
			}
			s.Ratio = ratio
		}
	default:
		*ps = append(*ps, Problem{
			Source: variable, Detail: strconv.Quote(name) + " is no sampler of this program",
			Fix: "write always_on, always_off or traceidratio, with or without parentbased_ before it",
		})
		return nil
	}
	return s
}
