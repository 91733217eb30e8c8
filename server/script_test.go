package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// script is a stream that plays messages and keeps the replies to each.
type script struct {
	ctx     context.Context
	in      [][]byte
	last    error    // what Recv says after the last message; nil means io.EOF
	replies [][]byte // :: message → its reply, or nil
	read    int
	double  bool // two replies to one message
}

func play(ctx context.Context, msgs ...*extprocv3.ProcessingRequest) *script {
	s := &script{ctx: ctx}
	for _, msg := range msgs {
		b, err := proto.Marshal(msg)
		if err != nil {
			b = []byte{0xFF}
		}
		s.in = append(s.in, b)
	}
	return s
}

func (s *script) Context() context.Context     { return s.ctx }
func (s *script) SetHeader(metadata.MD) error  { return nil }
func (s *script) SendHeader(metadata.MD) error { return nil }
func (s *script) SetTrailer(metadata.MD)       {}

func (s *script) RecvMsg(m any) error {
	if s.read == len(s.in) {
		if s.last != nil {
			return s.last
		}
		return io.EOF
	}
	// The bytes are a copy that is spoilt below, as pooled buffers are: whoever kept a
	// part of them instead of a copy is found out.
	b := append([]byte(nil), s.in[s.read]...)
	s.read++
	s.replies = append(s.replies, nil)
	return server.Codec().Unmarshal(mem.BufferSlice{mem.NewBuffer(&b, spoiler{})}, m)
}

func (s *script) SendMsg(m any) error {
	out, err := server.Codec().Marshal(m)
	if err != nil {
		return err
	}
	s.double = s.double || s.replies[s.read-1] != nil
	s.replies[s.read-1] = out.Materialize()
	return nil
}

// spoiler is a pool that overwrites what is given back.
type spoiler struct{}

func (spoiler) Get(n int) *[]byte { b := make([]byte, n); return &b }

func (spoiler) Put(b *[]byte) {
	for i := range *b {
		(*b)[i] = '#'
	}
}

// reply decodes the reply to message i, or returns nil when there was none.
func (s *script) reply(t testing.TB, i int) *extprocv3.ProcessingResponse {
	t.Helper()
	if i >= len(s.replies) || s.replies[i] == nil {
		return nil
	}
	msg := &extprocv3.ProcessingResponse{}
	if err := proto.Unmarshal(s.replies[i], msg); err != nil {
		t.Fatalf("reply %d: %v", i, err)
	}
	return msg
}

// shape names the kind of a reply: "-" is none.
func shape(msg *extprocv3.ProcessingResponse) string {
	if msg == nil {
		return "-"
	}
	switch r := msg.GetResponse().(type) {
	case *extprocv3.ProcessingResponse_RequestHeaders:
		return "request_headers"
	case *extprocv3.ProcessingResponse_ResponseHeaders:
		return "response_headers"
	case *extprocv3.ProcessingResponse_RequestBody:
		return "request_body"
	case *extprocv3.ProcessingResponse_ResponseBody:
		return "response_body"
	case *extprocv3.ProcessingResponse_RequestTrailers:
		return "request_trailers"
	case *extprocv3.ProcessingResponse_ResponseTrailers:
		return "response_trailers"
	case *extprocv3.ProcessingResponse_ImmediateResponse:
		return fmt.Sprint("immediate ", int(r.ImmediateResponse.GetStatus().GetCode()))
	default:
		return "empty"
	}
}

// Documents of the tests. Every origin and value carries its tenant's name.
const (
	acme = `{"id": "acme", "hosts": ["api.acme.example"], "policy": {
		"origins": ["https://app.acme.example"], "methods": ["PUT"], "request_headers": ["x-acme"],
		"expose_headers": ["x-request-id"], "credentials": true, "max_age": "600s"}}`
	public = `{"id": "public", "hosts": ["public.example"], "policy": {"origins": ["*"]}}`
	off    = `{"id": "off", "hosts": ["off.example"], "mode": "OFF", "policy": {"origins": ["https://app.off.example"]}}`
	strict = `{"id": "strict", "hosts": ["strict.example"], "policy": {
		"origins": ["https://app.strict.example"], "denied_requests": "BLOCK", "websockets": "ENFORCE"}}`
	echo = `{"id": "echo", "hosts": ["echo.example"], "policy": {
		"origins": ["https://*.echo.example"], "request_headers": ["*"], "methods": ["*"], "credentials": true}}`
)

func snapshot(t testing.TB, documents ...string) *tenant.Snapshot {
	t.Helper()
	var records []*tenant.Record
	for _, text := range documents {
		doc, err := document.Parse("test.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, doc.Record)
	}
	return tenant.SnapshotOf(records...)
}

// service is a service over registry; change may alter its configuration.
func service(t testing.TB, registry tenant.Registry, change func(*server.Config)) *server.Service {
	t.Helper()
	cfg := server.Config{
		Registry: registry,
		Log:      slog.New(slog.DiscardHandler),
		Clock:    func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(authority, origin string) servertest.Request {
	r := servertest.Request{Method: "GET", Scheme: "https", Authority: authority, Path: "/"}
	if origin != "" {
		r.Headers = [][2]string{{wire.HeaderOrigin, origin}}
	}
	return r
}

func preflight(authority, origin, method string) servertest.Request {
	r := get(authority, origin)
	r.Method = "OPTIONS"
	r.Headers = append(r.Headers, [2]string{wire.HeaderRequestMethod, method})
	return r
}

func ok(headers ...[2]string) servertest.App { return servertest.App{Status: 200, Headers: headers} }

// incoming is ctx of a stream that was opened with x-tenant.
func incoming(ctx context.Context, tenants []string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{wire.GRPCTenant: tenants})
}
