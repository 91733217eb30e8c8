package server

import (
	"bytes"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
)

const hintAttribute = "tenant"

func header(name, value string) *corev3.HeaderValue {
	return &corev3.HeaderValue{Key: name, RawValue: []byte(value)}
}

func requestMessage(headers ...*corev3.HeaderValue) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: &corev3.HeaderMap{Headers: headers}},
	}}
}

func decoded(t *testing.T, msg *extprocv3.ProcessingRequest) message {
	t.Helper()
	b, err := proto.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	var m message
	if err := m.decode(b, hintAttribute); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDecodeRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxFieldBytes)
	tests := []struct {
		name    string
		headers []*corev3.HeaderValue
		want    policy.Request
	}{
		{
			"every field",
			[]*corev3.HeaderValue{
				header(":authority", "T1.Example:8443"), header(":method", "OPTIONS"), header(":scheme", "https"),
				header("origin", "https://a.example"), header(wire.HeaderRequestMethod, "PUT"),
				header(wire.HeaderRequestHeaders, "x-a"), header(wire.HeaderRequestPrivateNetwork, "true"), header("cookie", "secret"),
			},
			policy.Request{
				Method: "OPTIONS", Scheme: "https", Authority: "T1.Example:8443", Origin: "https://a.example",
				RequestMethod: "PUT", RequestHeaders: "x-a", PrivateNetwork: "true",
			},
		},
		{"rule 23: value counts when raw_value is empty", []*corev3.HeaderValue{{Key: "origin", Value: "https://a.example"}}, policy.Request{Origin: "https://a.example"}},
		{"rule 23: raw_value wins over value", []*corev3.HeaderValue{{Key: "origin", Value: "https://b.example", RawValue: []byte("https://a.example")}}, policy.Request{Origin: "https://a.example"}},
		{"rule 23: bytes that are no UTF-8", []*corev3.HeaderValue{header("origin", "https://\xe9.example")}, policy.Request{Origin: "https://\xe9.example"}},
		{"rule 11: lines are joined by a comma, equal or not", []*corev3.HeaderValue{header("origin", "https://a.example"), header("origin", "https://a.example"), header("origin", "b")}, policy.Request{Origin: "https://a.example,https://a.example,b"}},
		{"rule 11: an empty line is a line", []*corev3.HeaderValue{header("origin", ""), header("origin", "https://a.example")}, policy.Request{Origin: ",https://a.example"}},
		{"rule 26: two hosts are joined", []*corev3.HeaderValue{header(":authority", "a"), header(":authority", "b")}, policy.Request{Authority: "a,b"}},
		{"rule 43: no more than the bound is kept", []*corev3.HeaderValue{header("origin", long+"y")}, policy.Request{Origin: long}},
		{"rule 43: nor of many lines", []*corev3.HeaderValue{header("origin", long), header("origin", "y"), header("origin", "z")}, policy.Request{Origin: long}},
		{"rule 9: upgrade among others, in any case", []*corev3.HeaderValue{header("upgrade", "h2c , WebSocket")}, policy.Request{WebSocket: true}},
		{"rule 9: an upgrade to something else", []*corev3.HeaderValue{header("upgrade", "websocket2")}, policy.Request{}},
		{"rule 9: extended CONNECT", []*corev3.HeaderValue{header(":method", "CONNECT"), header(":protocol", "webtransport")}, policy.Request{Method: "CONNECT", WebSocket: true}},
		{"rule 5: the method keeps its case", []*corev3.HeaderValue{header(":method", "Options")}, policy.Request{Method: "Options"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, decoded(t, requestMessage(tt.headers...)).request); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDecodeSharesNothing: strings are copies; joining lines leaves the message alone.
func TestDecodeSharesNothing(t *testing.T) {
	t.Parallel()
	b, err := proto.Marshal(requestMessage(header("origin", "https://a.example"), header("origin", "b"), header(":path", "/p?q")))
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(b)
	var m message
	if err := m.decode(b, ""); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, before) {
		t.Error("decoding changed the message")
	}
	for i := range b {
		b[i] = '#'
	}
	if m.request.Origin != "https://a.example,b" || m.path != "/p" {
		t.Errorf("strings changed with the message: %q %q", m.request.Origin, m.path)
	}
}

// TestDecodeAttributes reads what a generated decoder refuses: an attribute that is
// not UTF-8 (Envoy copies the bytes of an Origin into it).
func TestDecodeAttributes(t *testing.T) {
	t.Parallel()
	value := protowire.AppendString(protowire.AppendTag(nil, fieldStringValue, protowire.BytesType), "https://\xe9.example")
	field := entry(wire.AttrOrigin, value)
	fields := protowire.AppendBytes(protowire.AppendTag(nil, fieldStruct, protowire.BytesType), field)
	b := protowire.AppendBytes(protowire.AppendTag(nil, fieldAttributes, protowire.BytesType), entry(wire.AttributesKey, fields))
	if err := proto.Unmarshal(b, &extprocv3.ProcessingRequest{}); err == nil {
		t.Fatal("the generated decoder takes these bytes, so they show nothing")
	}
	var m message
	if err := m.decode(b, ""); err != nil {
		t.Fatal(err)
	}
	if got, want := m.attributes.origin, "https://\xe9.example"; got != want {
		t.Errorf("origin: got %q, want %q", got, want)
	}
}

func entry(key string, value []byte) []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, fieldEntryKey, protowire.BytesType), key)
	return protowire.AppendBytes(protowire.AppendTag(b, fieldEntryValue, protowire.BytesType), value)
}

