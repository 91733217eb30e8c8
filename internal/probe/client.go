package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// MarkHeader is the request header by which logs can tell probes, beside their User-Agent. Its value is the name of the case.
const MarkHeader = "X-Corsgate-Probe"

// Bounds of an answer.
const (
	maxBody        = 256 << 10
	maxHeaderBytes = 64 << 10
)

// Timing is how long one request took until what.
type Timing struct {
	// Connect includes the name's resolution, TLS its handshake alone; both are 0 on a kept connection.
	Connect, TLS time.Duration
	// FirstByte and Total are since the beginning.
	FirstByte, Total time.Duration
}

// answer is what came back.
type answer struct {
	status int
	// header has every line of every name.
	header http.Header
	timing Timing
}

// lines are the values of a header, one for each line that came.
func (a *answer) lines(name string) []string { return a.header.Values(name) }

// value is the first line, or "".
func (a *answer) value(name string) string { return strings.TrimSpace(a.header.Get(name)) }

// client asks on one way. It keeps connections only until close.
type client struct {
	way     way
	host    string
	caFile  string
	agent   string
	timeout time.Duration
	rt      *http.Transport
}

func newClient(w way, e *endpoint, o *Options) *client {
	dialer := &net.Dialer{}
	config := w.tls.Clone()
	config.ServerName = e.url.Hostname()
	rt := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if w.dial != "" {
				addr = w.dial
			}
			return dialer.DialContext(ctx, network, addr)
		},
		TLSClientConfig:        config,
		DisableCompression:     true, // nothing is asked for that was not said
		MaxResponseHeaderBytes: maxHeaderBytes,
		Protocols:              protocols(e.HTTP),
	}
	return &client{way: w, host: e.url.Host, caFile: e.CAFile, agent: "corsgate-probe/" + o.Version, timeout: o.Timeout, rt: rt}
}

func protocols(version string) *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(version != "2")
	p.SetHTTP2(version != "1.1")
	p.SetUnencryptedHTTP2(version == "2")
	return p
}

func (c *client) close() { c.rt.CloseIdleConnections() }

// ask sends r and reads the answer. An error means that there was none.
func (c *client) ask(ctx context.Context, r request, mark Name) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	watch := &stopwatch{began: time.Now()}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, watch.trace()), r.method, c.url(r.path), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Host = c.host
	for _, h := range r.headers(c.agent, mark) {
		req.Header.Set(h[0], h[1])
	}
	res, err := c.rt.RoundTrip(req) // no redirect is followed, no cookie kept
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %s: %w", c.timeout, err)
		}
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	// The headers are the answer. The body is only read so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, res.Body, maxBody)
	return &answer{status: res.StatusCode, header: res.Header, timing: watch.timing()}, nil
}

func (c *client) url(path string) string {
	u := url.URL{Scheme: c.way.base.Scheme, Host: c.way.base.Host}
	return u.String() + path
}

// headers are the lines of r; Access-Control-Request-Headers is written as browsers write it.
func (r request) headers(agent string, mark Name) [][2]string {
	list := [][2]string{{"User-Agent", agent}, {MarkHeader, string(mark)}}
	add := func(name, value string) {
		if value != "" {
			list = append(list, [2]string{name, value})
		}
	}
	add("Origin", r.origin)
	add("Access-Control-Request-Method", r.requestMethod)
	add("Access-Control-Request-Headers", strings.Join(r.requestHeaders, ","))
	add("If-None-Match", r.etag)
	return list
}

// stopwatch measures one request. The dialing that it watches may outlive the request.
type stopwatch struct {
	began                   time.Time
	start, tls, conn, first atomic.Int64 // nanoseconds since began
}

func (w *stopwatch) mark(at *atomic.Int64) { at.Store(int64(time.Since(w.began))) }

func (w *stopwatch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeStart: func() { w.mark(&w.start) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { w.tls.Store(int64(time.Since(w.began)) - w.start.Load()) },
		GotConn: func(i httptrace.GotConnInfo) {
			if !i.Reused {
				w.mark(&w.conn)
			}
		},
		GotFirstResponseByte: func() { w.mark(&w.first) },
	}
}

func (w *stopwatch) timing() Timing {
	t := Timing{TLS: time.Duration(w.tls.Load()), FirstByte: time.Duration(w.first.Load()), Total: time.Since(w.began)}
	t.Connect = max(0, time.Duration(w.conn.Load())-t.TLS)
	return t
}
