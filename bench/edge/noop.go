package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	protobuf "google.golang.org/protobuf/proto"
)

// childCommand starts this program as a server that decides nothing.
const childCommand = "serve"

// The servers that decide nothing. Both answer every OPTIONS with the same 204 and let all else pass.
const (
	// typedServer is written as the examples are: generated types, grpc-go's defaults.
	typedServer = "typed"
	// bytesServer passes bytes through its codec and sends replies encoded once: what is
	// left is grpc-go itself.
	bytesServer = "bytes"
)

// child serves until a signal comes.
func child(kind, address string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serveNothing(ctx, kind, address); err != nil {
		fmt.Fprintln(os.Stderr, "bench/edge serve:", err)
		return 1
	}
	return 0
}

func serveNothing(ctx context.Context, kind, address string) error {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, address)
	if err != nil {
		return err
	}
	var srv *grpc.Server
	if kind == typedServer {
		srv = grpc.NewServer()
		extprocv3.RegisterExternalProcessorServer(srv, typed{})
	} else {
		srv = grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}))
		raw := newRaw()
		srv.RegisterService(&grpc.ServiceDesc{
			ServiceName: extprocv3.ExternalProcessor_ServiceDesc.ServiceName,
			HandlerType: (*any)(nil),
			Streams: []grpc.StreamDesc{{
				StreamName: "Process", ServerStreams: true, ClientStreams: true,
				Handler: func(_ any, stream grpc.ServerStream) error { return raw.process(stream) },
			}},
		}, raw)
	}
	healthpb.RegisterHealthServer(srv, health.NewServer()) // Envoy asks
	fmt.Println(l.Addr())
	go func() {
		<-ctx.Done()
		srv.Stop()
	}()
	return srv.Serve(l)
}

// typed is the straightforward server.
type typed struct {
	extprocv3.UnimplementedExternalProcessorServer
}

// Process answers each message by its kind.
func (typed) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	for {
		req, err := stream.Recv()
		if err != nil {
			return gone(err)
		}
		reply := passOn(false)
		switch r := req.GetRequest().(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			if isOptions(r.RequestHeaders.GetHeaders()) {
				reply = noContent()
			}
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			reply = passOn(true)
		}
		if err := stream.Send(reply); err != nil {
			return gone(err)
		}
	}
}

func isOptions(headers *corev3.HeaderMap) bool {
	for _, h := range headers.GetHeaders() {
		if h.GetKey() == ":method" {
			return string(h.GetRawValue()) == "OPTIONS"
		}
	}
	return false
}

// gone turns Envoy's ways to end a stream into success.
func gone(err error) error {
	if errors.Is(err, io.EOF) || status.Code(err) == codes.Canceled {
		return nil
	}
	return err
}

func passOn(response bool) *extprocv3.ProcessingResponse {
	if response {
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}}
	}
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}}
}

func noContent() *extprocv3.ProcessingResponse {
	headers := &extprocv3.HeaderMutation{}
	for _, h := range [][2]string{
		{"access-control-allow-origin", allowedOrigin},
		{"access-control-allow-methods", "PUT"},
		{"access-control-allow-headers", "content-type"},
		{"vary", "Origin"},
	} {
		headers.SetHeaders = append(headers.SetHeaders, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: h[0], RawValue: []byte(h[1])},
		})
	}
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
		ImmediateResponse: &extprocv3.ImmediateResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode_NoContent},
			Headers: headers,
		},
	}}
}

// raw is the server that touches no message.
type raw struct {
	request, response, options *wireReply
}

type wireReply struct{ bytes mem.BufferSlice }

type wireMessage struct{ buffer mem.Buffer }

func newRaw() *raw {
	encode := func(m *extprocv3.ProcessingResponse) *wireReply {
		b, err := protobuf.Marshal(m)
		if err != nil {
			panic(err) // constants
		}
		return &wireReply{mem.BufferSlice{mem.SliceBuffer(b)}}
	}
	return &raw{encode(passOn(false)), encode(passOn(true)), encode(noContent())}
}

func (r *raw) process(stream grpc.ServerStream) error {
	for {
		var m wireMessage
		if err := stream.RecvMsg(&m); err != nil {
			return gone(err)
		}
		reply := r.request
		b := m.buffer.ReadOnlyData()
		switch {
		case len(b) > 0 && b[0] == 3<<3|2: // response_headers
			reply = r.response
		case bytes.Contains(b, []byte("OPTIONS")):
			reply = r.options
		}
		m.buffer.Free()
		if err := stream.SendMsg(reply); err != nil {
			return gone(err)
		}
	}
}

type rawCodec struct{}

// Name is that of the codec that Envoy asks for.
func (rawCodec) Name() string { return proto.Name }

// Marshal gives the reply's bytes.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	if r, ok := v.(*wireReply); ok {
		return r.bytes, nil
	}
	return encoding.GetCodecV2(proto.Name).Marshal(v)
}

// Unmarshal keeps the message's bytes.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*wireMessage); ok {
		m.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
		return nil
	}
	return encoding.GetCodecV2(proto.Name).Unmarshal(data, v)
}
