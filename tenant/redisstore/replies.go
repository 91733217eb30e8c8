package redisstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	// longString is how much of one string of a reply is passed on: a document, and one byte more by which a larger
	// one is known. shortString is the same where only changes are read.
	longString  = maxDocumentBytes + 1
	shortString = 4 << 10
	// maxElements bounds what the arrays of the replies to one request announce together.
	maxElements = 1 << 20
	// bufferBytes of a connection, for each direction. No line of a reply is longer.
	bufferBytes = 32 << 10
)

// replies passes on what a server sends (RESP 2), without what would fill the memory: a string is cut,
// whatever the server says its length is, and lines and arrays beyond the bounds are errors. Fields of
// streams and hashes, for which Redis has no GETRANGE, can have 512 MiB.
type replies struct {
	in *bufio.Reader
	// cut is how much of a string is passed on.
	cut int
	// line is the rest of a line to be passed on.
	line []byte
	// pass and drop are the bytes of a string that are passed on, and thereafter those that are not.
	pass, drop int
	// elements are those since the last request.
	elements int
}

func newReplies(conn io.Reader, cut int) *replies {
	return &replies{in: bufio.NewReaderSize(conn, bufferBytes), cut: cut}
}

// Read implements [io.Reader]. It waits only when there is nothing to pass on.
func (r *replies) Read(p []byte) (n int, err error) {
	for err == nil && n < len(p) && (n == 0 || len(r.line) > 0 || r.in.Buffered() > 0) {
		m := 0
		switch {
		case len(r.line) > 0:
			m = copy(p[n:], r.line)
			r.line = r.line[m:]
		case r.pass > 0:
			m, err = r.in.Read(p[n:min(len(p), n+r.pass)])
			r.pass -= m
		case r.drop > 0:
			var dropped int
			dropped, err = r.in.Discard(r.drop)
			if r.drop -= dropped; r.drop == 0 {
				r.pass = len("\r\n")
			}
		default:
			err = r.next()
		}
		n += m
	}
	return n, err
}

// next reads the line that an element begins with.
func (r *replies) next() error {
	line, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("a line of the reply has more than %d bytes", bufferBytes)
	case err != nil:
		return err
	}
	r.line = line
	switch kind := line[0]; kind {
	case '+', '-', ':':
		return nil
	case '$', '*':
	default:
		return fmt.Errorf("the reply has an element of the kind %q, which does not exist", kind)
	}
	length, ok := bytes.CutSuffix(line[1:], []byte("\r\n"))
	n, err := strconv.Atoi(string(length))
	switch {
	case err != nil || !ok:
		return fmt.Errorf("the reply has an element of the length %.20q", line[1:])
	case n < 0: // there is none
	case line[0] == '*':
		if r.elements = min(r.elements, maxElements) + min(n, 2*maxElements); r.elements > maxElements {
			return fmt.Errorf("the reply has more than %d elements", maxElements)
		}
	case n > r.cut:
		r.line = fmt.Appendf(nil, "$%d\r\n", r.cut)
		r.pass, r.drop = r.cut, n-r.cut
	default:
		r.pass = n + len("\r\n")
	}
	return nil
}
