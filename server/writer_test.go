package server

import (
	"strconv"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// The replies by way of the generated types, which the writer is held against.

// immediate is a reply in place of the application's response. Removals have no
// place in it (spec/envoy-ext-proc.md, section 3).
func immediate(d *policy.Decision, status int, headers []policy.Header) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_ImmediateResponse{
			ImmediateResponse: &extprocv3.ImmediateResponse{
				Status:  &typev3.HttpStatus{Code: typev3.StatusCode(status)},
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

// dynamicMetadata is what design C writes the headers from, and what access logs
// can show: the values of headers, and what was decided for whom. What goes without saying is
// left out: a live policy has no source.
func dynamicMetadata(res *tenant.Result, about *subject, headers []policy.Header, edited bool) *structpb.Struct {
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
	if res.Outcome == policy.Allowed && res.OriginIndex >= 0 {
		add(wire.MetaEntry, strconv.Itoa(res.OriginIndex))
	}
	for _, pair := range wire.HeaderMeta() {
		for _, h := range headers {
			if h.Name == pair[0] {
				fields[pair[1]] = structpb.NewStringValue(h.Value)
			}
		}
	}
	if res.Outcome != policy.Error {
		fields[wire.MetaUndecided] = structpb.NewStringValue("")
		if edited {
			fields[wire.MetaUnedited] = structpb.NewStringValue("")
		}
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		wire.Namespace: structpb.NewStructValue(&structpb.Struct{Fields: fields}),
	}}
}

// FuzzWriter holds the writer against the generated types, with any texts.
func FuzzWriter(f *testing.F) {
	f.Add(uint8(0), "https://a.example", "acme", "gold", int64(7), uint8(3), 204)
	f.Add(uint8(1), "", "", "", int64(0), uint8(0), 403)
	f.Add(uint8(2), "x\r\n", "ümlaut", "\x00", int64(-1), uint8(255), 200)
	f.Fuzz(func(t *testing.T, which uint8, value, id, tier string, revision int64, n uint8, status int) {
		if !validHeaders([]policy.Header{{Name: "x", Value: value}}) || !validTenant(id) || !validStatus(status) {
			return // nothing of the kind is written
		}
		var headers []policy.Header
		for i := range int(n % 24) {
			pair := wire.HeaderMeta()[i%8]
			headers = append(headers, policy.Header{Name: pair[0], Value: value + strconv.Itoa(i)})
		}
		p := compile(t, policy.Spec{Origins: []string{"https://a.example"}, Methods: []string{"PUT"}})
		r := policy.Request{Method: "OPTIONS", RequestMethod: "PUT", Origin: "https://a.example", Authority: "api.example"}
		if n&32 != 0 {
			r.Origin = "https://b.example"
		}
		res := tenant.Result{Decision: p.Decide(&r), Shadow: tenant.ShadowAgree}
		about := subject{tenant: id, tier: tier, revision: revision, freshness: tenant.Freshness(n % 12)}
		var want *extprocv3.ProcessingResponse
		w := newWriter()
		switch which % 3 {
		case 0:
			want = immediate(&res.Decision, status, headers)
			w.immediate(&res.Decision, status, headers)
		case 1:
			want = goOn()
			w.goOn()
		default:
			e := policy.Edits{Set: headers}
			for range n % 5 {
				e.Remove = append(e.Remove, "access-control-max-age")
			}
			want = edited(&e)
			w.edited(&e)
		}
		switch edited := n&128 != 0; {
		case n&64 != 0:
			want.DynamicMetadata = dynamicMetadata(&res, &about, headers, edited)
			w.metadata(&res, &about, headers, edited)
		case edited:
			want.DynamicMetadata = &structpb.Struct{Fields: map[string]*structpb.Value{wire.Namespace: structpb.NewStructValue(
				&structpb.Struct{Fields: map[string]*structpb.Value{wire.MetaUnedited: structpb.NewStringValue("")}},
			)}}
			w.decidedEdits()
		}
		var got extprocv3.ProcessingResponse
		if err := proto.Unmarshal(w.b, &got); err != nil {
			t.Fatalf("what was written is no message: %v", err)
		}
		if !proto.Equal(want, &got) {
			t.Errorf("got %v, want %v", &got, want)
		}
	})
}
