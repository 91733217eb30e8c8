package server

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
)

// Limits of a connection and its messages.
const (
	maxMessageBytes    = 512 << 10 // Envoy allows 60 KiB of headers by default
	maxHeaderListBytes = 32 << 10
	maxStreamsPerConn  = 10_000
	connectionTimeout  = 5 * time.Second
	// minPingInterval allows Envoy's HTTP/2 keepalive on idle connections; grpc-go's
	// default of five minutes ends them with too_many_pings.
	minPingInterval = 5 * time.Second
	bufferBytes     = 8 << 10 // per connection and direction: there may be thousands of sidecars
	// streamWorkers keep stacks that have grown; streams beyond them, those that wait for slow applications, get
	// goroutines of their own.
	streamWorkers = 32
)

// DefaultConnectionAge is that of [Transport].
const DefaultConnectionAge = 30 * time.Minute

// Transport says how connections and streams are treated. The zero value is usable.
type Transport struct {
	// Credentials are the server's TLS credentials; nil means plain text.
	Credentials credentials.TransportCredentials
	// ConnectionAge is when a connection is asked to go, with jitter, so that load
	// spreads over new replicas; 0 means [DefaultConnectionAge].
	ConnectionAge time.Duration
	// ConnectionAgeGrace is how long its streams may finish; 0 means [DefaultStreamLife], since
	// in design A a stream lives as long as the application takes.
	ConnectionAgeGrace time.Duration
}

// GRPCOptions returns the options of a gRPC server that carries a [Service]: the
// codec that sends prepared replies as they are, limits of size and time, and a
// keepalive policy that Envoy's pings satisfy.
func GRPCOptions(t Transport) []grpc.ServerOption {
	t.fill()
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderListBytes),
		grpc.MaxConcurrentStreams(maxStreamsPerConn),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             minPingInterval,
			PermitWithoutStream: true,
		}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      t.ConnectionAge,
			MaxConnectionAgeGrace: t.ConnectionAgeGrace,
		}),
		grpc.WaitForHandlers(true),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.ReadBufferSize(bufferBytes),
		grpc.WriteBufferSize(bufferBytes),
	}
	if t.Credentials != nil {
		options = append(options, grpc.Creds(t.Credentials))
	}
	return options
}

func (t *Transport) fill() {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&t.ConnectionAge, DefaultConnectionAge)
	set(&t.ConnectionAgeGrace, DefaultStreamLife)
}

// ServiceName is the name under which Envoy calls an external processor.
const ServiceName = "envoy.service.ext_proc.v3.ExternalProcessor"

// Register adds the service to r. The server must have been made with
// [GRPCOptions]: the generated stream types cannot carry prepared replies.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: ServiceName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName:    "Process",
			Handler:       func(_ any, stream grpc.ServerStream) error { return s.process(stream) },
			ServerStreams: true,
			ClientStreams: true,
		}},
		Metadata: "envoy/service/ext_proc/v3/external_processor.proto",
	}, s)
}

// Active returns the number of open streams. While a server stops gracefully it is the
// number of requests that still wait for their application: ending those streams
// would let its own CORS headers out.
func (s *Service) Active() int { return s.streams.count() }

// codec hands a frame the bytes of a message undecoded, and sends a reply's bytes
// as they are. Everything else, such as the health service, is ordinary proto.
type codec struct{}

// frame receives the bytes of one message. Decoding them is left to the guarded
// part of the stream, so that no input can end a stream with a panic.
type frame struct{ buffer mem.Buffer }

// bytes is valid until free.
func (f *frame) bytes() []byte {
	if f.buffer == nil {
		return nil
	}
	return f.buffer.ReadOnlyData()
}

func (f *frame) free() {
	if f.buffer != nil {
		f.buffer.Free()
		f.buffer = nil
	}
}

// Name is that of the proto codec, which Envoy asks for.
func (codec) Name() string { return proto.Name }

// Marshal gives gRPC the shared bytes of a reply, which it only reads.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	if rep, ok := v.(*reply); ok {
		return rep.wire, nil
	}
	return encoding.GetCodecV2(proto.Name).Marshal(v)
}

// Unmarshal leaves the bytes of a frame as they are.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*frame); ok {
		f.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
		return nil
	}
	return encoding.GetCodecV2(proto.Name).Unmarshal(data, v)
}
