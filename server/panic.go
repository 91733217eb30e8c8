package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

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

// afterPanic is the closed answer to a message whose handling panicked. It was made in advance, so that nothing that may
// have panicked is asked again: what may be refused gets 503, other requests go on without a grant, responses lose the
// application's.
func (s *Service) afterPanic(x *stream, m *message) *reply {
	late := m.kind == responseHeaders && x.decided
	closed := s.fixed.closed(m, late)
	x.result = tenant.Result{Decision: closed.decision}
	if m.kind == requestHeaders || m.kind == responseHeaders {
		x.decided = true
		o := x.observation(m, closed.reply)
		o.Late, o.Panicked = late, true
		s.observe(o)
	}
	return closed.reply
}
