package server_test

import (
	"context"
	"errors"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corsgate/corsgate/server/servertest"
)

type (
	message = extprocv3.ProcessingRequest
	shapes  = []string
)

func request(r servertest.Request) *message { return servertest.RequestHeaders(r) }

func response(headers ...[2]string) *message {
	return servertest.ResponseHeaders(ok(headers...), nil)
}

// only is a response whose request was not sent.
func only(r servertest.Request) *message {
	return servertest.ResponseHeaders(ok(), servertest.Attributes(r))
}

func watched(msg *message) *message {
	msg.ObservabilityMode = true
	return msg
}

func body(response bool) *message {
	if response {
		return &message{Request: &extprocv3.ProcessingRequest_ResponseBody{ResponseBody: &extprocv3.HttpBody{Body: []byte("x")}}}
	}
	return &message{Request: &extprocv3.ProcessingRequest_RequestBody{RequestBody: &extprocv3.HttpBody{Body: []byte("x")}}}
}

func trailers(response bool) *message {
	if response {
		return &message{Request: &extprocv3.ProcessingRequest_ResponseTrailers{ResponseTrailers: &extprocv3.HttpTrailers{}}}
	}
	return &message{Request: &extprocv3.ProcessingRequest_RequestTrailers{RequestTrailers: &extprocv3.HttpTrailers{}}}
}

// TestStreamOrder has one row for each order in which Envoy may speak. The stream ends at
// the last reply that is named; what follows is never read.
func TestStreamOrder(t *testing.T) {
	t.Parallel()
	allowed := get("api.acme.example", "https://app.acme.example")
	asked := preflight("api.acme.example", "https://app.acme.example", "PUT")
	tests := []struct {
		name string
		in   []*message
		want shapes
	}{
		{"A: request, then response", []*message{request(allowed), response()}, shapes{"request_headers", "response_headers"}},
		{"A: nothing is read after the response", []*message{request(allowed), response(), response()}, shapes{"request_headers", "response_headers"}},
		{"A: a preflight ends the stream", []*message{request(asked), response()}, shapes{"immediate 204"}},
		{"A: a denied preflight ends the stream", []*message{request(preflight("api.acme.example", "https://evil.example", "PUT")), response()}, shapes{"immediate 403"}},
		{"A: without Origin the response still needs Vary", []*message{request(get("api.acme.example", "")), response()}, shapes{"request_headers", "response_headers"}},
		{"A: mode OFF ends the stream", []*message{request(get("off.example", "https://app.off.example")), response()}, shapes{"request_headers"}},
		{"A: an unknown tenant ends the stream", []*message{request(get("nobody.example", "https://a.example")), response()}, shapes{"request_headers"}},
		{"A: a blocked request ends the stream", []*message{request(post("strict.example", "https://evil.example")), response()}, shapes{"immediate 403"}},
		{"B: response only", []*message{only(allowed)}, shapes{"response_headers"}},
		{"B: response only without attributes (rules 8, 69)", []*message{response()}, shapes{"response_headers"}},
		{"B: a preflight is answered at the response", []*message{only(asked)}, shapes{"immediate 204"}},
		{"B: a blocked request is replaced at the response", []*message{only(post("strict.example", "https://evil.example"))}, shapes{"immediate 403"}},
		{"C: request only", []*message{request(allowed)}, shapes{"request_headers"}},
		{
			"bodies and trailers get the matching empty reply",
			[]*message{request(allowed), body(false), trailers(false), response()},
			shapes{"request_headers", "request_body", "request_trailers", "response_headers"},
		},
		{
			"bodies and trailers first",
			[]*message{body(false), trailers(false), body(true), trailers(true), only(allowed)},
			shapes{"request_body", "request_trailers", "response_body", "response_trailers", "response_headers"},
		},
		{"a second request is decided again", []*message{request(allowed), request(asked)}, shapes{"request_headers", "immediate 204"}},
		{"a message of no phase ends the stream without a reply", []*message{{}, request(allowed)}, shapes{"-"}},
		{"observability mode is not answered", []*message{watched(request(allowed)), watched(response())}, shapes{"-", "-"}},
		{"nothing at all", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := service(t, snapshot(t, acme, off, strict), nil)
			s := play(t.Context(), tt.in...)
			if err := svc.Process(s); err != nil {
				t.Fatalf("the stream ended with %v", err)
			}
			var got shapes
			for i := range s.replies {
				got = append(got, shape(s.reply(t, i)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("replies (-want +got):\n%s", diff)
			}
			if s.double {
				t.Error("two replies to one message")
			}
			if svc.Active() != 0 {
				t.Errorf("%d streams are still counted", svc.Active())
			}
		})
	}
}

func post(authority, origin string) servertest.Request {
	r := get(authority, origin)
	r.Method = "POST"
	return r
}

func TestStreamEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		last error
		want codes.Code
	}{
		{"Envoy half-closes", nil, codes.OK},
		{"Envoy resets the stream", status.FromContextError(context.Canceled).Err(), codes.OK},
		{"the stream's time is over", status.FromContextError(context.DeadlineExceeded).Err(), codes.OK},
		{"the connection breaks", status.Error(codes.Unavailable, "gone"), codes.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := play(t.Context(), request(get("api.acme.example", "https://app.acme.example")))
			s.last = tt.last
			err := service(t, snapshot(t, acme), nil).Process(s)
			if status.Code(err) != tt.want {
				t.Errorf("ended with %v, want %v", err, tt.want)
			}
		})
	}
}

func TestBytesThatAreNoMessage(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"\xff", "\x12\x05ab", "\x12\x03\x0a\x05x", "\x4a\x04\x12\x09ab"} {
		s := &script{ctx: t.Context(), in: [][]byte{[]byte(b)}}
		err := service(t, snapshot(t, acme), nil).Process(s)
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q: got %v, want InvalidArgument", b, err)
		}
		if s.replies[0] != nil {
			t.Errorf("%q was answered", b)
		}
	}
}

func TestSendFails(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	s := &deaf{script: play(t.Context(), request(get("api.acme.example", "https://app.acme.example"))), err: boom}
	if err := service(t, snapshot(t, acme), nil).Process(s); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
}

// deaf is a stream that takes no replies.
type deaf struct {
	*script
	err error
}

func (d *deaf) SendMsg(any) error { return d.err }
