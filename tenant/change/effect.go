package change

import (
	"fmt"
	"strings"
)

// Code names what an effect is about. The words are stable.
type Code string

// The codes.
const (
	Hosts            Code = "hosts"
	Mode             Code = "mode"
	Route            Code = "route"
	Candidate        Code = "candidate"
	MaxStale         Code = "max_stale"
	Labels           Code = "labels"
	Origins          Code = "origins"
	NullOrigin       Code = "null_origin"
	Credentials      Code = "credentials"
	Dangers          Code = "dangerously_allow"
	Methods          Code = "methods"
	RequestHeaders   Code = "request_headers"
	ExposeHeaders    Code = "expose_headers"
	UpstreamHeaders  Code = "upstream_headers"
	DeniedRequests   Code = "denied_requests"
	Websockets       Code = "websockets"
	PrivateNetwork   Code = "private_network_access"
	TimingAllow      Code = "timing_allow_origin"
	MaxAge           Code = "max_age"
	PreflightAnswers Code = "preflight"
)

// Effect is one thing that a change does.
type Effect struct {
	// Path is the path_prefix of the route that is concerned; "" for the tenant as a whole, and
	// for all paths that no route has.
	Path string `json:"path"`
	// Share says that only requests are concerned that a candidate decides, or decided: see
	// [ShareCandidate] and the like. "" for all others.
	Share     Share     `json:"share,omitempty"`
	Code      Code      `json:"code"`
	Direction Direction `json:"direction"`
	// Values are the entries that are concerned, where the field is a list.
	Values []string `json:"values,omitempty"`
	// Text says it in one sentence without a period. It is for people and may be worded anew.
	Text string `json:"text"`
}

// Share is a part of the (tenant, origin) pairs.
type Share string

// The shares.
const (
	// ShareCandidate is decided by the candidate before and after.
	ShareCandidate Share = "candidate"
	// ShareEnters is decided by the candidate from now on.
	ShareEnters Share = "enters_candidate"
	// ShareLeaves was decided by the candidate.
	ShareLeaves Share = "leaves_candidate"
)

// String is the effect on one line, without its direction.
func (e Effect) String() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	switch e.Share {
	case ShareCandidate:
		b.WriteString("candidate: ")
	case ShareEnters:
		b.WriteString("origins that enter the candidate: ")
	case ShareLeaves:
		b.WriteString("origins that leave the candidate: ")
	}
	b.WriteString(e.Text)
	return b.String()
}

// shown is how many entries a text names.
const shown = 5

// list names the first entries and counts the others.
func list(values []string) string {
	if len(values) <= shown+1 { // "and 1 more" is no shorter than the one
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:shown], ", "), len(values)-shown)
}

// one is the first word for one value, and the second for several.
func one(values []string, single, several string) string {
	if len(values) == 1 {
		return single
	}
	return several
}
