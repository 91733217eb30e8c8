package server

import (
	"slices"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// errorStatus is the answer to a request that was to be answered and cannot be
// (rule 76).
const errorStatus = 503

// requestReply is the reply that carries out the decision before the application is
// asked: an immediate response, or go on. In the response phase it is only used
// for immediate responses.
func (x *exchange) requestReply(phase Phase) *reply {
	slot, cached := x.remembered(memoRequest, nil)
	if cached != nil {
		return cached
	}
	rep := buildRequestReply(&x.result, &x.subject)
	if rep == nil {
		return x.rejected(phase, x.result.Answered())
	}
	x.remember(slot, rep)
	return rep
}

// responseReply is the reply that edits a response. only is true when no
// request_headers were answered on this stream, so that this reply carries the
// metadata.
func (x *exchange) responseReply(up *upstream, only bool) *reply {
	slot := memoSlot{}
	switch {
	case x.result.WantsNames():
		up.Names = headerNames(x.frame.bytes())
	case !up.varyLost && len(up.Others) == 0:
		phase := memoResponse
		if only {
			phase = memoResponseOnly
		}
		var cached *reply
		if slot, cached = x.remembered(phase, &up.Upstream); cached != nil {
			return cached
		}
	}
	rep := buildResponseReply(&x.result, up, responseOptions{about: &x.subject, metadata: only})
	if rep == nil {
		return x.rejected(ResponsePhase, false)
	}
	x.remember(slot, rep)
	return rep
}

// buildRequestReply encodes res, or returns nil when a value must not be sent.
func buildRequestReply(res *tenant.Result, about *subject) *reply {
	if !validTenant(about.tenant) {
		return nil
	}
	if res.Answered() {
		return buildImmediate(res, about)
	}
	grants := res.AppendGrants(nil)
	if !validHeaders(grants) {
		return nil
	}
	w := newWriter()
	w.goOn()
	rep := &reply{last: touchesNothing(&res.Decision)}
	w.metadata(res, about, grants, rep.last)
	rep.pack(w)
	return rep
}

func buildImmediate(res *tenant.Result, about *subject) *reply {
	status, headers := res.AppendReply(nil)
	if !validStatus(status) || !validHeaders(headers) {
		return nil
	}
	w := newWriter()
	w.immediate(&res.Decision, status, headers)
	w.metadata(res, about, headers, true)
	rep := &reply{answered: true, status: status, last: true}
	rep.pack(w)
	return rep
}

// touchesNothing reports whether d leaves every response alone: one without, and one
// full of CORS headers. The stream may then end at the request.
func touchesNothing(d *policy.Decision) bool {
	var e policy.Edits
	for _, up := range [...]policy.Upstream{
		{},
		{AllowOrigin: "*", AllowCredentials: "true", ExposeHeaders: "*", HasCORS: true},
	} {
		d.AppendEdits(&e, &up)
		if len(e.Remove)+len(e.Set) > 0 {
			return false
		}
	}
	return true
}

type responseOptions struct {
	about    *subject
	metadata bool
}

// buildResponseReply encodes the edits of res, or returns nil when a value must not
// be sent.
func buildResponseReply(res *tenant.Result, up *upstream, o responseOptions) *reply {
	var e policy.Edits
	res.AppendEdits(&e, &up.Upstream)
	for i := range e.Set {
		if up.varyLost && e.Set[i].Name == wire.HeaderVary {
			e.Set[i].Value = "*"
		}
	}
	grants := res.AppendGrants(nil)
	if !validEdits(&e) || !validHeaders(grants) || !validTenant(o.about.tenant) {
		return nil
	}
	w := newWriter()
	w.edited(&e)
	if o.metadata {
		w.metadata(res, o.about, grants, true)
	} else if res.Outcome != policy.Error {
		w.decidedEdits()
	}
	rep := &reply{last: true, conflict: e.Conflict}
	rep.pack(w)
	return rep
}

// rejected gives up a decision one of whose values must not be sent (rule R37 of
// the fault matrix): the whole grant is dropped, what was to be answered is
// answered with an error, and the response loses the application's grants as well.
func (x *exchange) rejected(phase Phase, answered bool) *reply {
	kind := x.result.Kind
	x.result.Decision = policy.DecideError(closedRequest(), policy.PolicyUnreadable)
	d := x.result.Decision
	d.Kind = kind
	rep := &reply{rejected: true, answered: answered, last: answered || phase == ResponsePhase}
	w := newWriter()
	switch {
	case answered:
		rep.status = errorStatus
		w.immediate(&d, errorStatus, nil)
	case phase == ResponsePhase:
		w.edited(closedEdits(x.message.upstream.Others))
	default:
		w.goOn()
	}
	w.metadata(&tenant.Result{Decision: d}, &subject{}, nil, true)
	rep.pack(w)
	return rep
}

// closedEdits takes every grant off a response, whatever it holds, and forbids
// caches to reuse it. others are the CORS headers on it that wire has no name for.
func closedEdits(others []string) *policy.Edits {
	e := &policy.Edits{Set: []policy.Header{{Name: wire.HeaderVary, Value: "*"}}, Remove: slices.Clone(others)}
	for _, pair := range wire.HeaderMeta() {
		e.Remove = append(e.Remove, pair[0])
	}
	return e
}