// FuzzDecode compares the scanner with the generated decoder wherever that one can read.
func FuzzDecode(f *testing.F) {
	seed := requestMessage(header(":method", "GET"), header("origin", "https://a.example"), header("origin", "b"))
	seed.ObservabilityMode = true
	seed.Attributes = map[string]*structpb.Struct{wire.AttributesKey: {Fields: map[string]*structpb.Value{
		wire.AttrHost: structpb.NewStringValue("a.example"), hintAttribute: structpb.NewStringValue("acme"), wire.AttrPath: structpb.NewNumberValue(1), wire.AttrRequestID: structpb.NewStringValue("7"),
	}}}
	for _, msg := range []*extprocv3.ProcessingRequest{
		seed,
		{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extprocv3.HttpHeaders{Headers: &corev3.HeaderMap{
			Headers: []*corev3.HeaderValue{header(":status", "200"), header("vary", "a"), header("access-control-allow-origin", "*")},
		}}}},
		{Request: &extprocv3.ProcessingRequest_ResponseTrailers{ResponseTrailers: &extprocv3.HttpTrailers{}}},
	} {
		b, err := proto.Marshal(msg)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got message
		err := got.decode(b, hintAttribute)
		var msg extprocv3.ProcessingRequest
		if proto.Unmarshal(b, &msg) != nil {
			return
		}
		if err != nil {
			t.Fatalf("the generated decoder reads what the scanner does not: %v", err)
		}
		want := naive(&msg)
		if got.kind != want.kind || got.observability != want.observability || got.path != want.path {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if diff := cmp.Diff(want.request, got.request); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want.attributes, got.attributes, cmp.AllowUnexported(attributes{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
		if got.kind == responseHeaders {
			got.upstream.Names = headerNames(b)
		}
		if diff := cmp.Diff(want.upstream.Upstream, got.upstream.Upstream, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("upstream (-want +got):\n%s", diff)
		}
	})
}

// naive reads a decoded message in the plainest way; long values are cut at the end.
func naive(msg *extprocv3.ProcessingRequest) message {
	m := message{observability: msg.GetObservabilityMode()}
	values := func(h *extprocv3.HttpHeaders, name string) string {
		var lines []string
		for _, line := range h.GetHeaders().GetHeaders() {
			if line.GetKey() == name {
				text := string(line.GetRawValue())
				if text == "" {
					text = line.GetValue()
				}
				lines = append(lines, text)
			}
		}
		text := strings.Join(lines, ",")
		return text[:min(len(text), maxFieldBytes)]
	}
	switch r := msg.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		h := r.RequestHeaders
		m.kind = requestHeaders
		m.request = policy.Request{
			Method: values(h, ":method"), Scheme: values(h, ":scheme"), Authority: values(h, ":authority"),
			Origin: values(h, "origin"), RequestMethod: values(h, wire.HeaderRequestMethod),
			RequestHeaders: values(h, wire.HeaderRequestHeaders), PrivateNetwork: values(h, wire.HeaderRequestPrivateNetwork),
			WebSocket: values(h, ":protocol") != "",
		}
		for protocol := range strings.SplitSeq(values(h, "upgrade"), ",") {
			m.request.WebSocket = m.request.WebSocket || strings.EqualFold(strings.Trim(protocol, " \t"), "websocket")
		}
		m.path, _, _ = strings.Cut(values(h, ":path"), "?")
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		h := r.ResponseHeaders
		m.kind = responseHeaders
		m.upstream.AllowOrigin = values(h, wire.HeaderAllowOrigin)
		m.upstream.AllowCredentials = values(h, wire.HeaderAllowCredentials)
		m.upstream.ExposeHeaders = values(h, wire.HeaderExposeHeaders)
		m.upstream.Vary = values(h, wire.HeaderVary)
		for _, line := range h.GetHeaders().GetHeaders() {
			if strings.HasPrefix(line.GetKey(), wire.HeaderCORSPrefix) {
				m.upstream.HasCORS = true
				if !wire.KnownCORS([]byte(line.GetKey())) {
					m.upstream.Others = append(m.upstream.Others, line.GetKey())
				}
			}
			if !strings.HasPrefix(line.GetKey(), ":") && len(m.upstream.Names) < maxNames {
				m.upstream.Names = append(m.upstream.Names, line.GetKey())
			}
		}
	case *extprocv3.ProcessingRequest_RequestBody:
		m.kind = requestBody
	case *extprocv3.ProcessingRequest_ResponseBody:
		m.kind = responseBody
	case *extprocv3.ProcessingRequest_RequestTrailers:
		m.kind = requestTrailers
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		m.kind = responseTrailers
	}
	fields := msg.GetAttributes()[wire.AttributesKey].GetFields()
	m.attributes = attributes{
		origin: fields[wire.AttrOrigin].GetStringValue(), requestMethod: fields[wire.AttrRequestMethod].GetStringValue(),
		requestHeaders: fields[wire.AttrRequestHeaders].GetStringValue(), host: fields[wire.AttrHost].GetStringValue(),
		path: fields[wire.AttrPath].GetStringValue(), method: fields[wire.AttrMethod].GetStringValue(),
		scheme: fields[wire.AttrScheme].GetStringValue(), tenant: fields[hintAttribute].GetStringValue(),
		requestID: []byte(fields[wire.AttrRequestID].GetStringValue()),
	}
	return m
}
