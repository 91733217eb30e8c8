package lint

import (
	"slices"
	"strings"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

const (
	ruleBodies        ID = "bodies-sent"
	ruleModeOverride  ID = "mode-override"
	ruleObservability ID = "observability-mode"
	ruleNoImmediate   ID = "immediate-response-disabled"
	ruleRouteCache    ID = "route-cache-cleared"
	ruleHTTPService   ID = "http-service"
	ruleGoogleGRPC    ID = "google-grpc"
	ruleTenant        ID = "tenant-forgeable"
	ruleAttributes    ID = "attributes-missing"
)

func callRules() []Rule {
	return []Rule{
		{ruleBodies, Error, "bodies or trailers are sent to corsgate"},
		{ruleModeOverride, Warning, "the processor may change the processing mode"},
		{ruleObservability, Error, "Envoy does not wait for answers"},
		{ruleNoImmediate, Error, "preflights cannot be answered"},
		{ruleRouteCache, Warning, "a call clears the route cache"},
		{ruleHTTPService, Error, "the call is made over plain HTTP"},
		{ruleGoogleGRPC, Warning, "the call is made by the Google gRPC client"},
		{ruleTenant, Error, "a client can choose its tenant"},
		{ruleAttributes, Error, "a response-only call does not know its request"},
	}
}

// settings holds against the rules how a call is made.
func (l *linter) settings(c *call) {
	l.mode(c)
	l.service(c)
	if c.GetObservabilityMode() {
		l.add(ruleObservability, c.group(), c.at,
			"observability_mode is true: Envoy sends and does not wait, and every answer is thrown away",
			"remove observability_mode; to watch only, use mode: SHADOW in the tenant's document")
	}
	if c.GetDisableImmediateResponse() && c.serves[preflight] != no {
		l.add(ruleNoImmediate, c.group(), c.at,
			"disable_immediate_response is true: the answer to a preflight counts as an error and is a 500",
			"remove disable_immediate_response")
	}
	if c.GetRouteCacheAction() == extprocv3.ExternalProcessor_CLEAR {
		l.add(ruleRouteCache, c.group(), c.at,
			"route_cache_action is CLEAR: the route is chosen anew after each call, past what authorization has looked at",
			"set route_cache_action: RETAIN; a CORS decision never changes the route")
	}
	if !c.sendsRequest() && c.sendsResponse() && c.serves.crossOrigin() != no {
		l.attributes(c)
	}
}

func (l *linter) mode(c *call) {
	m := c.GetProcessingMode()
	if m.GetRequestBodyMode() != extprocv3.ProcessingMode_NONE || m.GetResponseBodyMode() != extprocv3.ProcessingMode_NONE ||
		m.GetRequestTrailerMode() == extprocv3.ProcessingMode_SEND || m.GetResponseTrailerMode() == extprocv3.ProcessingMode_SEND {
		l.add(ruleBodies, c.group(), c.at,
			"processing_mode sends bodies or trailers: corsgate reads headers only, and upgrades to WebSocket hang",
			"leave body modes NONE and trailer modes SKIP, the defaults")
	}
	if c.GetAllowModeOverride() {
		l.add(ruleModeOverride, c.group(), c.at,
			"allow_mode_override is true: corsgate never asks for another mode, and whoever answers in its place could have bodies sent",
			"remove allow_mode_override")
	}
}

func (l *linter) service(c *call) {
	g := c.GetGrpcService()
	if c.GetHttpService() != nil && g == nil {
		l.add(ruleHTTPService, c.group(), c.at,
			"http_service sends JSON over HTTP; corsgate speaks gRPC only, so every call fails",
			"use grpc_service.envoy_grpc with the cluster of corsgate")
	}
	if g.GetGoogleGrpc() != nil {
		l.add(ruleGoogleGRPC, c.group(), c.at,
			"google_grpc has no cluster: no health check, no circuit breaker, no retry with another process",
			"use grpc_service.envoy_grpc with the cluster of corsgate")
	}
	for _, h := range slices.Concat(g.GetInitialMetadata(), c.metadata) {
		if strings.EqualFold(h.GetKey(), wire.GRPCTenant) && fromClient(h.GetValue()) {
			l.add(ruleTenant, c.group(), c.at,
				wire.GRPCTenant+" is made of "+h.GetValue()+", which the client writes: it can have itself judged by the policy of any tenant",
				"write the tenant's id, or take it from the route's metadata")
		}
	}
}

// fromClient reports whether a client can choose a formatted value at will. The authority chose
// the route, so it is as good as the host that corsgate would look up.
func fromClient(value string) bool {
	v := strings.ToUpper(value)
	for part := range strings.SplitSeq(v, "%") {
		if strings.HasPrefix(part, "REQ(") && !strings.HasPrefix(part, "REQ(:AUTHORITY)") || strings.HasPrefix(part, "QUERY_PARAM(") {
			return true
		}
	}
	return false
}

func (l *linter) attributes(c *call) {
	have := map[string]bool{}
	for _, a := range c.GetResponseAttributes() {
		have[a] = true
	}
	var missing []string
	for _, a := range []string{wire.AttrOrigin, wire.AttrHost, wire.AttrPath, wire.AttrMethod, wire.AttrScheme} {
		if !have[a] {
			missing = append(missing, a)
		}
	}
	if len(missing) > 0 {
		l.add(ruleAttributes, c.group(), c.at,
			"the call sees the response only and response_attributes lack "+strings.Join(missing, ", ")+": corsgate does not know what it decides about, and grants nothing",
			"list "+strings.Join(missing, ", ")+" in response_attributes")
	}
}
