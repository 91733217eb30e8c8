package server

import (
	"bytes"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
)

// maxNames bounds the header names of a response that "expose all" can list.
const maxNames = 256

// maxVaryBytes leaves room for what is merged into an application's Vary, within what a value may have.
const maxVaryBytes = 7 << 10

// upstreamFields are the headers of a response that a decision looks at. They refer to the message's bytes.
type upstreamFields struct {
	allowOrigin, allowCredentials, exposeHeaders, vary field

	hasCORS bool
	others  []string // names of CORS headers that policy has no name for
}

func (f *upstreamFields) add(name, value []byte) {
	switch string(name) {
	case wire.HeaderAllowOrigin:
		f.allowOrigin.add(value)
	case wire.HeaderAllowCredentials:
		f.allowCredentials.add(value)
	case wire.HeaderExposeHeaders:
		f.exposeHeaders.add(value)
	case wire.HeaderVary:
		f.vary.add(value)
		return
	default:
		if !bytes.HasPrefix(name, []byte(wire.HeaderCORSPrefix)) {
			return
		}
		if !wire.KnownCORS(name) {
			f.others = append(f.others, string(name))
		}
	}
	f.hasCORS = true
}

// upstream copies the fields out of the message.
func (f *upstreamFields) upstream() answer.Response {
	up := answer.Response{Upstream: policy.Upstream{
		AllowOrigin:      f.allowOrigin.text(),
		AllowCredentials: f.allowCredentials.text(),
		ExposeHeaders:    f.exposeHeaders.text(),
		Vary:             varyText(&f.vary),
		HasCORS:          f.hasCORS,
		Others:           f.others,
	}}
	if len(up.Vary) > maxVaryBytes {
		up.Vary, up.VaryLost = "", true
	}
	return up
}

// varyText copies a Vary; the usual ones cost nothing.
func varyText(f *field) string {
	for _, known := range [...]string{"Accept-Encoding", "accept-encoding", "Origin", "origin"} {
		if string(f.value) == known {
			return known
		}
	}
	return f.text()
}

// nameList collects the names of a response's headers, for the few decisions that expose all of them.
type nameList struct {
	names []string
	bytes int
}

func (l *nameList) add(name, _ []byte) {
	pseudo := bytes.HasPrefix(name, []byte{':'})
	if !pseudo && len(l.names) < maxNames && l.bytes+len(name) <= maxFieldBytes {
		l.names = append(l.names, string(name))
		l.bytes += len(name)
	}
}
