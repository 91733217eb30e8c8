package server

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
)

// messageKind is what a ProcessingRequest holds: the number of its field.
type messageKind protowire.Number

const (
	nothing          messageKind = 0
	requestHeaders   messageKind = 2
	responseHeaders  messageKind = 3
	requestBody      messageKind = 4
	responseBody     messageKind = 5
	requestTrailers  messageKind = 6
	responseTrailers messageKind = 7
)

func (k messageKind) phase() Phase {
	if k == responseHeaders {
		return ResponsePhase
	}
	return RequestPhase
}

// Field numbers of envoy.service.ext_proc.v3.ProcessingRequest and what it holds.
const (
	fieldAttributes    protowire.Number = 9
	fieldObservability protowire.Number = 10

	fieldHTTPHeaders protowire.Number = 1 // HttpHeaders.headers
	fieldHeaderMap   protowire.Number = 1 // HeaderMap.headers
	fieldHeaderKey   protowire.Number = 1 // HeaderValue.key
	fieldHeaderValue protowire.Number = 2 // HeaderValue.value
	fieldHeaderRaw   protowire.Number = 3 // HeaderValue.raw_value
)

// message is one ProcessingRequest, reduced to what a decision needs. Its strings
// are copies, so the received bytes may go as soon as it is there.
type message struct {
	kind          messageKind
	decoded       bool            // whole
	observability bool            // Envoy will not read a reply
	request       policy.Request  // of request_headers
	path          string          // :path without query
	upstream      answer.Response // of response_headers
	attributes    attributes
	requestID     []byte // refers to the message

	// What is collected while decoding; here, since it would not stay on the stack.
	requestFields   requestFields
	responseFields  upstreamFields
	attributeFields attributeFields
}

// decode reads b into m. tenantAttribute is the attribute to keep as a hint. The
// error means that b is no protobuf; m.kind is then what was seen until there.
func (m *message) decode(b []byte, tenantAttribute string) error {
	s := scan(b)
	for s.next() {
		kind := kindOf(s.number)
		switch {
		case s.number == fieldObservability && s.kind == protowire.VarintType:
			m.observability = s.varint != 0
		case s.bytes == nil:
		case s.number == fieldAttributes:
			if err := m.attributeFields.decode(s.bytes, tenantAttribute); err != nil {
				return fmt.Errorf("decoding attributes: %w", err)
			}
		case kind != nothing:
			m.kind = kind
			if err := decodeHeaders(s.bytes, m.collector(kind)); err != nil {
				return fmt.Errorf("decoding headers: %w", err)
			}
		}
	}
	if s.err != nil {
		return fmt.Errorf("decoding a message: %w", s.err)
	}
	m.attributes = m.attributeFields.attributes()
	switch m.kind {
	case requestHeaders:
		m.request, m.path = m.requestFields.request()
		m.requestID = m.requestFields.requestID.value
	case responseHeaders:
		m.upstream = m.responseFields.upstream()
	default:
		// Bodies and trailers decide nothing.
	}
	m.decoded = true
	return nil
}

// kindOf is nothing for fields that hold something else.
func kindOf(number protowire.Number) messageKind {
	if kind := messageKind(number); requestHeaders <= kind && kind <= responseTrailers {
		return kind
	}
	return nothing
}

// headerNames reads the names of the headers of a response that could be decoded.
func headerNames(b []byte) []string {
	var list nameList
	for s := scan(b); s.next(); {
		if kindOf(s.number) == responseHeaders && s.bytes != nil {
			_ = decodeHeaders(s.bytes, &list) // the same bytes had no error before
		}
	}
	return list.names
}

// collector takes the headers of a message.
type collector interface{ add(name, value []byte) }

// collector is nil for kinds without headers that matter.
func (m *message) collector(kind messageKind) collector {
	switch kind {
	case requestHeaders:
		return &m.requestFields
	case responseHeaders:
		return &m.responseFields
	default:
		return nil
	}
}

// decodeHeaders reads an HttpHeaders message into a collector; nil reads nothing.
func decodeHeaders(b []byte, c collector) error {
	if c == nil {
		return nil
	}
	outer := scan(b)
	for outer.next() {
		if outer.number != fieldHTTPHeaders || outer.bytes == nil {
			continue
		}
		headers := scan(outer.bytes)
		for headers.next() {
			if headers.number != fieldHeaderMap || headers.bytes == nil {
				continue
			}
			name, value, err := decodeHeader(headers.bytes)
			if err != nil {
				return err
			}
			c.add(name, value)
		}
		if headers.err != nil {
			return headers.err
		}
	}
	return outer.err
}

// decodeHeader reads one HeaderValue. Envoy uses raw_value; the older value field
// counts when raw_value is empty (rule 23).
func decodeHeader(b []byte) (name, value []byte, err error) {
	var raw []byte
	s := scan(b)
	for s.next() {
		if s.bytes == nil {
			continue
		}
		switch s.number {
		case fieldHeaderKey:
			name = s.bytes
		case fieldHeaderValue:
			value = s.bytes
		case fieldHeaderRaw:
			raw = s.bytes
		default:
		}
	}
	if len(raw) > 0 {
		value = raw
	}
	return name, value, s.err
}
