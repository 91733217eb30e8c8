package main

import (
	"bytes"
	"fmt"

	"github.com/corsgate/corsgate/envoy"
)

const (
	host          = "api.acme.example"
	allowedOrigin = "https://app.acme.example"
	deniedOrigin  = "https://evil.example"
)

// kind is a request as a browser sends it.
type kind struct {
	name    string
	method  string
	origin  string
	headers string
}

func kinds() []kind {
	return []kind{
		{name: "no Origin", method: "GET"},
		{name: "actual allowed", method: "GET", origin: allowedOrigin},
		{name: "actual denied", method: "GET", origin: deniedOrigin},
		{
			name: "preflight", method: "OPTIONS", origin: allowedOrigin,
			headers: "access-control-request-method: PUT\r\naccess-control-request-headers: content-type\r\n",
		},
	}
}

// request is the bytes of one request to a host.
func (k kind) request(host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s /v1/orders/7 HTTP/1.1\r\nhost: %s\r\n", k.method, host)
	b.WriteString("user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"accept: application/json\r\naccept-language: en-GB,en;q=0.9\r\naccept-encoding: gzip, deflate, br\r\n" +
		"sec-fetch-mode: cors\r\nsec-fetch-site: same-site\r\nsec-fetch-dest: empty\r\n")
	if k.origin != "" {
		fmt.Fprintf(&b, "origin: %s\r\nreferer: %s/\r\n", k.origin, k.origin)
	}
	b.WriteString(k.headers)
	b.WriteString("\r\n")
	return b.Bytes()
}

// expect is what a response must look like.
type expect struct {
	status string
	grant  bool
}

// expected says what a contender must answer: those that decide nothing grant nothing, but for the
// fixed answer to OPTIONS.
func (c contender) expected(k kind) expect {
	preflight := k.method == "OPTIONS"
	e := expect{status: "200"}
	switch c.server {
	case typedServer, bytesServer:
		// In design C Envoy writes grants from metadata, and these send none.
		e.grant = preflight && c.filters != string(envoy.Metadata)
		if preflight {
			e.status = "204"
		}
		return e
	case "":
		if c.filters == plain {
			return e
		}
	}
	e.grant = k.origin == allowedOrigin
	if preflight && !(c.filters == corsFilter) {
		e.status = "204"
	}
	return e
}

// check says what is wrong with the head of a response, or nothing.
func (e expect) check(head []byte) error {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 "+e.status)) {
		return &badResponse{want: "status " + e.status, head: string(head)}
	}
	if bytes.Contains(head, []byte("\r\naccess-control-allow-origin: https://")) != e.grant {
		return &badResponse{want: fmt.Sprintf("a grant: %t", e.grant), head: string(head)}
	}
	return nil
}

// badResponse is an answer that should have been another.
type badResponse struct{ want, head string }

func (e *badResponse) Error() string { return fmt.Sprintf("want %s: %q", e.want, e.head) }
