package server

import "google.golang.org/protobuf/encoding/protowire"

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
