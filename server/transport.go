package server

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
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
