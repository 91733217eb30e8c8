package harness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ErrNoReply is given when the peer closed the connection without a byte.
var ErrNoReply = errors.New("the peer closed without a reply")

// Response is an HTTP/1.1 response with its header lines as they came.
type Response struct {
	Status int
	// Headers are the lines in order; names are in lower case, values are trimmed.
	Headers [][2]string
	Body    []byte
}

// Lines are the values of all lines of a header, by its lower-case name.
func (r *Response) Lines(name string) []string {
	var out []string
	for _, h := range r.Headers {
		if h[0] == name {
			out = append(out, h[1])
		}
	}
	return out
}

// Get is the lines of a header joined by ", "; "" when there is none.
func (r *Response) Get(name string) string { return strings.Join(r.Lines(name), ", ") }

// CORS are the headers that CORS is about: access-control-*, vary and timing-allow-origin.
func (r *Response) CORS() map[string]string {
	out := map[string]string{}
	for _, h := range r.Headers {
		if strings.HasPrefix(h[0], "access-control-") || h[0] == "vary" || h[0] == "timing-allow-origin" {
			out[h[0]] = r.Get(h[0])
		}
	}
	return out
}

// Conn is a connection over which exact bytes are sent. It is not safe for concurrent use.
type Conn struct {
	net.Conn
	r *bufio.Reader
}

// Dial connects to a host:port; the connection is closed when the test ends.
func Dial(tb testing.TB, addr string) *Conn {
	tb.Helper()
	c, err := TryDial(addr)
	if err != nil {
		tb.Fatalf("connecting to %s: %v", addr, err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// TryDial connects to a host:port on which perhaps nobody listens yet.
func TryDial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, r: bufio.NewReader(c)}, nil
}

// Request is the bytes of an HTTP/1.1 request without a body: the request line, a Host line
// unless authority is empty, and the headers as given, in order and unchecked.
func Request(method, target, authority string, headers ...[2]string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, target)
	if authority != "" {
		fmt.Fprintf(&b, "Host: %s\r\n", authority)
	}
	for _, h := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// Do sends the bytes of one request and reads its final response.
func (c *Conn) Do(request []byte) (*Response, error) {
	if err := c.SetDeadline(time.Now().Add(Patience)); err != nil {
		return nil, err
	}
	if _, err := c.Write(request); err != nil {
		return nil, fmt.Errorf("sending: %w", err)
	}
	for {
		resp, err := c.readHead()
		if err != nil {
			return nil, err
		}
		if resp.Status == http.StatusSwitchingProtocols || resp.Status >= 200 {
			return resp, c.readBody(resp, bytes.HasPrefix(request, []byte("HEAD ")))
		}
	}
}

// Exchange sends one request on a connection of its own.
func Exchange(tb testing.TB, addr string, request []byte) *Response {
	tb.Helper()
	resp, err := Dial(tb, addr).Do(request)
	if err != nil {
		tb.Fatalf("exchanging %q: %v", request, err)
	}
	return resp
}

func (c *Conn) readHead() (*Response, error) {
	line, err := c.readLine()
	if err != nil {
		if errors.Is(err, io.EOF) && line == "" {
			return nil, ErrNoReply
		}
		return nil, fmt.Errorf("reading the status line: %w", err)
	}
	_, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	resp := &Response{}
	if resp.Status, err = strconv.Atoi(code); err != nil {
		return nil, fmt.Errorf("reading the status line %q: %w", line, err)
	}
	for {
		line, err := c.readLine()
		if err != nil {
			return nil, fmt.Errorf("reading headers: %w", err)
		}
		if line == "" {
			return resp, nil
		}
		name, value, _ := strings.Cut(line, ":")
		resp.Headers = append(resp.Headers, [2]string{strings.ToLower(name), strings.Trim(value, " \t")})
	}
}

func (c *Conn) readLine() (string, error) {
	line, err := c.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (c *Conn) readBody(resp *Response, head bool) (err error) {
	switch {
	case head, resp.Status == http.StatusSwitchingProtocols,
		resp.Status == http.StatusNoContent, resp.Status == http.StatusNotModified:
		return nil
	case strings.EqualFold(resp.Get("transfer-encoding"), "chunked"):
		resp.Body, err = io.ReadAll(httputil.NewChunkedReader(c.r))
		if err == nil {
			_, err = c.readLine() // the empty line after the last chunk
		}
	case resp.Get("content-length") != "":
		var n int64
		if n, err = strconv.ParseInt(resp.Get("content-length"), 10, 64); err == nil {
			resp.Body = make([]byte, n)
			_, err = io.ReadFull(c.r, resp.Body)
		}
	default:
		resp.Body, err = io.ReadAll(c.r)
	}
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	return nil
}

// SendText sends a text message over an upgraded connection and gives the peer's next message.
func (c *Conn) SendText(text string) (string, error) {
	if err := c.SetDeadline(time.Now().Add(Patience)); err != nil {
		return "", err
	}
	out := frame(opText, []byte(text))
	// A client must mask (RFC 6455 §5.1); a mask of zeros leaves the payload as it is.
	out[1] |= maskBit
	at := len(out) - len(text)
	out = append(out[:at], append(make([]byte, 4), out[at:]...)...)
	if _, err := c.Write(out); err != nil {
		return "", fmt.Errorf("sending: %w", err)
	}
	_, payload, err := readFrame(c.r)
	return string(payload), err
}
