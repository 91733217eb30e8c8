package telemetry

import (
	"context"
	"log/slog"
	"regexp"
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
	otel.SetLogger(logr.FromSlogHandler(messagesOnly{t.cfg.Log.Handler()}))
}

// messagesOnly writes messages with their errors, and nothing else: OpenTelemetry's other attributes are settings as they
// were given, among them endpoints and headers, which may hold credentials.
type messagesOnly struct{ slog.Handler }

// Handle implements [slog.Handler].
func (m messagesOnly) Handle(ctx context.Context, r slog.Record) error {
	kept := slog.NewRecord(r.Time, r.Level, "OpenTelemetry: "+r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			kept.AddAttrs(slog.String("error", problemText(err)))
		}
		return true
	})
	return m.Handler.Handle(ctx, kept)
}

// WithAttrs implements [slog.Handler].
func (m messagesOnly) WithAttrs([]slog.Attr) slog.Handler { return m }

// WithGroup implements [slog.Handler].
func (m messagesOnly) WithGroup(string) slog.Handler { return m }

// address is a URL in a text: scheme, login, host, and the rest.
var address = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s"'/?#]*@)?([^\s"'/?#@]*)[^\s"']*`)

// problemText is what is logged of err: visible text, of addresses only scheme and host, because the rest may hold credentials.
func problemText(err error) string {
	text := address.ReplaceAllString(err.Error(), "$1$2")
	// A sentence has blanks. A backslash is escaped, too, so this text stands for nothing else.
	return strings.ReplaceAll(printable(text, maxProblemText), `\x20`, " ")
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
	p.t.cfg.Log.Warn("spans or metrics cannot be delivered; decisions are not affected", "error", problemText(err), "suppressed", suppressed)
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
