package server

import "google.golang.org/grpc"

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
