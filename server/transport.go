package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/tap"
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
)

// Defaults of [Transport].
const (
	DefaultConnectionAge = 30 * time.Minute
	DefaultFirstMessage  = 2 * time.Second
	DefaultStreamLife    = 15 * time.Minute
)

// Transport says how connections and streams are treated. The zero value is usable.
type Transport struct {
	// Credentials are the server's TLS credentials; nil means plain text.
	Credentials credentials.TransportCredentials
	// ConnectionAge is when a connection is asked to go, with jitter, so that load
	// spreads over new replicas; 0 means [DefaultConnectionAge].
	ConnectionAge time.Duration
	// ConnectionAgeGrace is how long its streams may finish; 0 means StreamLife, since
	// in design A a stream lives as long as the application takes.
	ConnectionAgeGrace time.Duration
	// FirstMessage is how long a stream may stay silent; 0 means [DefaultFirstMessage].
	FirstMessage time.Duration
	// StreamLife bounds a stream in all; 0 means [DefaultStreamLife]. A stream that is
	// ended by either limit ends with an error, so that Envoy applies its failure mode
	// instead of letting a response out that we never saw.
	StreamLife time.Duration
}

// GRPCOptions returns the options of a gRPC server that carries a [Service]: the
// codec that sends prepared replies as they are, limits of size and time, and a
// keepalive policy that Envoy's pings satisfy.
func GRPCOptions(t Transport) []grpc.ServerOption {
	t.fill()
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		grpc.InTapHandle(t.limit),
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
	set(&t.FirstMessage, DefaultFirstMessage)
	set(&t.StreamLife, DefaultStreamLife)
	set(&t.ConnectionAgeGrace, t.StreamLife)
}

// lifetime ends a stream that is silent, or open, for too long. A blocked Recv can
// only be ended through the context that the stream was created with, so it is
// put there before gRPC creates the stream.
type lifetime struct {
	timer *time.Timer
	rest  time.Duration // what is left of the stream's life after the first message
	trace Trace         // lies here, since this is allocated anyway
}

type lifetimeKey struct{}

func (t *Transport) limit(ctx context.Context, info *tap.Info) (context.Context, error) {
	if info.FullMethodName != processMethod {
		return ctx, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	life := &lifetime{
		timer: time.AfterFunc(t.FirstMessage, cancel),
		rest:  t.StreamLife,
	}
	life.trace.read(info.Header)
	return context.WithValue(ctx, lifetimeKey{}, life), nil
}

// spoken notes that the first message has come.
func (l *lifetime) spoken() {
	if l != nil && l.timer.Stop() {
		l.timer.Reset(l.rest)
	}
}

func (l *lifetime) end() {
	if l != nil {
		l.timer.Stop()
	}
}

func lifetimeOf(ctx context.Context) *lifetime {
	life, _ := ctx.Value(lifetimeKey{}).(*lifetime)
	return life
}
