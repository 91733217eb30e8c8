package envoy

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	tagv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// defaultService is the service of Envoy's spans where none is given.
const defaultService = "envoy"

// tracing is nil when no collector is named. The call to the processor has a span of its own in any
// case, and its id is in the call's metadata.
func (b *builder) tracing() *hcmv3.HttpConnectionManager_Tracing {
	t := b.o.Tracing
	if t == nil {
		return nil
	}
	service := t.Service
	if service == "" {
		service = defaultService
	}
	return &hcmv3.HttpConnectionManager_Tracing{
		ClientSampling:    &typev3.Percent{},
		RandomSampling:    &typev3.Percent{Value: t.Sampling},
		SpawnUpstreamSpan: yes(),
		CustomTags: []*tagv3.CustomTag{
			decisionTag("cors.outcome", wire.MetaDecision),
			decisionTag("cors.reason", wire.MetaReason),
			decisionTag("cors.tenant.id", wire.MetaTenant),
		},
		Provider: &tracev3.Tracing_Http{
			Name: "envoy.tracers.opentelemetry",
			ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: b.any(&tracev3.OpenTelemetryConfig{
				GrpcService: &corev3.GrpcService{
					TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
						EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: ClusterCollector},
					},
					Timeout: seconds(5),
				},
				ServiceName: service,
			})},
		},
	}
}

// decisionTag copies a key of the decision's metadata onto the request's span; none when
// nobody decided.
func decisionTag(tag, key string) *tagv3.CustomTag {
	return &tagv3.CustomTag{Tag: tag, Type: &tagv3.CustomTag_Metadata_{Metadata: &tagv3.CustomTag_Metadata{
		Kind: &metadatav3.MetadataKind{Kind: &metadatav3.MetadataKind_Request_{Request: &metadatav3.MetadataKind_Request{}}},
		MetadataKey: &metadatav3.MetadataKey{
			Key: wire.Namespace,
			Path: []*metadatav3.MetadataKey_PathSegment{{
				Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: key},
			}},
		},
	}}}
}

func (b *builder) collectorCluster(collector string) *clusterv3.Cluster {
	list := []string{collector}
	return &clusterv3.Cluster{
		Name:                          ClusterCollector,
		ClusterDiscoveryType:          discovery(list),
		DnsLookupFamily:               lookupFamily(list),
		ConnectTimeout:                seconds(1),
		LoadAssignment:                assignment(ClusterCollector, list),
		TypedExtensionProtocolOptions: b.explicitHTTP2(&corev3.Http2ProtocolOptions{}),
	}
}
