package telemetry

import (
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
)

// problemEvery is how often the same is said of a back end that does not answer.
const problemEvery = time.Minute

// maxProblemText bounds what is said of it, in bytes: a collector's own words may be in it.
const maxProblemText = 512

// reportProblems has OpenTelemetry's own complaints written to the log of the process. Its way to take them is one for
// all of a process; otherwise they would go to standard error as lines of another form.
func (t *Telemetry) reportProblems() {
	otel.SetErrorHandler(&problemLog{t: t})
	otel.SetLogger(logr.FromSlogHandler(t.cfg.Log.Handler()))
}

// problemLog writes the first problem in each minute, and counts the others.
type problemLog struct {
	t *Telemetry

	mu         sync.Mutex
	last       time.Time // under mu
	suppressed int       // under mu
}

// Handle implements [otel.ErrorHandler].
func (p *problemLog) Handle(err error) {
	suppressed, ok := p.admit(time.Now())
	if !ok {
		return
	}
	// A sentence has blanks. A backslash is escaped, too, so this text stands for nothing else.
	text := strings.ReplaceAll(printable(err.Error(), maxProblemText), `\x20`, " ")
	p.t.cfg.Log.Warn("spans or metrics cannot be delivered; decisions are not affected", "error", text, "suppressed", suppressed)
}

// admit says whether a problem is written, and how many before it were not.
func (p *problemLog) admit(now time.Time) (suppressed int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.last.IsZero() && now.Sub(p.last) < problemEvery {
		p.suppressed++
		return 0, false
	}
	suppressed = p.suppressed
	p.last, p.suppressed = now, 0
	return suppressed, true
}
