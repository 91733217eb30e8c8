// Package answer says what has to be done to carry out a decision: which headers of a response to set and to remove,
// what to reply in place of the application, and what to note for whoever writes headers and access logs. It knows
// no protocol: package server encodes an [Answer] for Envoy, and another front may carry it out itself.
//
// No value leaves it unchecked. An answer with a value that must not be sent is replaced by a closed one.
package answer

import (
	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Answer is what to do with one request, or with its response.
type Answer struct {
	// Status is that of a reply in place of the application's, without a body. At 0 there is none, and the request or
	// response goes on.
	Status int
	// Details name the reply in access logs.
	Details string
	// Set are the headers of the reply, or those to set on the response, each in place of all lines of that name.
	Set []policy.Header
	// Remove are the headers to take off the response first, in lower case.
	Remove []string
	// Metadata are the notes under wire.Namespace, for access logs and for whoever writes the headers from them.
	Metadata []Note
	// Last: no response of this request needs anything more.
	Last bool
	// Conflict: the application's own CORS headers differ from ours (rule 72).
	Conflict bool
	// Rejected: a value that must not be sent was found, and the answer is closed. It must never happen.
	Rejected bool
}

// Note is a key of package wire and its value.
type Note struct{ Key, Value string }

// Response is an application's response as a decision sees it.
type Response struct {
	policy.Upstream
	// VaryLost: its Vary is too long to be written again. Where it has to name Origin
	// it becomes "*": caches then store nothing, which is always right.
	VaryLost bool
	// Decided: an earlier answer has noted the decision.
	Decided bool
}

// ToRequest is what to do with a request before the application sees it. In the response phase it is only asked
// for decisions that are answered in place of the application. A decision that must not be carried out is replaced in res.
func ToRequest(res *tenant.Result, info *TenantInfo) Answer {
	status, headers := res.AppendReply(nil)
	if !res.Answered() {
		headers = res.AppendGrants(nil)
	}
	if !validTenant(info.ID) || !validHeaders(headers) || res.Answered() && !validStatus(status) {
		res.Decision = ClosedDecision(policy.PolicyUnreadable, res.Kind, res.Answered())
		a := ToRequest(&tenant.Result{Decision: res.Decision}, &TenantInfo{})
		a.Rejected = true
		return a
	}
	if !res.Answered() {
		last := res.LeavesResponses()
		return Answer{Metadata: notes(res, info, headers, last), Last: last}
	}
	return Answer{
		Status: status, Details: details(&res.Decision), Set: headers,
		Metadata: notes(res, info, headers, true), Last: true,
	}
}

// ToResponse is what to do with a response that the application has given. A decision that must not be carried out is
// replaced in res.
func ToResponse(res *tenant.Result, info *TenantInfo, up *Response) Answer {
	e, grants := editsOf(res, up), res.AppendGrants(nil)
	if !validTenant(info.ID) || !validEdits(&e) || !validHeaders(grants) {
		res.Decision = ClosedDecision(policy.PolicyUnreadable, res.Kind, false)
		a := Strip(&res.Decision, up.Others)
		a.Rejected = true
		return a
	}
	a := Answer{Set: e.Set, Remove: e.Remove, Conflict: e.Conflict, Last: true}
	switch {
	case !up.Decided:
		a.Metadata = notes(res, info, grants, true)
	case res.Outcome != policy.Error:
		a.Metadata = []Note{{wire.MetaUnedited, ""}}
	}
	return a
}

// editsOf are the edits of a response by res.
func editsOf(res *tenant.Result, up *Response) (e policy.Edits) {
	res.AppendEdits(&e, &up.Upstream)
	for i := range e.Set {
		if up.VaryLost && e.Set[i].Name == wire.HeaderVary {
			e.Set[i].Value = "*"
		}
	}
	return e
}

// details is the response code detail of a reply in place of the application's, for access logs.
func details(d *policy.Decision) string {
	text := wire.DetailsPrefix + d.Kind.String() + "_" + d.Outcome.String()
	if d.Outcome != policy.Allowed {
		text += "_" + d.Reason.String()
	}
	return text
}
