package e2e_test

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy/wire"
)

// obliging is a processor's script that allows every Origin of printable ASCII, so that tests
// of the rendered configurations do not depend on policies.
func obliging(a harness.Asked) (*extprocv3.ProcessingResponse, error) {
	headers, resp := a.GetRequestHeaders(), &extprocv3.ProcessingResponse{}
	origin := originOf(a)
	switch {
	case field(headers, ":method") == "OPTIONS" && field(headers, "access-control-request-method") != "":
		resp.DynamicMetadata = decided(wire.MetaAllowOrigin, origin, wire.MetaAllowMethods, "PUT")
		resp.Response = &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode_NoContent}, Details: "cors_preflight_allowed",
			Headers: mutation("access-control-allow-origin", origin, "access-control-allow-methods", "PUT",
				"vary", "Origin, Access-Control-Request-Method"),
		}}
	case headers != nil:
		resp.DynamicMetadata = decided(wire.MetaAllowOrigin, origin)
		resp.Response = &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{
			Response: &extprocv3.CommonResponse{HeaderMutation: &extprocv3.HeaderMutation{}},
		}}
	default:
		resp.DynamicMetadata = decided()
		resp.Response = &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{
			Response: &extprocv3.CommonResponse{HeaderMutation: edits(a.GetResponseHeaders(), origin)},
		}}
	}
	return resp, nil
}

// originOf is the stream's Origin, "" unless it is printable ASCII.
func originOf(a harness.Asked) string {
	origin := field(a.First.GetRequestHeaders(), "origin") + attribute(a.ProcessingRequest, wire.AttrOrigin)
	if origin == "?" || strings.ContainsFunc(origin, func(c rune) bool { return c > '~' }) {
		return ""
	}
	return origin
}

// edits are those of a response: the application's CORS headers go, Vary grows, ours come.
func edits(headers *extprocv3.HttpHeaders, origin string) *extprocv3.HeaderMutation {
	vary := "Origin"
	if v := field(headers, "vary"); v != "" {
		vary = v + ",Origin"
	}
	m := mutation("vary", vary)
	for _, h := range headers.GetHeaders().GetHeaders() {
		if strings.HasPrefix(h.GetKey(), "access-control-") {
			m.RemoveHeaders = append(m.RemoveHeaders, h.GetKey())
		}
	}
	if origin != "" {
		m.SetHeaders = append(m.SetHeaders, mutation("access-control-allow-origin", origin).GetSetHeaders()...)
	}
	return m
}

// field is a header of a message by its lower-case name.
func field(h *extprocv3.HttpHeaders, name string) string {
	for _, x := range h.GetHeaders().GetHeaders() {
		if x.GetKey() == name {
			return string(x.GetRawValue())
		}
	}
	return ""
}

func attribute(r *extprocv3.ProcessingRequest, name string) string {
	return r.GetAttributes()[wire.AttributesKey].GetFields()[name].GetStringValue()
}

// mutation sets headers, given as name, value, name, value, ...
func mutation(headers ...string) *extprocv3.HeaderMutation {
	m := &extprocv3.HeaderMutation{}
	for i := 0; i < len(headers); i += 2 {
		m.SetHeaders = append(m.SetHeaders, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: headers[i], RawValue: []byte(headers[i+1])},
		})
	}
	return m
}

// mutationsOf are all places of a reply in which it changes headers.
func mutationsOf(r *extprocv3.ProcessingResponse) []*extprocv3.HeaderMutation {
	var out []*extprocv3.HeaderMutation
	for _, m := range []*extprocv3.HeaderMutation{
		r.GetImmediateResponse().GetHeaders(),
		r.GetRequestHeaders().GetResponse().GetHeaderMutation(),
		r.GetResponseHeaders().GetResponse().GetHeaderMutation(),
	} {
		if m != nil {
			out = append(out, m)
		}
	}
	return out
}

// decided is dynamic metadata: that of an allowed decision, and further keys and values.
func decided(more ...string) *structpb.Struct {
	keys := append([]string{wire.MetaDecision, "allowed", wire.MetaReason, "obliging"}, more...)
	fields := map[string]*structpb.Value{}
	for i := 0; i < len(keys); i += 2 {
		fields[keys[i]] = structpb.NewStringValue(keys[i+1])
	}
	inner := structpb.NewStructValue(&structpb.Struct{Fields: fields})
	return &structpb.Struct{Fields: map[string]*structpb.Value{wire.Namespace: inner}}
}
