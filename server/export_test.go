package server

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// Run serves one stream without gRPC.
func (s *Service) Run(stream grpc.ServerStream) error { return s.process(stream) }

// Codec is the codec of GRPCOptions.
func Codec() encoding.CodecV2 { return codec{} }
