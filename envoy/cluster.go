package envoy

import (
	"net"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// processorCluster is the recipe under which neither a restart nor the death of one of two
// processors fails a request.
func (p *packer) processorCluster(name string, endpoints []string, t *TLS) *clusterv3.Cluster {
	c := &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: discovery(endpoints),
		DnsLookupFamily:      lookupFamily(endpoints),
		ConnectTimeout:       millis(250),
		LbPolicy:             clusterv3.Cluster_LEAST_REQUEST,
		CommonLbConfig: &clusterv3.Cluster_CommonLbConfig{
			HealthyPanicThreshold: &typev3.Percent{Value: 0},
			UpdateMergeWindow:     seconds(0),
		},
		LoadAssignment:                assignment(name, endpoints),
		TypedExtensionProtocolOptions: p.explicitHTTP2(processorHTTP2()),
		CircuitBreakers: &clusterv3.CircuitBreakers{
			Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
				MaxConnections:     count(100_000),
				MaxPendingRequests: count(100_000),
				MaxRequests:        count(1_000_000),
				MaxRetries:         count(1_000),
				TrackRemaining:     true,
			}},
		},
		HealthChecks: []*corev3.HealthCheck{{
			Timeout:            millis(200),
			Interval:           millis(500),
			NoTrafficInterval:  millis(500),
			UnhealthyThreshold: count(2),
			HealthyThreshold:   count(1),
			HealthChecker: &corev3.HealthCheck_GrpcHealthCheck_{
				GrpcHealthCheck: &corev3.HealthCheck_GrpcHealthCheck{},
			},
		}},
		OutlierDetection: &clusterv3.OutlierDetection{
			ConsecutiveGatewayFailure:          count(5),
			EnforcingConsecutiveGatewayFailure: count(100),
			EnforcingConsecutive_5Xx:           count(0),
			Interval:                           seconds(2),
			BaseEjectionTime:                   seconds(5),
			MaxEjectionPercent:                 count(50),
		},
	}
	if t != nil {
		c.TransportSocket = p.processorTLS(t)
	}
	return c
}

// explicitHTTP2 is what a cluster that speaks gRPC needs.
func (p *packer) explicitHTTP2(o *corev3.Http2ProtocolOptions) map[string]*anypb.Any {
	return map[string]*anypb.Any{
		httpOptions: p.any(&httpv3.HttpProtocolOptions{
			UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
				ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
					ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
						Http2ProtocolOptions: o,
					},
				},
			},
		}),
	}
}

func processorHTTP2() *corev3.Http2ProtocolOptions {
	return &corev3.Http2ProtocolOptions{
		MaxConcurrentStreams: count(1024),
		ConnectionKeepalive: &corev3.KeepaliveSettings{
			Interval:               seconds(30),
			Timeout:                seconds(3),
			ConnectionIdleInterval: seconds(15),
		},
	}
}

func (p *packer) processorTLS(t *TLS) *corev3.TransportSocket {
	common := &tlsv3.CommonTlsContext{
		// Envoy's own default for connections that it opens ends at TLS 1.2.
		TlsParams: &tlsv3.TlsParameters{
			TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2,
			TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3,
		},
		AlpnProtocols: []string{"h2"},
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{
			ValidationContext: &tlsv3.CertificateValidationContext{
				TrustedCa: file(t.CA),
				MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
					SanType: tlsv3.SubjectAltNameMatcher_DNS,
					Matcher: &matcherv3.StringMatcher{
						MatchPattern: &matcherv3.StringMatcher_Exact{Exact: t.SAN},
					},
				}},
			},
		},
	}
	if t.Cert != "" {
		common.TlsCertificates = []*tlsv3.TlsCertificate{{
			CertificateChain: file(t.Cert),
			PrivateKey:       file(t.Key),
		}}
	}
	return &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{
			TypedConfig: p.any(&tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: t.SAN}),
		},
	}
}

func (b *builder) applicationCluster(i int) *clusterv3.Cluster {
	upstream := b.upstreams[i]
	name := b.clusterOf(upstream)
	return &clusterv3.Cluster{
		Name:                          name,
		ClusterDiscoveryType:          discovery([]string{upstream}),
		DnsLookupFamily:               lookupFamily([]string{upstream}),
		ConnectTimeout:                seconds(1),
		PerConnectionBufferLimitBytes: kib(32),
		LoadAssignment:                assignment(name, []string{upstream}),
	}
}

// discovery resolves names and takes addresses as they are.
func discovery(endpoints []string) *clusterv3.Cluster_Type {
	if named(endpoints) {
		return &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS}
	}
	return &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
}

// lookupFamily prefers IPv4 for names: container networks often publish IPv6 addresses that
// nothing listens on.
func lookupFamily(endpoints []string) clusterv3.Cluster_DnsLookupFamily {
	if named(endpoints) {
		return clusterv3.Cluster_V4_PREFERRED
	}
	return clusterv3.Cluster_AUTO
}

func named(endpoints []string) bool {
	for _, e := range endpoints {
		host, _, _ := net.SplitHostPort(e)
		if !strings.HasPrefix(e, unixScheme) && net.ParseIP(host) == nil {
			return true
		}
	}
	return false
}

func assignment(cluster string, endpoints []string) *endpointv3.ClusterLoadAssignment {
	locality := &endpointv3.LocalityLbEndpoints{}
	for _, e := range endpoints {
		locality.LbEndpoints = append(locality.LbEndpoints, &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address(e)}},
		})
	}
	return &endpointv3.ClusterLoadAssignment{
		ClusterName: cluster,
		Endpoints:   []*endpointv3.LocalityLbEndpoints{locality},
	}
}

func file(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}
