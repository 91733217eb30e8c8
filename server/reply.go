package server

import (
	"slices"
	"strconv"

	"google.golang.org/grpc/mem"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// reply is one encoded ProcessingResponse. It is never changed once it is built,
// since it may be shared by streams.
type reply struct {
	wire mem.BufferSlice // nil: say nothing
	// silent: the message wants no reply, and more may come.
	silent bool
	// last: nothing more is to be said on the stream.
	last bool

	answered bool // an immediate response
	status   int  // of it
	conflict bool
	rejected bool
}

// pack takes what w wrote.
func (rep *reply) pack(w *writer) { rep.wire = mem.BufferSlice{mem.SliceBuffer(w.b)} }

// immediate writes a reply in place of the application's response. Removals have no
// place in it (spec/envoy-ext-proc.md, section 3).
func (w *writer) immediate(d *policy.Decision, status int, headers []policy.Header) {
	response := w.open(replyImmediate)
	code := w.open(fieldImmediateStatus)
	w.number(fieldStatusCode, uint64(status)) //nolint:gosec // G115: checked to be an HTTP status.
	w.close(code)
	mutation := w.open(fieldImmediateHeads)
	w.setHeaders(headers)
	w.close(mutation)
	w.text(fieldImmediateDetail, details(d))
	w.close(response)
}

// goOn writes the reply to request headers that changes nothing.
func (w *writer) goOn() { w.empty(replyRequestHeaders) }

// edited writes the reply to response headers.
func (w *writer) edited(e *policy.Edits) {
	if len(e.Remove)+len(e.Set) == 0 {
		w.empty(replyResponseHeaders)
		return
	}
	response := w.open(replyResponseHeaders)
	common := w.open(fieldCommonResponse)
	mutation := w.open(fieldCommonMutation)
	w.setHeaders(e.Set)
	for _, name := range e.Remove {
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

// details is the response code detail of an immediate response, for access logs.
func details(d *policy.Decision) string {
	text := wire.DetailsPrefix + d.Kind.String() + "_" + d.Outcome.String()
	if d.Outcome != policy.Allowed {
		text += "_" + d.Reason.String()
	}
	return text
}

// metadata writes what design C writes the headers from, and what access logs
// can show: the values of headers, and what was decided for whom. What goes without saying is
// left out: a live policy has no source. A decision takes back the notes that keep the response out of caches; edited
// says that no other edits of it will come.
func (w *writer) metadata(res *tenant.Result, about *subject, headers []policy.Header, edited bool) {
	end := w.openMetadata()
	w.entry(wire.MetaDecision, res.Outcome.String())
	w.entry(wire.MetaReason, res.Reason.String())
	w.entry(wire.MetaPhase, res.Kind.String())
	w.entry(wire.MetaTenant, about.tenant)
	w.entry(wire.MetaVariant, res.Variant)
	w.entry(wire.MetaShadow, res.Shadow)
	if validValue(about.tier) {
		w.entry(wire.MetaTier, about.tier) // a label for people must not cost a grant
	}
	if about.revision > 0 {
		w.entry(wire.MetaVersion, strconv.FormatInt(about.revision, 10))
	}
	if about.freshness > tenant.Live && about.freshness <= tenant.Baseline {
		w.entry(wire.MetaSource, about.freshness.String())
	}
	if res.Outcome == policy.Allowed && res.OriginIndex >= 0 {
		w.entry(wire.MetaEntry, strconv.Itoa(res.OriginIndex))
	}
	for _, pair := range wire.HeaderMeta() {
		for _, h := range headers {
			if h.Name == pair[0] {
				w.entry(pair[1], h.Value)
			}
		}
	}
	if res.Outcome != policy.Error {
		w.emptyEntry(wire.MetaUndecided)
		if edited {
			w.emptyEntry(wire.MetaUnedited)
		}
	}
	w.closeAll(end)
}

// decidedEdits writes the metadata of a response that was edited by a decision which an earlier reply has told of.
func (w *writer) decidedEdits() {
	end := w.openMetadata()
	w.emptyEntry(wire.MetaUnedited)
	w.closeAll(end)
}

// openMetadata begins the entries of the namespace that is Envoy's to read.
func (w *writer) openMetadata() (open [4]int) {
	open[0] = w.open(replyMetadata)
	open[1] = w.open(fieldStruct)
	w.text(fieldEntryKey, wire.Namespace)
	open[2] = w.open(fieldEntryValue)
	open[3] = w.open(fieldValueStruct)
	return open
}

func (w *writer) closeAll(open [4]int) {
	for _, start := range slices.Backward(open[:]) {
		w.close(start)
	}
}
