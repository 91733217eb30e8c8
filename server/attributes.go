package server

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
)

// Field numbers of a map entry, google.protobuf.Struct and google.protobuf.Value.
const (
	fieldEntryKey    protowire.Number = 1
	fieldEntryValue  protowire.Number = 2
	fieldStruct      protowire.Number = 1
	fieldStringValue protowire.Number = 3
)

// attributes is what Envoy says of a request whose headers were not sent (rule 69),
// and the tenant hint of an operator's attribute.
type attributes struct {
	origin, requestMethod, requestHeaders string
	host, path, method, scheme            string
	tenant                                string
	requestID                             []byte // refers to the message
}

// attributeFields are the attributes while the message is read; they refer to its bytes.
type attributeFields struct {
	origin, requestMethod, requestHeaders, host, path, method, scheme, tenant, requestID []byte
}

// decode reads one entry of ProcessingRequest.attributes; entries of other
// filters are passed over.
func (a *attributeFields) decode(b []byte, tenantAttribute string) error {
	key, fields, err := decodeEntry(b)
	if err != nil || string(key) != wire.AttributesKey {
		return err
	}
	s := scan(fields)
	for s.next() {
		if s.number != fieldStruct || s.bytes == nil {
			continue
		}
		name, value, err := decodeEntry(s.bytes)
		if err != nil {
			return err
		}
		text, err := decodeString(value)
		if err != nil {
			return err
		}
		a.set(name, text, tenantAttribute)
	}
	return s.err
}

func decodeEntry(b []byte) (key, value []byte, err error) {
	s := scan(b)
	for s.next() {
		switch {
		case s.bytes == nil:
		case s.number == fieldEntryKey:
			key = s.bytes
		case s.number == fieldEntryValue:
			value = s.bytes
		}
	}
	return key, value, s.err
}

// decodeString returns the string of a google.protobuf.Value, or nil when it holds
// something else.
func decodeString(b []byte) (text []byte, err error) {
	s := scan(b)
	for s.next() {
		if s.number == fieldStringValue {
			text = s.bytes
		}
	}
	return text, s.err
}

func (a *attributeFields) set(name, value []byte, tenantAttribute string) {
	if tenantAttribute != "" && string(name) == tenantAttribute {
		a.tenant = value
	}
	switch string(name) {
	case wire.AttrOrigin:
		a.origin = value
	case wire.AttrRequestMethod:
		a.requestMethod = value
	case wire.AttrRequestHeaders:
		a.requestHeaders = value
	case wire.AttrHost:
		a.host = value
	case wire.AttrPath:
		a.path = value
	case wire.AttrMethod:
		a.method = value
	case wire.AttrScheme:
		a.scheme = value
	case wire.AttrRequestID:
		a.requestID = value
	}
}

// attributes copies the fields out of the message.
func (a *attributeFields) attributes() (out attributes) {
	t := copyTexts([...][]byte{a.origin, a.requestMethod, a.requestHeaders, a.host, a.path, a.tenant})
	out.origin, out.requestMethod, out.requestHeaders = t.next(), t.next(), t.next()
	out.host, out.path, out.tenant = t.next(), t.next(), t.next()
	out.method, out.scheme, out.requestID = methodText(a.method), schemeText(a.scheme), a.requestID
	return out
}

// request is the request as the attributes tell it.
func (a *attributes) request() policy.Request {
	return policy.Request{
		Method:         a.method,
		Scheme:         a.scheme,
		Authority:      a.host,
		Origin:         a.origin,
		RequestMethod:  a.requestMethod,
		RequestHeaders: a.requestHeaders,
	}
}
