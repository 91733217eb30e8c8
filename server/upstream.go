package server

import (
	"bytes"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
)

// maxNames bounds the header names of a response that "expose all" can list.
const maxNames = 256

// upstream is an application's response as policy sees it.
type upstream struct {
	policy.Upstream
	// varyLost: its Vary is too long to be written again. Where it has to name Origin
	// it becomes "*": caches then store nothing, which is always right.
	varyLost bool
}

// upstreamFields are the headers of a response that a decision looks at. They
// refer to the message's bytes, except for names, which is a copy of all names
// one after the other.
type upstreamFields struct {
	allowOrigin, allowCredentials, exposeHeaders, vary field

	hasCORS bool
	names   []byte
	ends    []int // :: where each name ends in names
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
	}
	f.hasCORS = f.hasCORS || bytes.HasPrefix(name, []byte(wire.HeaderCORSPrefix))
	pseudo := bytes.HasPrefix(name, []byte{':'})
	if !pseudo && len(f.ends) < maxNames && len(f.names)+len(name) <= maxValueBytes {
		if f.ends == nil {
			f.names, f.ends = make([]byte, 0, 512), make([]int, 0, 32)
		}
		f.names = append(f.names, name...)
		f.ends = append(f.ends, len(f.names))
	}
}

// upstream copies the fields out of the message.
func (f *upstreamFields) upstream() upstream {
	up := upstream{Upstream: policy.Upstream{
		AllowOrigin:      f.allowOrigin.text(),
		AllowCredentials: f.allowCredentials.text(),
		ExposeHeaders:    f.exposeHeaders.text(),
		Vary:             f.vary.text(),
		HasCORS:          f.hasCORS,
	}}
	if len(up.Vary) > maxVaryBytes {
		up.Vary, up.varyLost = "", true
	}
	all, start := string(f.names), 0
	if len(f.ends) > 0 {
		up.Names = make([]string, 0, len(f.ends))
	}
	for _, end := range f.ends {
		up.Names = append(up.Names, all[start:end])
		start = end
	}
	return up
}
