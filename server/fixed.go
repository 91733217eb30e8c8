package server

import "github.com/corsgate/corsgate/policy"

// fixedReplies are the replies that no decision goes into.
type fixedReplies struct {
	silence reply // observability mode: Envoy reads no reply
	end     reply // no phase that we know: say nothing and end the stream

	requestBody, responseBody         reply
	requestTrailers, responseTrailers reply

	// The last resort after a panic while answering a panic.
	goOn, refuse, strip reply
}

func newFixedReplies() fixedReplies {
	f := fixedReplies{
		silence: reply{silent: true},
		end:     reply{last: true},
		refuse:  reply{last: true, answered: true, status: errorStatus},
		strip:   reply{last: true},
	}
	unknown := policy.DecideError(closedRequest(), policy.Panic)
	for _, p := range []struct {
		rep   *reply
		write func(*writer)
	}{
		{&f.requestBody, func(w *writer) { w.empty(replyRequestBody) }},
		{&f.responseBody, func(w *writer) { w.empty(replyResponseBody) }},
		{&f.requestTrailers, func(w *writer) { w.empty(replyRequestTrailers) }},
		{&f.responseTrailers, func(w *writer) { w.empty(replyResponseTrailers) }},
		{&f.goOn, (*writer).goOn},
		{&f.refuse, func(w *writer) { w.immediate(&unknown, errorStatus, nil) }},
		{&f.strip, func(w *writer) { w.edited(closedEdits(nil)) }},
	} {
		w := newWriter()
		p.write(w)
		p.rep.pack(w)
	}
	return f
}

// empty is the matching empty reply to a message that we have no use for, so that
// a filter whose modes are set wrongly does not wait in vain.
func (f *fixedReplies) empty(kind messageKind) *reply {
	switch kind {
	case requestBody:
		return &f.requestBody
	case responseBody:
		return &f.responseBody
	case requestTrailers:
		return &f.requestTrailers
	case responseTrailers:
		return &f.responseTrailers
	default:
		return &f.end
	}
}

// lastResort is a closed answer that takes no part of policy to make: whatever has an Origin is refused.
func (f *fixedReplies) lastResort(m *message) *reply {
	switch {
	case m.kind == responseHeaders && len(m.upstream.Others) > 0:
		return &f.refuse
	case m.kind == responseHeaders:
		return &f.strip
	case m.kind != requestHeaders:
		return f.empty(m.kind)
	case m.request.Origin != "":
		return &f.refuse
	}
	return &f.goOn
}
