package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// maxPanicSites bounds the sites that are remembered, and with them the log.
const maxPanicSites = 64

// panicLog writes each site of a panic once, with its stack.
type panicLog struct {
	logger *slog.Logger

	mu    sync.Mutex // guards sites
	sites map[string]bool
}

func newPanicLog(log *slog.Logger) *panicLog {
	if log == nil {
		log = slog.Default()
	}
	return &panicLog{logger: log, sites: map[string]bool{}}
}

// log is called by a deferred function that recovered v.
func (p *panicLog) log(v any) {
	site := panicSite()
	p.mu.Lock()
	known := p.sites[site] || len(p.sites) >= maxPanicSites
	if !known {
		p.sites[site] = true
	}
	p.mu.Unlock()
	if known {
		return
	}
	text := fmt.Sprint(v)
	p.logger.Error("panic while answering, answered closed",
		"site", site, "panic", text[:min(len(text), 256)], "stack", string(debug.Stack()))
}

// panicSite names the function and line that panicked.
func panicSite() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicking && !inRuntime {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return "unknown"
		}
	}
}

// afterPanic is the closed answer to a message whose handling panicked: preflights
// get 503, other requests go on without a grant, responses lose the
// application's. A panic on the way to that leaves the prepared answers.
func (s *Service) afterPanic(x *exchange, m *message) (rep *reply) {
	defer func() {
		if v := recover(); v != nil {
			s.panics.log(v)
			rep = s.fixed.lastResort(m)
			s.observe(&Observation{Outcome: policy.Error, Reason: policy.Panic, OriginIndex: -1, Panicked: true, Freshness: tenant.Unknown, Phase: m.kind.phase()})
		}
	}()
	late := m.kind == responseHeaders && x.decided
	r := &m.request
	if r.Origin == "" {
		r = closedRequest()
	}
	x.result = tenant.Result{Decision: policy.DecideError(r, policy.Panic)}
	switch {
	case m.kind == requestHeaders:
		x.decided = true
		rep = x.requestReply(RequestPhase)
	case m.kind != responseHeaders:
		return s.fixed.empty(m.kind)
	case x.result.Answered():
		rep = x.requestReply(ResponsePhase)
	default:
		rep = x.responseReply(&m.upstream, !late)
	}
	o := x.observation(m, rep)
	o.Late, o.Panicked = late, true
	s.observe(o)
	return rep
}

// closedRequest is a request that no closed answer grants anything: it stands for
// one whose own facts are gone or not to be trusted.
func closedRequest() *policy.Request {
	return &policy.Request{Method: "GET", Origin: "null"}
}
