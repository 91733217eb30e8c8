package server

import (
	"context"

	"google.golang.org/grpc"
)

// ServiceName is the name under which Envoy calls an external processor.
const ServiceName = "envoy.service.ext_proc.v3.ExternalProcessor"

const processMethod = "/" + ServiceName + "/Process"

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

// Active returns the number of open streams.
func (s *Service) Active() int { return int(s.active.Load()) }

// Drain waits until no stream is open or ctx ends, and returns how many are left.
// New streams are answered all the while, and streams that wait for the
// application's response keep waiting: ending them would let its own CORS headers
// out. So say NOT_SERVING first and give Envoy time to go elsewhere.
func (s *Service) Drain(ctx context.Context) int {
	s.draining.Store(true)
	for s.Active() > 0 {
		select {
		case <-s.idle:
		case <-ctx.Done():
			return s.Active()
		}
	}
	return 0
}

// enter counts a stream in and says whether it is one too many.
func (s *Service) enter() (overloaded bool) {
	return s.active.Add(1) > s.maxStreams
}

func (s *Service) leave() {
	if s.active.Add(-1) > 0 || !s.draining.Load() {
		return
	}
	select {
	case s.idle <- struct{}{}:
	default:
	}
}
