package linttest

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/wire"
)

func status503() *typev3.HttpStatus {
	return &typev3.HttpStatus{Code: typev3.StatusCode_ServiceUnavailable}
}

// per is the settings of a route for one filter.
func (e *editor) per(key string, m proto.Message) map[string]*anypb.Any {
	return map[string]*anypb.Any{key: e.packed(m)}
}

// overrides are settings of the catch-all route for cors-decide.
func overrides(o *extprocv3.ExtProcOverrides) func(*editor) {
	return func(e *editor) {
		e.route(func(r *routev3.Route) {
			r.TypedPerFilterConfig = e.per(envoy.FilterDecide, &extprocv3.ExtProcPerRoute{
				Override: &extprocv3.ExtProcPerRoute_Overrides{Overrides: o},
			})
		})
	}
}

func settings() []spec {
	type processor = extprocv3.ExternalProcessor
	tenant := []*corev3.HeaderValue{{Key: wire.GRPCTenant, Value: "%REQ(x-tenant)%"}}
	return []spec{
		{rule: "bodies-sent", edit: actualCall(func(p *processor) { p.ProcessingMode.RequestBodyMode = extprocv3.ProcessingMode_BUFFERED })},
		{rule: "bodies-sent", name: "by a route", edit: overrides(&extprocv3.ExtProcOverrides{ProcessingMode: &extprocv3.ProcessingMode{
			RequestHeaderMode: extprocv3.ProcessingMode_SEND, ResponseHeaderMode: extprocv3.ProcessingMode_SKIP,
			ResponseBodyMode: extprocv3.ProcessingMode_STREAMED,
		}})},
		{rule: "bodies-sent", name: "trailers", edit: actualCall(func(p *processor) { p.ProcessingMode.ResponseTrailerMode = extprocv3.ProcessingMode_SEND })},
		{rule: "mode-override", edit: eachCall(func(p *processor) { p.AllowModeOverride = true })},
		{rule: "observability-mode", edit: eachCall(func(p *processor) {
			p.ObservabilityMode = true
			p.DeferredCloseTimeout = durationpb.New(1e9)
		})},
		{rule: "immediate-response-disabled", edit: preflightCall(func(p *processor) { p.DisableImmediateResponse = true })},
		{rule: "route-cache-cleared", edit: eachCall(func(p *processor) { p.RouteCacheAction = extprocv3.ExternalProcessor_CLEAR })},
		{rule: "http-service", edit: eachCall(func(p *processor) {
			p.HttpService = &extprocv3.ExtProcHttpService{HttpService: &corev3.HttpService{HttpUri: &corev3.HttpUri{
				Uri: "http://corsgate/", Timeout: durationpb.New(5e7),
				HttpUpstreamType: &corev3.HttpUri_Cluster{Cluster: envoy.ClusterProcessor},
			}}}
			p.GrpcService = nil
		})},
		{rule: "google-grpc", edit: eachCall(func(p *processor) {
			p.GrpcService.TargetSpecifier = &corev3.GrpcService_GoogleGrpc_{GoogleGrpc: &corev3.GrpcService_GoogleGrpc{
				TargetUri: "corsgate:9002", StatPrefix: "corsgate",
			}}
			p.GrpcService.RetryPolicy = nil
		})},
		{rule: "tenant-forgeable", edit: eachCall(func(p *processor) {
			p.GrpcService.InitialMetadata = append(p.GrpcService.InitialMetadata, tenant...)
		})},
		{rule: "tenant-forgeable", name: "by a route", edit: overrides(&extprocv3.ExtProcOverrides{GrpcInitialMetadata: tenant})},
		{rule: "attributes-missing", design: envoy.ResponseOnly, edit: actualCall(func(p *processor) { p.ResponseAttributes = p.ResponseAttributes[1:] })},
	}
}
