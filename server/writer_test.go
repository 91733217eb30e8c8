package server

import (
	"strconv"
	"testing"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
)

// generated is a reply by way of the generated types, which the writer is held against.
func generated(a *answer.Answer, phase Phase) *extprocv3.ProcessingResponse {
	msg := &extprocv3.ProcessingResponse{}
	switch {
	case a.Status != 0:
		msg.Response = &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(a.Status)},
			Headers: &extprocv3.HeaderMutation{SetHeaders: setHeaders(a.Set)},
			Details: a.Details,
		}}
	case phase == ResponsePhase:
		headers := &extprocv3.HeadersResponse{}
		if len(a.Remove)+len(a.Set) > 0 {
			headers.Response = &extprocv3.CommonResponse{
				HeaderMutation: &extprocv3.HeaderMutation{RemoveHeaders: a.Remove, SetHeaders: setHeaders(a.Set)},
			}
		}
		msg.Response = &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: headers}
	default:
		msg.Response = &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}
	}
	if len(a.Metadata) > 0 {
		fields := map[string]*structpb.Value{}
		for _, n := range a.Metadata {
			fields[n.Key] = structpb.NewStringValue(n.Value)
		}
		msg.DynamicMetadata = &structpb.Struct{Fields: map[string]*structpb.Value{
			wire.Namespace: structpb.NewStructValue(&structpb.Struct{Fields: fields}),
		}}
	}
	return msg
}

// setHeaders replaces headers. Envoy 1.40 looks at append and at raw_value only;
// append_action says the same to other proxies that speak the protocol.
func setHeaders(headers []policy.Header) []*corev3.HeaderValueOption {
	set := make([]*corev3.HeaderValueOption, 0, len(headers))
	for _, h := range headers {
		set = append(set, &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: h.Name, RawValue: []byte(h.Value)},
			Append:       wrapperspb.Bool(false), //nolint:staticcheck // SA1019: Envoy 1.40 ignores append_action.
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		})
	}
	return set
}

// FuzzWriter holds the writer against the generated types, with any texts.
func FuzzWriter(f *testing.F) {
	f.Add(uint8(0), "https://a.example", "cors_preflight_allowed", uint8(3), uint8(0), 204)
	f.Add(uint8(1), "", "", uint8(0), uint8(5), 403)
	f.Add(uint8(0), "x", "y", uint8(23), uint8(4), 0)
	f.Add(uint8(1), "x", "y", uint8(0), uint8(0), 0)
	f.Fuzz(func(t *testing.T, phase uint8, value, text string, n, removals uint8, status int) {
		if !utf8.ValidString(value) || !utf8.ValidString(text) || status < 0 || status > 599 {
			return // nothing of the kind is written
		}
		a := answer.Answer{Status: status, Details: text}
		for i := range int(n % 24) {
			pair := wire.HeaderMeta()[i%8]
			a.Set = append(a.Set, policy.Header{Name: pair[0], Value: value + strconv.Itoa(i)})
			a.Metadata = append(a.Metadata, answer.Note{Key: pair[1] + strconv.Itoa(i/8), Value: value})
		}
		for range removals % 5 {
			a.Remove = append(a.Remove, "access-control-max-age")
		}
		want := generated(&a, Phase(phase%2))
		var got extprocv3.ProcessingResponse
		if err := proto.Unmarshal(encode(&a, Phase(phase%2)).wire.Materialize(), &got); err != nil {
			t.Fatalf("what was written is no message: %v", err)
		}
		if !proto.Equal(want, &got) {
			t.Errorf("got %v, want %v", &got, want)
		}
	})
}
