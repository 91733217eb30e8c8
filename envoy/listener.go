package envoy

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	filelogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	streamlogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsgate/corsgate/envoy/wire"
)

func (b *builder) listener() *listenerv3.Listener {
	return &listenerv3.Listener{
		Name:                          ListenerName,
		Address:                       address(b.o.Listen),
		PerConnectionBufferLimitBytes: kib(32),
		FilterChains: []*listenerv3.FilterChain{{
			Filters: []*listenerv3.Filter{{
				Name:       "envoy.filters.network.http_connection_manager",
				ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: b.any(b.connectionManager())},
			}},
		}},
	}
}

func (b *builder) connectionManager() *hcmv3.HttpConnectionManager {
	return &hcmv3.HttpConnectionManager{
		StatPrefix:     StatPrefix,
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: b.routes()},
		HttpFilters:    b.filters(),
		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
			IdleTimeout: seconds(3600),
		},
		Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
			MaxConcurrentStreams:        count(100),
			InitialStreamWindowSize:     kib(64),
			InitialConnectionWindowSize: kib(1024),
			AllowConnect:                true,
		},
		StreamIdleTimeout:     seconds(300),
		RequestHeadersTimeout: seconds(10),
		AccessLog:             []*accesslogv3.AccessLog{b.accessLog(), b.preflightTimes()},
		UseRemoteAddress:      yes(),
		Tracing:               b.tracing(),
		UpgradeConfigs:        []*hcmv3.HttpConnectionManager_UpgradeConfig{{UpgradeType: "websocket"}},
		NormalizePath:         yes(),
		MergeSlashes:          true,
		// What routes and filters of others compare is what the application will find after decoding.
		PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_UNESCAPE_AND_FORWARD,
		StripTrailingHostDot:         true,
	}
}

func (b *builder) accessLog() *accesslogv3.AccessLog {
	format := &corev3.SubstitutionFormatString{
		Format: &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: logFields()},
	}
	name, config := "envoy.access_loggers.stdout", b.any(&streamlogv3.StdoutAccessLog{
		AccessLogFormat: &streamlogv3.StdoutAccessLog_LogFormat{LogFormat: format},
	})
	if b.o.AccessLog != "" {
		name, config = "envoy.access_loggers.file", b.fileLog(format)
	}
	return &accesslogv3.AccessLog{
		Name:       name,
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: config},
	}
}

func (b *builder) fileLog(format *corev3.SubstitutionFormatString) *anypb.Any {
	return b.any(&filelogv3.FileAccessLog{
		Path:            b.o.AccessLog,
		AccessLogFormat: &filelogv3.FileAccessLog_LogFormat{LogFormat: format},
	})
}

// logFields are the members of one line of the access log. The cors_ members are null when
// the processor was not asked.
func logFields() *structpb.Struct {
	meta := func(key string) *structpb.Value {
		return structpb.NewStringValue("%DYNAMIC_METADATA(" + wire.Namespace + ":" + key + ")%")
	}
	text := structpb.NewStringValue
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		"time":            text("%START_TIME%"),
		"request_id":      text("%REQ(X-REQUEST-ID)%"),
		"trace_id":        text("%TRACE_ID%"),
		"method":          text("%REQ(:METHOD)%"),
		"authority":       text("%REQ(:AUTHORITY)%"),
		"path":            text("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
		"origin":          text("%REQ(ORIGIN)%"),
		"status":          text("%RESPONSE_CODE%"),
		"details":         text("%RESPONSE_CODE_DETAILS%"),
		"flags":           text("%RESPONSE_FLAGS%"),
		"duration_ms":     text("%DURATION%"),
		"upstream":        text("%UPSTREAM_HOST%"),
		"cors_decision":   meta(wire.MetaDecision),
		"cors_reason":     meta(wire.MetaReason),
		"cors_tenant":     meta(wire.MetaTenant),
		"cors_phase":      meta(wire.MetaPhase),
		"cors_tier":       meta(wire.MetaTier),
		"cors_version":    meta(wire.MetaVersion),
		"cors_source":     meta(wire.MetaSource),
		"cors_variant":    meta(wire.MetaVariant),
		"cors_shadow":     meta(wire.MetaShadow),
		"cors_entry":      meta(wire.MetaEntry),
		"cors_processing": text("%FILTER_STATE(" + FilterDecide + ":PLAIN)%"),
	}}
}
