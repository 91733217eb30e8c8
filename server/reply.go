package server

import (
	"fmt"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// reply is one encoded ProcessingResponse. It is never changed once it is built,
// since it may be shared by streams.
type reply struct {
	wire mem.BufferSlice // nil: say nothing
	// silent: the message wants no reply, and more may come.
	silent bool
	// last: nothing more is to be said on the stream.
	last bool

	answered bool // an immediate response
	status   int  // of it
	conflict bool
	rejected bool
}

// pack encodes msg into rep. Encoding is deterministic, so that equal replies are
// equal bytes.
func (rep *reply) pack(msg *extprocv3.ProcessingResponse) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg)
	if err != nil {
		return fmt.Errorf("encoding a reply: %w", err)
	}
	rep.wire = mem.BufferSlice{mem.SliceBuffer(b)}
	return nil
}

// immediate is a reply in place of the application's response. Removals have no
// place in it (spec/envoy-ext-proc.md, section 3).
func immediate(d *policy.Decision, status int, headers []policy.Header) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_ImmediateResponse{
			ImmediateResponse: &extprocv3.ImmediateResponse{
				Status:  &typev3.HttpStatus{Code: typev3.StatusCode(status)}, //nolint:gosec // G115: checked to be an HTTP status.
				Headers: &extprocv3.HeaderMutation{SetHeaders: setHeaders(headers)},
				Details: details(d),
			},
		},
	}
}

// goOn is the reply to request headers that changes nothing.
func goOn() *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_RequestHeaders{
			RequestHeaders: &extprocv3.HeadersResponse{},
		},
	}
}

// edited is the reply to response headers.
func edited(e *policy.Edits) *extprocv3.ProcessingResponse {
	headers := &extprocv3.HeadersResponse{}
	if len(e.Remove)+len(e.Set) > 0 {
		headers.Response = &extprocv3.CommonResponse{
			HeaderMutation: &extprocv3.HeaderMutation{
				RemoveHeaders: e.Remove,
				SetHeaders:    setHeaders(e.Set),
			},
		}
	}
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: headers},
	}
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

// details is the response code detail of an immediate response, for access logs.
func details(d *policy.Decision) string {
	text := wire.DetailsPrefix + d.Kind.String() + "_" + d.Outcome.String()
	if d.Outcome != policy.Allowed {
		text += "_" + d.Reason.String()
	}
	return text
}

// dynamicMetadata is what design C writes the headers from, and what access logs
// can show: the values of headers, and what was decided for whom. What goes without saying is
// left out: a live policy has no source.
func dynamicMetadata(res *tenant.Result, about *subject, headers []policy.Header) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	add := func(key, value string) {
		if value != "" {
			fields[key] = structpb.NewStringValue(value)
		}
	}
	add(wire.MetaDecision, res.Outcome.String())
	add(wire.MetaReason, res.Reason.String())
	add(wire.MetaPhase, res.Kind.String())
	add(wire.MetaTenant, about.tenant)
	add(wire.MetaVariant, res.Variant)
	add(wire.MetaShadow, res.Shadow)
	if validValue(about.tier) {
		add(wire.MetaTier, about.tier) // a label for people must not cost a grant
	}
	if about.revision > 0 {
		add(wire.MetaVersion, strconv.FormatInt(about.revision, 10))
	}
	if about.freshness > tenant.Live && about.freshness <= tenant.Baseline {
		add(wire.MetaSource, about.freshness.String())
	}
	if res.Outcome == policy.Allowed && res.Entry >= 0 {
		add(wire.MetaEntry, strconv.Itoa(res.Entry))
	}
	for _, pair := range wire.HeaderMeta() {
		for _, h := range headers {
			if h.Name == pair[0] {
				fields[pair[1]] = structpb.NewStringValue(h.Value)
			}
		}
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		wire.Namespace: structpb.NewStructValue(&structpb.Struct{Fields: fields}),
	}}
}
