package server

import (
	"slices"

	"google.golang.org/grpc/mem"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
)

// reply is one encoded ProcessingResponse. It is never changed once it is built,
// since it may be shared by streams.
type reply struct {
	wire mem.BufferSlice // nil: say nothing
	// silent: the message wants no reply, and more may come.
	silent bool
	// last: nothing more is to be said on the stream.
	last bool

	status   int // of an immediate response; 0: it is none
	conflict bool
	rejected bool
}

// encode makes a the reply to the headers of a request or of a response.
func encode(a *answer.Answer, phase Phase) *reply {
	w := newWriter()
	switch {
	case a.Status != 0:
		w.immediate(a)
	case phase == ResponsePhase:
		w.edited(a)
	default:
		w.empty(replyNumber(requestHeaders))
	}
	w.metadata(a.Metadata)
	return &reply{wire: w.wire(), last: a.Last, status: a.Status, conflict: a.Conflict, rejected: a.Rejected}
}

// immediate writes a reply in place of the application's response. Removals have no
// place in it.
func (w *writer) immediate(a *answer.Answer) {
	response := w.open(replyImmediate)
	code := w.open(fieldImmediateStatus)
	w.number(fieldStatusCode, uint64(a.Status)) //nolint:gosec // G115: checked to be an HTTP status.
	w.close(code)
	mutation := w.open(fieldImmediateHeads)
	w.setHeaders(a.Set)
	w.close(mutation)
	w.text(fieldImmediateDetail, a.Details)
	w.close(response)
}

// edited writes the reply to response headers.
func (w *writer) edited(a *answer.Answer) {
	if len(a.Remove)+len(a.Set) == 0 {
		w.empty(replyNumber(responseHeaders))
		return
	}
	response := w.open(replyNumber(responseHeaders))
	common := w.open(fieldCommonResponse)
	mutation := w.open(fieldCommonMutation)
	w.setHeaders(a.Set)
	for _, name := range a.Remove {
		w.text(fieldRemoveHeaders, name)
	}
	w.close(mutation)
	w.close(common)
	w.close(response)
}

// setHeaders replaces headers. Envoy 1.40 looks at append, which is false here, and at raw_value only;
// append_action says the same to other proxies that speak the protocol.
func (w *writer) setHeaders(headers []policy.Header) {
	for _, h := range headers {
		option := w.open(fieldSetHeaders)
		header := w.open(fieldOptionHeader)
		w.text(fieldHeaderKey, h.Name)
		w.text(fieldHeaderRaw, h.Value)
		w.close(header)
		w.empty(fieldOptionAppend)
		w.number(fieldOptionAction, overwriteOrAdd)
		w.close(option)
	}
}

// metadata writes notes into the namespace that is Envoy's to read; none are left out altogether.
func (w *writer) metadata(notes []answer.Note) {
	if len(notes) == 0 {
		return
	}
	open := [...]int{w.open(replyMetadata), w.open(fieldStruct), 0, 0}
	w.text(fieldEntryKey, wire.Namespace)
	open[2], open[3] = w.open(fieldEntryValue), w.open(fieldValueStruct)
	for _, n := range notes {
		w.entry(n.Key, n.Value)
	}
	for _, start := range slices.Backward(open[:]) {
		w.close(start)
	}
}
