package servertest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// Design is how Envoy is attached.
type Design string

// The designs.
const (
	// TwoCallbacks is design A, without a gate: request, then response.
	TwoCallbacks Design = "a"
	// ResponseOnly is design B: a filter for preflights at the request, and one for every
	// response that did not come from the first.
	ResponseOnly Design = "b"
	// Metadata is design C: the request only, behind a gate on Origin; Envoy writes
	// the headers from the metadata.
	Metadata Design = "c"
)

// Response is what the client gets, and how it came about.
type Response struct {
	Status  int
	Headers [][2]string
	// Answered: the application was not asked.
	Answered bool
	// Details are the response code details of an immediate response.
	Details string
	// Metadata is the dynamic metadata of our namespace.
	Metadata map[string]string
	// Replies is the number of replies that the service sent.
	Replies int
}

// Do sends r through the service in one design, with app behind it.
func (e *Envoy) Do(ctx context.Context, design Design, r Request, app App) (Response, error) {
	x := &exchange{request: r, response: Response{Status: app.Status, Headers: slices.Clone(app.Headers)}}
	preflight := r.Method == "OPTIONS" && value(r.Headers, wire.HeaderOrigin) != "" && value(r.Headers, wire.HeaderRequestMethod) != ""
	if design == Metadata && value(r.Headers, wire.HeaderOrigin) == "" {
		x.applyMetadata()
		return x.response, nil
	}
	if design == ResponseOnly && !preflight {
		err := e.askAtResponse(ctx, x, app)
		return x.response, err
	}
	stream, err := e.Open(ctx)
	if err != nil {
		return Response{}, err
	}
	defer stream.Close()
	if err := x.ask(stream, RequestHeaders(r)); err != nil {
		return Response{}, err
	}
	switch {
	case design == Metadata:
		x.applyMetadata()
	case x.response.Answered:
	case design == ResponseOnly:
		err = e.askAtResponse(ctx, x, app)
	case !x.ended:
		err = x.ask(stream, ResponseHeaders(app, nil))
	}
	return x.response, err
}

// askAtResponse sends the response alone, on a stream of its own.
func (e *Envoy) askAtResponse(ctx context.Context, x *exchange, app App) error {
	stream, err := e.Open(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	err = x.ask(stream, ResponseHeaders(app, Attributes(x.request)))
	x.response.Answered = false // the application had been asked already
	return err
}

// exchange is one request on its way.
type exchange struct {
	request  Request
	response Response
	ended    bool // the service wants no more messages
}

func (x *exchange) ask(stream *Stream, msg *extprocv3.ProcessingRequest) error {
	reply, err := stream.Ask(msg)
	if err != nil {
		return err
	}
	if reply == nil {
		x.ended = true
		return nil
	}
	x.response.Replies++
	x.keepMetadata(reply)
	switch {
	case reply.GetImmediateResponse() != nil:
		x.applyImmediate(reply.GetImmediateResponse())
		return nil
	case msg.GetRequestHeaders() != nil && reply.GetRequestHeaders() != nil:
		if reply.GetRequestHeaders().GetResponse() != nil {
			return fmt.Errorf("the request is to be changed: %v", reply)
		}
		return nil
	case msg.GetResponseHeaders() != nil && reply.GetResponseHeaders() != nil:
		return x.mutate(reply.GetResponseHeaders().GetResponse().GetHeaderMutation())
	}
	return fmt.Errorf("reply of the wrong phase: %v", reply)
}

func (x *exchange) keepMetadata(reply *extprocv3.ProcessingResponse) {
	namespace := reply.GetDynamicMetadata().GetFields()[wire.Namespace]
	if x.response.Metadata == nil && namespace != nil {
		x.response.Metadata = map[string]string{}
	}
	for key, value := range namespace.GetStructValue().GetFields() {
		x.response.Metadata[key] = value.GetStringValue()
	}
}

// applyImmediate replaces the response.
func (x *exchange) applyImmediate(r *extprocv3.ImmediateResponse) {
	x.response.Status = int(r.GetStatus().GetCode())
	x.response.Headers = nil
	x.response.Answered = true
	x.response.Details = r.GetDetails()
	for _, h := range r.GetHeaders().GetSetHeaders() {
		x.set(h.GetHeader().GetKey(), string(h.GetHeader().GetRawValue()))
	}
}

// mutate removes, then sets; a bad byte is what makes Envoy answer 500.
func (x *exchange) mutate(m *extprocv3.HeaderMutation) error {
	for _, name := range m.GetRemoveHeaders() {
		x.remove(name)
	}
	for _, h := range m.GetSetHeaders() {
		text := string(h.GetHeader().GetRawValue())
		if strings.ContainsAny(text, "\r\n\x00") || h.GetHeader().GetValue() != "" {
			return fmt.Errorf("bad header: %v", h)
		}
		x.set(h.GetHeader().GetKey(), text)
	}
	return nil
}

// applyMetadata is the header_mutation filter of design C.
func (x *exchange) applyMetadata() {
	x.response.Headers = slices.DeleteFunc(slices.Clone(x.response.Headers), func(h [2]string) bool {
		return strings.HasPrefix(strings.ToLower(h[0]), wire.HeaderCORSPrefix)
	})
	for _, pair := range wire.HeaderMeta() {
		if text := x.response.Metadata[pair[1]]; text != "" {
			x.set(pair[0], text)
		}
	}
	for element := range strings.SplitSeq(value(x.response.Headers, wire.HeaderVary), ",") {
		if e := strings.TrimSpace(element); e == "*" || strings.EqualFold(e, "origin") {
			return
		}
	}
	x.response.Headers = append(x.response.Headers, [2]string{wire.HeaderVary, "Origin"})
}

func (x *exchange) set(name, text string) {
	x.remove(name)
	x.response.Headers = append(x.response.Headers, [2]string{strings.ToLower(name), text})
}

func (x *exchange) remove(name string) {
	var left [][2]string
	for _, h := range x.response.Headers {
		if !strings.EqualFold(h[0], name) {
			left = append(left, h)
		}
	}
	x.response.Headers = left
}
