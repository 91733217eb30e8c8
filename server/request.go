package server

import (
	"bytes"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
)

// maxFieldBytes is how much of one request header is kept. Each bound of package
// policy is smaller, so what is cut off could only have been refused as well.
const maxFieldBytes = 8 << 10

const methodOptions = "OPTIONS"

// field gathers the lines of one header: a single line is not copied, several are
// joined by a comma, as Envoy joins those that it knows.
type field struct {
	value []byte
	lines int
}

func (f *field) add(value []byte) {
	f.lines++
	switch {
	case f.lines == 1:
		f.value = value
		return
	case len(f.value) > maxFieldBytes:
		// Beyond every bound already: more lines must not make more work.
		return
	case f.lines == 2:
		// The first line belongs to the message: what follows it there must stay.
		f.value = slices.Clone(f.value)
	}
	f.value = append(append(f.value, ','), value...)
}

// text copies the value out of the message.
func (f *field) text() string { return string(f.value[:min(len(f.value), maxFieldBytes)]) }

// requestFields are the headers of a request that a decision looks at. They refer
// to the message's bytes.
type requestFields struct {
	authority, method, path, scheme, protocol      field
	origin, requestMethod, requestHeaders, upgrade field
	privateNetwork, requestID                      field
}

// add keeps value if a decision looks at the header. Envoy sends lower-case names.
func (f *requestFields) add(name, value []byte) {
	switch string(name) {
	case ":authority":
		f.authority.add(value)
	case ":method":
		f.method.add(value)
	case ":path":
		f.path.add(value)
	case ":scheme":
		f.scheme.add(value)
	case ":protocol":
		f.protocol.add(value)
	case wire.HeaderOrigin:
		f.origin.add(value)
	case wire.HeaderRequestMethod:
		f.requestMethod.add(value)
	case wire.HeaderRequestHeaders:
		f.requestHeaders.add(value)
	case wire.HeaderRequestPrivateNetwork:
		f.privateNetwork.add(value)
	case wire.HeaderUpgrade:
		f.upgrade.add(value)
	case wire.HeaderRequestID:
		f.requestID.add(value)
	}
}

// request copies the fields out of the message. The query is no part of a path that is looked up (rule 27).
func (f *requestFields) request() (r policy.Request, path string) {
	r = policy.Request{
		Method:    methodText(f.method.value),
		Scheme:    schemeText(f.scheme.value),
		WebSocket: len(f.protocol.value) > 0 || namesWebSocket(f.upgrade.value),
	}
	before, _, _ := bytes.Cut(f.path.value, []byte{'?'})
	t := copyTexts([...][]byte{
		f.authority.value, f.origin.value, f.requestMethod.value, f.requestHeaders.value, f.privateNetwork.value, before,
	})
	r.Authority, r.Origin, r.RequestMethod = t.next(), t.next(), t.next()
	r.RequestHeaders, r.PrivateNetwork, path = t.next(), t.next(), t.next()
	return r, path
}

// textsAtOnce is as many as a request, or its attributes, have.
const textsAtOnce = 6

// texts are copies of values of one message, parts of one string.
type texts struct {
	rest string
	lens [textsAtOnce]int
	i    int
}

// copyTexts copies values at once, and of each what is kept.
func copyTexts(values [textsAtOnce][]byte) (t texts) {
	size := 0
	for i, v := range values {
		t.lens[i] = min(len(v), maxFieldBytes)
		size += t.lens[i]
	}
	var b strings.Builder
	b.Grow(size)
	for i, v := range values {
		b.Write(v[:t.lens[i]])
	}
	t.rest = b.String()
	return t
}

// next is the copy of the next value.
func (t *texts) next() (text string) {
	n := t.lens[t.i]
	t.i++
	text, t.rest = t.rest[:n], t.rest[n:]
	return text
}

// methodText copies a method; the usual ones cost nothing.
func methodText(b []byte) string {
	for _, known := range [...]string{"GET", "POST", methodOptions, "PUT", "PATCH", "DELETE", "HEAD"} {
		if string(b) == known {
			return known
		}
	}
	return string(b[:min(len(b), maxFieldBytes)])
}

func schemeText(b []byte) string {
	for _, known := range [...]string{"https", "http"} {
		if string(b) == known {
			return known
		}
	}
	return string(b[:min(len(b), maxFieldBytes)])
}

// namesWebSocket reports whether an Upgrade header asks for a websocket (rule 9).
func namesWebSocket(upgrade []byte) bool {
	for protocol := range bytes.SplitSeq(upgrade, []byte{','}) {
		if bytes.EqualFold(bytes.Trim(protocol, " \t"), []byte("websocket")) {
			return true
		}
	}
	return false
}
