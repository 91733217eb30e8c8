package server

import (
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
	"github.com/corsgate/corsgate/tenant"
)

// fixedReplies are the replies that no decision goes into.
type fixedReplies struct {
	silence reply // observability mode: Envoy reads no reply
	// empty is the matching empty reply to a message that we have no use for, so that a filter whose modes are set
	// wrongly does not wait in vain. To what we do not know nothing is said, and the stream ends.
	empty [responseTrailers + 1]reply

	// What follows a panic.
	refusedPreflight, refused, forwarded, stripped closedReply
}

// closedReply is a closed answer that was made in advance, and the decision that it carries out.
type closedReply struct {
	decision policy.Decision
	reply    *reply
}

func newFixedReplies() fixedReplies {
	f := fixedReplies{silence: reply{silent: true}}
	f.empty[nothing].last = true
	for kind := requestBody; kind <= responseTrailers; kind++ {
		w := newWriter()
		w.empty(replyNumber(kind))
		f.empty[kind].wire = w.wire()
	}
	closed := func(kind policy.Kind, refuse bool) closedReply {
		d := answer.ClosedDecision(policy.Panic, kind, refuse)
		a := answer.ToRequest(&tenant.Result{Decision: d}, &answer.TenantInfo{})
		return closedReply{d, encode(&a, RequestPhase)}
	}
	f.refusedPreflight, f.refused = closed(policy.Preflight, true), closed(policy.Actual, true)
	f.forwarded = closed(policy.Actual, false)
	strip := answer.Strip(&f.forwarded.decision, nil)
	f.stripped = closedReply{f.forwarded.decision, encode(&strip, ResponsePhase)}
	return f
}

// closed is what follows a panic while a message was handled. late is a response whose request was answered before.
func (f *fixedReplies) closed(m *message, late bool) closedReply {
	r := &m.request
	if m.kind == responseHeaders && !late {
		fromAttributes := m.attributes.request()
		r = &fromAttributes
	}
	switch {
	case m.kind != requestHeaders && m.kind != responseHeaders:
		return closedReply{f.forwarded.decision, &f.empty[m.kind]}
	case !late && answer.IsPreflight(r):
		return f.refusedPreflight
	case !late && answer.MayBeRefused(r), len(m.upstream.Others) > 0:
		return f.refused
	case m.kind == responseHeaders:
		return f.stripped
	default:
		return f.forwarded
	}
}
