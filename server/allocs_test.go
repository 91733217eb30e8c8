package server_test

import (
	"bytes"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/server"
)

// transport is what grpc-go puts into the context of a stream.
type transport struct{}

func (transport) Method() string                   { return "" }
func (transport) SetHeader(metadata.MD) error      { return nil }
func (transport) SendHeader(metadata.MD) error     { return nil }
func (transport) SetTrailer(metadata.MD) error     { return nil }
func (transport) WriteStatus(*status.Status) error { return nil }

// TestStreamAllocates: a decided request allocates at most twice beyond what gRPC does, whatever was decided, in an unsampled trace.
func TestStreamAllocates(t *testing.T) {
	allowed := browser(get("api.acme.example", "https://app.acme.example"))
	echoed := browser(preflight("echo.example", "https://a.echo.example", "PUT"))
	echoed.Headers = append(echoed.Headers, [2]string{"access-control-request-headers", "content-type,x-a"})
	for name, messages := range map[string][]*message{
		"C":              {request(allowed)},
		"A":              {request(allowed), response([2]string{"content-type", "text/html"})},
		"A with a Vary":  {request(allowed), response([2]string{"vary", "accept-encoding"})},
		"B":              {only(allowed)},
		"preflight":      {request(browser(preflight("api.acme.example", "https://app.acme.example", "PUT")))},
		"echoed":         {request(echoed)},
		"denied":         {request(browser(get("api.acme.example", "https://evil.example")))},
		"unknown tenant": {request(browser(get("nobody.example", "https://app.acme.example")))},
	} {
		t.Run(name, func(t *testing.T) {
			svc := service(t, snapshot(t, acme, echo), func(cfg *server.Config) { cfg.Observe = func(*server.Observation) {} })
			ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(
				"traceparent", "00-"+traceID+"-"+spanID+"-00", "tracestate", ""))
			l := &loop{ctx: grpc.NewContextWithServerTransportStream(ctx, transport{})}
			for _, m := range messages {
				encoded, err := proto.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				l.in = append(l.in, mem.BufferSlice{mem.SliceBuffer(bytes.Clone(encoded))})
			}
			l.in = append(l.in, mem.BufferSlice{mem.SliceBuffer(nil)}) // ends the stream
			if got := testing.AllocsPerRun(200, func() {
				l.read = 0
				if err := svc.Process(l); err != nil {
					t.Fatal(err)
				}
			}); got > 2 {
				t.Errorf("%v allocations", got)
			}
		})
	}
}
