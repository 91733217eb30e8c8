package envoy

import (
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	statslogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stats/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// StatPreflight is the histogram of how long clients waited for the answer to a preflight, in
// milliseconds; in Prometheus it is "envoy_cors_preflight_duration_ms".
const StatPreflight = statScope + ".preflight.duration_ms"

const statScope = "cors"

// maxOutcomes bounds the series whatever a processor says: the four outcomes, none, and some to spare.
const maxOutcomes = 8

// preflightTimes counts preflights by their duration as clients see it. Envoy's own histogram of requests
// has no methods, and the processor cannot know what the network before it costs.
func (b *builder) preflightTimes() *accesslogv3.AccessLog {
	return &accesslogv3.AccessLog{
		Name: "envoy.access_loggers.stats",
		Filter: &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_AndFilter{
			AndFilter: &accesslogv3.AndFilter{Filters: []*accesslogv3.AccessLogFilter{
				whereHeader(":method", exactValue("OPTIONS")),
				whereHeader(wire.HeaderOrigin, nil),
				whereHeader(wire.HeaderRequestMethod, nil),
			}},
		}},
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: b.any(&statslogv3.Config{
			StatsScope: &typev3.Scope{Prefix: statScope, MaxHistograms: count(maxOutcomes)},
			Histograms: []*statslogv3.Config_Histogram{{
				Stat: &statslogv3.Config_Stat{
					Name: strings.TrimPrefix(StatPreflight, statScope+"."),
					Tags: []*statslogv3.Config_Tag{{
						Name:        "cors_outcome",
						ValueFormat: "%DYNAMIC_METADATA(" + wire.Namespace + ":" + wire.MetaDecision + ")%",
					}},
				},
				Unit:        statslogv3.Config_Histogram_Milliseconds,
				ValueFormat: "%DURATION%",
			}},
		})},
	}
}

func exactValue(s string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: s}}
}

// whereHeader is true of requests with a header; of any value, when m is nil.
func whereHeader(name string, m *matcherv3.StringMatcher) *accesslogv3.AccessLogFilter {
	h := &routev3.HeaderMatcher{Name: name}
	if m == nil {
		h.HeaderMatchSpecifier = &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}
	} else {
		h.HeaderMatchSpecifier = &routev3.HeaderMatcher_StringMatch{StringMatch: m}
	}
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_HeaderFilter{
		HeaderFilter: &accesslogv3.HeaderFilter{Header: h},
	}}
}

// statsConfig gives the histogram of preflights the bounds that service levels are about.
func statsConfig() *metricsv3.StatsConfig {
	return &metricsv3.StatsConfig{HistogramBucketSettings: []*metricsv3.HistogramBucketSettings{{
		Match:   &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: StatPreflight}},
		Buckets: []float64{1, 2, 5, 10, 25, 50, 100, 200, 500, 1000, 5000},
	}}}
}
