package server

import (
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// Process serves one stream without gRPC.
func (s *Service) Process(stream grpc.ServerStream) error { return s.process(stream) }

// Codec is the codec of GRPCOptions.
func Codec() encoding.CodecV2 { return codec{} }

// ParseTraceparent reads a traceparent.
func ParseTraceparent(s string) (trace.SpanContext, bool) { return parseTraceparent(s) }
