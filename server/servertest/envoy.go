package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/server"
)

// Envoy is a client of one service.
type Envoy struct {
	conn *grpc.ClientConn
	// Tenant is sent as x-tenant with every stream; "" sends none.
	Tenant string
}

// Start serves svc in memory until the test ends and returns an Envoy for it. The
// services of more, for example health, are registered as well.
func Start(t testing.TB, svc *server.Service, transport server.Transport, more ...func(grpc.ServiceRegistrar)) *Envoy {
	t.Helper()
	srv := grpc.NewServer(server.GRPCOptions(transport)...)
	svc.Register(srv)
	for _, register := range more {
		register(srv)
	}
	listener := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	t.Cleanup(func() {
		srv.Stop()
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///processor",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("dialing: %v", err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
	})
	return &Envoy{conn: conn}
}

// Conn is the connection, for other services of the same server.
func (e *Envoy) Conn() *grpc.ClientConn { return e.conn }

// Stream is one ext_proc stream.
type Stream struct {
	client extprocv3.ExternalProcessor_ProcessClient
	cancel context.CancelFunc
}

// Open starts a stream. Close it.
func (e *Envoy) Open(ctx context.Context) (*Stream, error) {
	if e.Tenant != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, wire.GRPCTenant, e.Tenant)
	}
	ctx, cancel := context.WithCancel(ctx)
	client, err := extprocv3.NewExternalProcessorClient(e.conn).Process(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("opening a stream: %w", err)
	}
	return &Stream{client: client, cancel: cancel}, nil
}

// Close resets the stream, as Envoy does when it has what it needs.
func (s *Stream) Close() { s.cancel() }

// Ask sends one message and returns the reply, or nil when the service ended the
// stream with success instead.
func (s *Stream) Ask(msg *extprocv3.ProcessingRequest) (*extprocv3.ProcessingResponse, error) {
	if err := s.Send(msg); err != nil {
		return nil, err
	}
	return s.Receive()
}

// Send sends one message. A stream that the service has ended takes it and drops it.
func (s *Stream) Send(msg *extprocv3.ProcessingRequest) error {
	if err := s.client.Send(msg); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}

// Receive returns the next reply, or nil when the service ended the stream with success.
func (s *Stream) Receive() (*extprocv3.ProcessingResponse, error) {
	reply, err := s.client.Recv()
	if errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // nothing more is said, and that is no error
	}
	if err != nil {
		return nil, fmt.Errorf("receiving: %w", err)
	}
	return reply, nil
}
