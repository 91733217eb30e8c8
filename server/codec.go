package server

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

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
