package server_test

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
)

func set(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, RawValue: []byte(value)},
		Append:       wrapperspb.Bool(false), //nolint:staticcheck // SA1019: Envoy 1.40 ignores append_action.
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

func meta(t *testing.T, fields map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{wire.Namespace: fields})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReplies pins whole messages, one for each shape of reply.
func TestReplies(t *testing.T) {
	t.Parallel()
	allowed := get("api.acme.example", "https://app.acme.example")
	tests := []struct {
		name string
		in   []*message
		want *extprocv3.ProcessingResponse
	}{
		{
			name: "an allowed preflight is answered with headers and the same metadata",
			in:   []*message{request(preflight("api.acme.example", "https://app.acme.example", "PUT"))},
			want: &extprocv3.ProcessingResponse{
				Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
					Status: &typev3.HttpStatus{Code: typev3.StatusCode_NoContent},
					Headers: &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{
						set("access-control-allow-origin", "https://app.acme.example"),
						set("access-control-allow-credentials", "true"),
						set("access-control-allow-methods", "PUT"),
						set("access-control-allow-headers", "x-acme"),
						set("access-control-max-age", "600"),
						set("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
					}},
					Details: "cors_preflight_allowed",
				}},
				DynamicMetadata: meta(t, map[string]any{
					"acao": "https://app.acme.example", "acac": "true", "acam": "PUT", "acah": "x-acme", "acma": "600",
					"decision": "allowed", "entry": "0", "reason": "origin_listed", "tenant": "acme", "phase": "preflight",
					"undecided": "", "unedited": "",
				}),
			},
		},
		{
			name: "a denied preflight grants nothing and names the reason",
			in:   []*message{request(preflight("api.acme.example", "https://evil.example", "PUT"))},
			want: &extprocv3.ProcessingResponse{
				Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
					Status: &typev3.HttpStatus{Code: typev3.StatusCode_Forbidden},
					Headers: &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{
						set("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
					}},
					Details: "cors_preflight_denied_origin_not_listed",
				}},
				DynamicMetadata: meta(t, map[string]any{
					"decision": "denied", "reason": "origin_not_listed", "tenant": "acme", "phase": "preflight",
					"undecided": "", "unedited": "",
				}),
			},
		},
		{
			name: "an actual request goes on unchanged, with metadata",
			in:   []*message{request(allowed)},
			want: &extprocv3.ProcessingResponse{
				Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}},
				DynamicMetadata: meta(t, map[string]any{
					"acao": "https://app.acme.example", "acac": "true", "aceh": "x-request-id",
					"decision": "allowed", "entry": "0", "reason": "origin_listed", "tenant": "acme", "phase": "actual",
					"undecided": "",
				}),
			},
		},
		{
			name: "its response loses the application's headers and gets ours, and may be kept by caches",
			in: []*message{request(allowed), response(
				[2]string{"access-control-allow-origin", "*"}, [2]string{"access-control-allow-local-network", "true"}, [2]string{"vary", "accept"},
			)},
			want: &extprocv3.ProcessingResponse{
				Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{
					Response: &extprocv3.CommonResponse{HeaderMutation: &extprocv3.HeaderMutation{
						RemoveHeaders: []string{
							"access-control-allow-methods", "access-control-allow-headers",
							"access-control-max-age", "access-control-allow-private-network", "access-control-allow-local-network",
						},
						SetHeaders: []*corev3.HeaderValueOption{
							set("access-control-allow-origin", "https://app.acme.example"),
							set("access-control-allow-credentials", "true"),
							set("access-control-expose-headers", "x-request-id"),
							set("vary", "accept, Origin"),
						},
					}},
				}},
				DynamicMetadata: meta(t, map[string]any{"unedited": ""}),
			},
		},
		{
			name: "a response without a known request gets Vary alone (rule 69)",
			in:   []*message{response([2]string{"access-control-allow-origin", "*"})},
			want: &extprocv3.ProcessingResponse{
				Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{
					Response: &extprocv3.CommonResponse{HeaderMutation: &extprocv3.HeaderMutation{
						SetHeaders: []*corev3.HeaderValueOption{set("vary", "Origin")},
					}},
				}},
				DynamicMetadata: meta(t, map[string]any{"decision": "passthrough", "reason": "request_unseen", "phase": "unseen", "undecided": "", "unedited": ""}),
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := play(t.Context(), tt.in...)
			if err := service(t, snapshot(t, acme), nil).Process(s); err != nil {
				t.Fatal(err)
			}
			got := s.reply(t, len(tt.in)-1)
			if diff := cmp.Diff(tt.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDetails has the details of each kind of immediate response.
func TestDetails(t *testing.T) {
	t.Parallel()
	upgrade := get("strict.example", "https://evil.example")
	upgrade.Headers = append(upgrade.Headers, [2]string{"upgrade", "h2c, WebSocket"})
	for _, tt := range []struct {
		request servertest.Request
		want    string
	}{
		{upgrade, "403 cors_websocket_denied_origin_not_listed"},
		{post("strict.example", "https://evil.example"), "403 cors_actual_denied_origin_not_listed"},
		{preflight("nobody.example", "https://a.example", "GET"), "403 cors_preflight_denied_tenant_unknown"},
		{preflight("a.example,b.example", "https://a.example", "GET"), "403 cors_preflight_denied_tenant_ambiguous"},
	} {
		s := play(t.Context(), request(tt.request))
		if err := service(t, snapshot(t, strict), nil).Process(s); err != nil {
			t.Fatal(err)
		}
		reply := s.reply(t, 0)
		got := strings.TrimPrefix(shape(reply), "immediate ") + " " + reply.GetImmediateResponse().GetDetails()
		if got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// TestTenantHint: the operator's hint wins over the host, the metadata over the attribute
// (rule 24), and a hint that is given twice names nobody.
func TestTenantHint(t *testing.T) {
	t.Parallel()
	const attribute = "xds.route_metadata.filter_metadata['tenant']['id']"
	tests := []struct {
		name      string
		metadata  []string
		attribute string
		want      string
	}{
		{"host alone", nil, "", "public"},
		{"x-tenant", []string{"acme"}, "", "acme"},
		{"attribute", nil, "acme", "acme"},
		{"x-tenant and attribute", []string{"acme"}, "off", "acme"},
		{"x-tenant of nobody", []string{"nobody"}, "", ""},
		{"x-tenant twice", []string{"acme", "acme"}, "", ""},
		{"x-tenant empty", []string{""}, "acme", "acme"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := service(t, snapshot(t, acme, public, off), func(cfg *server.Config) { cfg.TenantAttribute = attribute })
			ctx := t.Context()
			if tt.metadata != nil {
				ctx = incoming(ctx, tt.metadata)
			}
			msg := request(get("public.example", "https://app.acme.example"))
			if tt.attribute != "" {
				fields := servertest.ResponseHeaders(ok(), map[string]string{attribute: tt.attribute})
				msg.Attributes = fields.GetAttributes()
			}
			s := play(ctx, msg)
			if err := svc.Process(s); err != nil {
				t.Fatal(err)
			}
			namespace := s.reply(t, 0).GetDynamicMetadata().GetFields()[wire.Namespace].GetStructValue()
			if got := namespace.GetFields()[wire.MetaTenant].GetStringValue(); got != tt.want {
				t.Errorf("tenant: got %q, want %q", got, tt.want)
			}
		})
	}
}
