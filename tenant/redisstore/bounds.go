package redisstore

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	// maxBulkBytes bounds one string of a reply. Documents are read by GETRANGE, but fields of streams
	// and hashes, and names of keys, come as long as they are.
	maxBulkBytes = 2 << 20
	// maxElements bounds what all arrays of the replies to one request announce.
	maxElements = 1 << 20
	// maxLineBytes bounds a line: an error, a status, a number.
	maxLineBytes = 64 << 10

	// Kinds of elements of a reply.
	strs       = "$!="
	aggregates = "*%~>|"
	others     = "+-:_,#("
)

// bounds reads along what a server sends, and stops it where the library would make room for whatever
// is announced. It knows the frames of the protocol and not what they mean.
type bounds struct {
	in       part
	kind     byte
	number   int
	line     int
	skip     int // bytes of a string, with the end of its line
	elements int // since the last request
}

// part is where in a frame the next byte belongs.
type part int

const (
	inType part = iota
	inLength
	inLine
	inString
)

// request begins a new request.
func (b *bounds) request() { b.elements = 0 }

// read takes the bytes that were received.
func (b *bounds) read(p []byte) error {
	for len(p) > 0 {
		switch b.in {
		case inType:
			b.kind, b.number, b.line, b.in = p[0], 0, 0, inLine
			switch {
			case strings.IndexByte(strs+aggregates, b.kind) >= 0:
				b.in = inLength
			case strings.IndexByte(others, b.kind) < 0:
				return fmt.Errorf("the reply has an element of the kind %q, which does not exist", b.kind)
			}
			p = p[1:]
		case inLength:
			c := p[0]
			p = p[1:]
			if err := b.digit(c); err != nil {
				return err
			}
		case inLine:
			n := bytes.IndexByte(p, '\n') + 1
			if n > 0 {
				b.in = inType
			} else {
				n = len(p)
			}
			p = p[n:]
			if b.line += n; b.line > maxLineBytes {
				return fmt.Errorf("a line of the reply has more than %d bytes", maxLineBytes)
			}
		case inString:
			n := min(b.skip, len(p))
			p = p[n:]
			if b.skip -= n; b.skip == 0 {
				b.in = inType
			}
		}
	}
	return nil
}

// digit reads one byte of a length. What is no length is for the library to refuse.
func (b *bounds) digit(c byte) error {
	isString := c == '\n' && strings.IndexByte(strs, b.kind) >= 0
	switch {
	case c == '-':
		b.in = inLine // nothing follows
	case c >= '0' && c <= '9':
		b.number = min(b.number*10+int(c-'0'), 1<<40)
	case isString && b.number > maxBulkBytes:
		return fmt.Errorf("a string of the reply has %d bytes, at most %d are read", b.number, maxBulkBytes)
	case isString:
		b.in, b.skip = inString, b.number+len("\r\n")
	case c == '\n':
		b.in = inType
		if b.elements += b.number; b.elements > maxElements {
			return fmt.Errorf("the reply has more than %d elements", maxElements)
		}
	}
	return nil
}
