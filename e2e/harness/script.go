package harness

import (
	"errors"
	"sync"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// ErrHang makes a [Script] say nothing until Envoy gives up.
var ErrHang = errors.New("hang")

// Script answers one message of Envoy. An error ends the stream with it; [ErrHang] never answers.
type Script func(Asked) (*extprocv3.ProcessingResponse, error)

// Asked is one message of Envoy.
type Asked struct {
	*extprocv3.ProcessingRequest
	// First is the first message of the same stream, perhaps this one.
	First *extprocv3.ProcessingRequest
	// Metadata is that of the call.
	Metadata metadata.MD
}

// Scripted is a processor that does what a test tells it to, and remembers what it was asked.
type Scripted struct {
	*Service
	extprocv3.UnimplementedExternalProcessorServer

	mu     sync.Mutex
	script Script
	asked  []Asked
}

// StartScripted runs a scripted processor on addr, as [StartService] does.
func StartScripted(tb testing.TB, addr string, script Script, opts ...grpc.ServerOption) *Scripted {
	tb.Helper()
	s := &Scripted{script: script}
	s.Service = StartService(tb, addr, func(g *grpc.Server) {
		extprocv3.RegisterExternalProcessorServer(g, s)
	}, opts...)
	return s
}

// SetScript replaces the script for messages from now on.
func (s *Scripted) SetScript(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Asked are the messages received since the last call.
func (s *Scripted) Asked() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.asked
	s.asked = nil
	return out
}

// Process is the service.
func (s *Scripted) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	var first *extprocv3.ProcessingRequest
	for {
		req, err := stream.Recv()
		if err != nil {
			return nil //nolint:nilerr // the end, by EOF or by cancellation, is Envoy's to choose
		}
		if first == nil {
			first = req
		}
		asked := Asked{ProcessingRequest: req, First: first, Metadata: md}
		resp, err := s.note(asked)(asked)
		switch {
		case errors.Is(err, ErrHang):
			<-stream.Context().Done()
			return nil
		case err != nil:
			return err
		}
		if err := stream.Send(resp); err != nil {
			return nil //nolint:nilerr // Envoy has gone
		}
	}
}

// note remembers a message and gives the script that is to answer it.
func (s *Scripted) note(a Asked) Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, a)
	return s.script
}
