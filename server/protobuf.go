package server

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of envoy.service.ext_proc.v3.ProcessingResponse and what it holds.
const (
	replyImmediate protowire.Number = 7
	replyMetadata  protowire.Number = 8

	fieldCommonResponse  protowire.Number = 1 // HeadersResponse.response
	fieldCommonMutation  protowire.Number = 2 // CommonResponse.header_mutation
	fieldSetHeaders      protowire.Number = 1 // HeaderMutation.set_headers
	fieldRemoveHeaders   protowire.Number = 2 // HeaderMutation.remove_headers
	fieldOptionHeader    protowire.Number = 1 // HeaderValueOption.header
	fieldOptionAppend    protowire.Number = 2 // HeaderValueOption.append
	fieldOptionAction    protowire.Number = 3 // HeaderValueOption.append_action
	fieldImmediateStatus protowire.Number = 1 // ImmediateResponse.status
	fieldImmediateHeads  protowire.Number = 2 // ImmediateResponse.headers
	fieldImmediateDetail protowire.Number = 5 // ImmediateResponse.details
	fieldStatusCode      protowire.Number = 1 // HttpStatus.code
	fieldValueStruct     protowire.Number = 5 // google.protobuf.Value.struct_value

	// overwriteOrAdd is HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD.
	overwriteOrAdd = 2
)

// replyNumber is the field of the reply to a message of a kind.
func replyNumber(kind messageKind) protowire.Number { return protowire.Number(kind) - 1 }

// writer encodes one protobuf message. A reply that is not remembered would cost a hundred allocations by way of the generated types.
type writer struct{ b []byte }

// replyBytes is room for most replies.
const replyBytes = 512

func newWriter() *writer { return &writer{b: make([]byte, 0, replyBytes)} }

// open begins a message, which close ends. Messages in it are closed before.
func (w *writer) open(number protowire.Number) (start int) {
	w.b = protowire.AppendTag(w.b, number, protowire.BytesType)
	return len(w.b)
}

// close puts the length in front of what was written since open.
func (w *writer) close(start int) {
	length := uint64(len(w.b) - start) //nolint:gosec // G115: start is in w.b
	size := protowire.SizeVarint(length)
	for range size {
		w.b = append(w.b, 0)
	}
	copy(w.b[start+size:], w.b[start:len(w.b)-size])
	protowire.AppendVarint(w.b[:start], length)
}

func (w *writer) text(number protowire.Number, s string) {
	w.b = protowire.AppendTag(w.b, number, protowire.BytesType)
	w.b = protowire.AppendString(w.b, s)
}

func (w *writer) number(number protowire.Number, v uint64) {
	w.b = protowire.AppendTag(w.b, number, protowire.VarintType)
	w.b = protowire.AppendVarint(w.b, v)
}

// empty writes a message without fields.
func (w *writer) empty(number protowire.Number) { w.text(number, "") }

// entry writes a string under a key of a google.protobuf.Struct.
func (w *writer) entry(key, value string) {
	entry := w.open(fieldStruct)
	w.text(fieldEntryKey, key)
	v := w.open(fieldEntryValue)
	w.text(fieldStringValue, value)
	w.close(v)
	w.close(entry)
}

// wire is what was written, as gRPC sends it.
func (w *writer) wire() mem.BufferSlice { return mem.BufferSlice{mem.SliceBuffer(w.b)} }

// scanner walks over the fields of one encoded protobuf message without decoding
// what nobody asked for. The header values that Envoy sends may hold any bytes,
// and its attributes are strings that may not be UTF-8: a generated decoder
// refuses the whole message for that, this one reads it.
type scanner struct {
	rest   []byte
	number protowire.Number
	kind   protowire.Type
	bytes  []byte // the value of a length-delimited field, else nil
	varint uint64 // the value of a varint field, else 0
	err    error
}

func scan(b []byte) scanner { return scanner{rest: b} }

// next moves to the next field; it returns false at the end and at an error.
func (s *scanner) next() bool {
	if len(s.rest) == 0 || s.err != nil {
		return false
	}
	number, kind, n := protowire.ConsumeTag(s.rest)
	if n < 0 {
		s.err = protowire.ParseError(n)
		return false
	}
	s.rest = s.rest[n:]
	s.number, s.kind, s.bytes, s.varint = number, kind, nil, 0
	switch kind {
	case protowire.BytesType:
		s.bytes, n = protowire.ConsumeBytes(s.rest)
	case protowire.VarintType:
		s.varint, n = protowire.ConsumeVarint(s.rest)
	default:
		n = protowire.ConsumeFieldValue(number, kind, s.rest)
	}
	if n < 0 {
		s.err = protowire.ParseError(n)
		return false
	}
	s.rest = s.rest[n:]
	return true
}
