package server_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
)

// loop is a stream that plays the same messages without cost of its own.
type loop struct {
	ctx  context.Context
	in   []mem.BufferSlice
	read int
}

func (l *loop) Context() context.Context     { return l.ctx }
func (l *loop) SetHeader(metadata.MD) error  { return nil }
func (l *loop) SendHeader(metadata.MD) error { return nil }
func (l *loop) SetTrailer(metadata.MD)       {}

func (l *loop) RecvMsg(m any) error {
	l.read++
	return server.Codec().Unmarshal(l.in[l.read-1], m)
}

func (l *loop) SendMsg(m any) error {
	_, err := server.Codec().Marshal(m)
	return err
}

// browser is what a browser and Envoy add to a request.
func browser(r servertest.Request) servertest.Request {
	r.Headers = append([][2]string{
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
		{"accept", "application/json"},
		{"accept-language", "en-GB,en;q=0.9"},
		{"accept-encoding", "gzip, deflate, br"},
		{"sec-fetch-mode", "cors"},
		{"sec-fetch-site", "same-site"},
		{"sec-fetch-dest", "empty"},
		{"referer", "https://app.acme.example/"},
		{"cookie", "session=0123456789abcdef0123456789abcdef"},
		{"x-forwarded-proto", "https"},
		{"x-request-id", "6d6c8e5e-0f0f-4b0b-8a8a-0123456789ab"},
	}, r.Headers...)
	return r
}

// BenchmarkProcess is one stream without gRPC: decode, look up, decide, encode.
func BenchmarkProcess(b *testing.B) {
	allowed := browser(get("api.acme.example", "https://app.acme.example"))
	vary := response([2]string{"content-type", "application/json"}, [2]string{"vary", "accept-encoding"})
	echoed := browser(preflight("echo.example", "https://a.echo.example", "PUT"))
	echoed.Headers = append(echoed.Headers, [2]string{"access-control-request-headers", "content-type,x-a"})
	hostile := preflight("api.acme.example", "https://app.acme.example", "PUT")
	hostile.Headers = append(hostile.Headers, [2]string{"access-control-request-headers", strings.Repeat("x-a,", 15<<10)})
	unknown := []byte("\x12\x00" + strings.Repeat("\x78\x00", 200<<10))
	for _, bb := range []struct {
		name string
		in   []*message
		raw  []byte
	}{
		{"C or A: request", []*message{request(allowed)}, nil},
		{"A: request and response", []*message{request(allowed), response([2]string{"content-type", "text/html"})}, nil},
		{"A: request and response with Vary", []*message{request(allowed), vary}, nil},
		{"B: response", []*message{only(allowed)}, nil},
		{"preflight", []*message{request(browser(preflight("api.acme.example", "https://app.acme.example", "PUT")))}, nil},
		{"preflight echoed", []*message{request(echoed)}, nil},
		{"denied", []*message{request(browser(get("api.acme.example", "https://evil.example")))}, nil},
		{"unknown tenant", []*message{request(browser(get("nobody.example", "https://evil.example")))}, nil},
		{"hostile: 60 KB of requested headers", []*message{request(hostile)}, nil},
		{"hostile: 400 KiB of unknown fields", nil, unknown},
	} {
		b.Run(bb.name, func(b *testing.B) {
			svc := service(b, snapshot(b, acme, echo), nil)
			l := &loop{ctx: b.Context()}
			for _, msg := range bb.in {
				encoded, err := proto.Marshal(msg)
				if err != nil {
					b.Fatal(err)
				}
				l.in = append(l.in, mem.BufferSlice{mem.SliceBuffer(bytes.Clone(encoded))})
			}
			if bb.raw != nil {
				l.in = append(l.in, mem.BufferSlice{mem.SliceBuffer(bb.raw)})
			}
			l.in = append(l.in, mem.BufferSlice{mem.SliceBuffer(nil)}) // ends the stream
			b.ReportAllocs()
			for b.Loop() {
				l.read = 0
				if err := svc.Process(l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStream is one stream through gRPC in memory, client included.
func BenchmarkStream(b *testing.B) {
	envoy := servertest.Start(b, service(b, snapshot(b, acme), nil), server.Transport{})
	msg := request(browser(get("api.acme.example", "https://app.acme.example")))
	b.ReportAllocs()
	for b.Loop() {
		stream, err := envoy.Open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := stream.Ask(msg); err != nil {
			b.Fatal(err)
		}
		stream.Close()
	}
}
