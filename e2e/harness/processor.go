package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// ProcessorOptions say how to run corsgate serve.
type ProcessorOptions struct {
	// Tenants is the file or directory of tenant documents; empty leaves it to Args.
	Tenants string
	// Listen is the address of ext_proc, host:port or unix:PATH; a free port by default. Give
	// that of an earlier process to replace it.
	Listen string
	// Args are further flags.
	Args []string
	// Env are further variables, "NAME=value".
	Env []string
	// Program is run in place of corsgate.
	Program string
	// Output takes standard error, in place of the log file, into which it is read until the reader stalls.
	Output *Pipe
	// Stdout takes standard output, in place of the log file.
	Stdout *os.File
	// NoWait does not wait for SERVING.
	NoWait bool
}

var errSilent = errors.New("its log does not say where")

// Processor is a running corsgate.
type Processor struct {
	*Process
	// Addr is the address of ext_proc and health.
	Addr string
	// AdminAddr is the host:port of the HTTP side.
	AdminAddr string
}

// StartProcessor runs corsgate serve and waits until its health is SERVING.
func StartProcessor(tb testing.TB, o ProcessorOptions) *Processor {
	tb.Helper()
	if o.Listen == "" {
		o.Listen = anyPort
	}
	args := []string{"serve", "--listen", o.Listen, "--admin-listen", anyPort}
	if o.Tenants != "" {
		args = append(args, "--tenants", o.Tenants)
	}
	args = append(args, o.Args...)
	if o.Program == "" {
		o.Program = CorsgateBinary(tb)
	}
	cmd := exec.Command(o.Program, args...)
	// Nothing is in flight when a test ends, unless the test says so.
	cmd.Env = append(append(cmd.Environ(), "CORSGATE_DRAIN_DELAY=0s"), o.Env...)
	if o.Stdout != nil {
		cmd.Stdout = o.Stdout
	}
	if o.Output != nil {
		cmd.Stderr = o.Output.Writer
	}
	p := &Processor{Process: StartProcess(tb, "corsgate", cmd), Addr: o.Listen}
	if o.Output != nil {
		o.Output.into(tb, p.log)
	}
	p.awaitListening(tb)
	if !o.NoWait {
		p.AwaitServing(tb)
	}
	return p
}

// awaitListening reads from the log where the process listens.
func (p *Processor) awaitListening(tb testing.TB) {
	tb.Helper()
	Eventually(tb, "corsgate to listen", func() error {
		for line := range strings.Lines(p.Log()) {
			var entry struct{ Msg, Address, Admin string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
				p.AdminAddr = entry.Admin
				if !strings.HasPrefix(p.Addr, "unix:") {
					p.Addr = entry.Address
				}
				return nil
			}
		}
		if err := p.ended(); err != nil {
			return err
		}
		return errSilent
	})
}

// AwaitServing waits until health is SERVING.
func (p *Processor) AwaitServing(tb testing.TB) {
	tb.Helper()
	Eventually(tb, "corsgate to serve", func() error {
		if err := p.ended(); err != nil {
			return err
		}
		status, err := p.Health(tb.Context())
		if err == nil && status != healthpb.HealthCheckResponse_SERVING {
			err = fmt.Errorf("health is %s", status)
		}
		return err
	})
}

// Health asks once for the health of the whole process.
func (p *Processor) Health(ctx context.Context) (healthpb.HealthCheckResponse_ServingStatus, error) {
	conn, err := grpc.NewClient(target(p.Addr), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	reply, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return reply.GetStatus(), err
}

// target turns an address into one for grpc.NewClient; unix:PATH is one already.
func target(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return "passthrough:///" + addr
	}
	return addr
}

// Service is a gRPC server inside the test, in place of a process.
type Service struct {
	// Addr is its host:port, or unix:PATH.
	Addr string
	// Health is its health service, SERVING at first.
	Health *health.Server

	server *grpc.Server
	ended  chan struct{}
}

// StartService serves what register adds, and health, on addr (host:port, unix:PATH, or a
// free port when empty), until the test ends.
func StartService(tb testing.TB, addr string, register func(*grpc.Server), opts ...grpc.ServerOption) *Service {
	tb.Helper()
	l, addr := listen(tb, addr)
	opts = append(opts, grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
		MinTime: 5 * time.Second, PermitWithoutStream: true,
	}))
	s := &Service{
		Addr:   addr,
		Health: health.NewServer(),
		ended:  make(chan struct{}),
		server: grpc.NewServer(opts...),
	}
	healthpb.RegisterHealthServer(s.server, s.Health)
	register(s.server)
	go func() {
		defer close(s.ended)
		_ = s.server.Serve(l) // ends with Stop
	}()
	tb.Cleanup(s.Stop)
	return s
}

func listen(tb testing.TB, addr string) (net.Listener, string) {
	tb.Helper()
	path, isUnix := strings.CutPrefix(addr, "unix:")
	network, at := "tcp", addr
	switch {
	case isUnix:
		network, at = "unix", path
	case addr == "":
		at = anyPort
	}
	l, err := net.Listen(network, at)
	if err != nil {
		tb.Fatalf("starting a service: %v", err)
	}
	if isUnix {
		return l, addr
	}
	return l, l.Addr().String()
}

// Stop closes the listener and all connections at once. It may be called again.
func (s *Service) Stop() {
	s.server.Stop()
	<-s.ended
}
