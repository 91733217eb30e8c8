package telemetry

import (
	"context"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// LogMode says which decisions are logged.
type LogMode uint8

// The modes.
const (
	// LogSampled logs failures, the first of equal denials, and a few of the rest.
	LogSampled LogMode = iota
	// LogAll logs every decision; for a few requests a second, and for tests.
	LogAll
	// LogOff logs none.
	LogOff
)

// Bounds of the decision log.
const (
	logQueue        = 1024             // records that wait for the sink
	logErrors       = 100              // errors a second
	logDenials      = 200              // denials a second, whatever they are
	logEqualFor     = 60 * time.Second // equal denials are counted, not written
	logAllowedRatio = 0.001
	equalSlots      = 4096 // a power of two
)

// decisionLog chooses what is logged on the request's goroutine, and writes it on its own.
type decisionLog struct {
	mode    LogMode
	origins bool
	log     *slog.Logger
	near    func(tenant.Key, *policy.Request) tenant.Explanation // nil: no near misses
	errors  *limit
	denials *limit
	equal   equals
	queue   chan entry

	overRate, overflow atomic.Int64 // records that are not written
}

// entry is a decision that is to be written.
type entry struct {
	observation server.Observation
	requestID   string
	span        trace.SpanContext
	at          time.Time
	suppressed  uint32
	whole       bool // the request can be explained
}

func newDecisionLog(cfg *Config) *decisionLog {
	return &decisionLog{
		mode: cfg.Decisions, origins: cfg.Origins, log: cfg.Log, near: cfg.Explain,
		errors: newLimit(logErrors), denials: newLimit(logDenials),
		equal: equals{seed: maphash.MakeSeed()}, queue: make(chan entry, logQueue),
	}
}

// observe hands o to the writer if it is worth it. It never waits.
func (l *decisionLog) observe(o *server.Observation, span trace.Span) {
	if l.mode == LogOff || o.Late && !o.Rejected && !o.Panicked {
		return
	}
	usual := o.Outcome < policy.Denied && !o.Rejected
	if usual && l.mode == LogSampled && !chance(logAllowedRatio) {
		return
	}
	now := time.Now()
	suppressed, ok := l.admit(o, now)
	if !ok {
		return
	}
	e := entry{observation: *o, requestID: printable(string(o.RequestID), maxRequestID), at: now, suppressed: suppressed}
	e.observation.RequestID = nil
	e.whole = bound(&e.observation.Key, &e.observation.Request) // a full queue must not hold megabytes
	switch {
	case span != nil:
		e.span = span.SpanContext()
	case o.Parent.IsValid():
		e.span = o.Parent
	}
	select {
	case l.queue <- e:
	default:
		l.overflow.Add(1)
	}
}

// admit says whether o is written, and how many equal ones before it were not.
func (l *decisionLog) admit(o *server.Observation, now time.Time) (suppressed uint32, ok bool) {
	if l.mode == LogAll {
		return 0, true
	}
	switch {
	case o.Outcome == policy.Error || o.Rejected:
		if !l.errors.allow(now) {
			l.overRate.Add(1)
			return 0, false
		}
		return 0, true
	case o.Outcome == policy.Denied:
		if suppressed, ok = l.equal.first(o, now); !ok {
			return 0, false
		}
		if !l.denials.allow(now) {
			l.equal.unwritten(o, suppressed)
			l.overRate.Add(1)
			return 0, false
		}
		return suppressed, true
	default:
		return 0, true // thinned out before
	}
}

// observeLost shows what was not written: by us, and by the log that we write to.
func (l *decisionLog) observeLost(o metric.Observer, in *instruments, lost func() (dropped, failed int64)) {
	var dropped, failed int64
	if lost != nil {
		dropped, failed = lost()
	}
	in.cells(o, "cors.log.dropped", l.overRate.Load(), l.overflow.Load()+dropped, failed)
}

// run writes until ctx ends, and then what is left.
func (l *decisionLog) run(ctx context.Context) {
	for {
		select {
		case e := <-l.queue:
			l.write(ctx, &e)
		case <-ctx.Done():
			for {
				select {
				case e := <-l.queue:
					l.write(ctx, &e)
				default:
					return
				}
			}
		}
	}
}

func (l *decisionLog) write(ctx context.Context, e *entry) {
	o := &e.observation
	level := slog.LevelInfo
	if o.Outcome == policy.Error || o.Rejected {
		level = slog.LevelError
	}
	if !l.log.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 32),
		slog.String("event", "cors.decision"),
		slog.Time("decided_at", e.at),
		slog.String("phase", o.Kind.String()),
		slog.String("outcome", o.Outcome.String()),
		slog.String("reason", o.Reason.String()),
		slog.String("source", o.Freshness.String()),
		slog.String("callback", o.Phase.String()),
		slog.Int64("dur_us", o.Duration.Microseconds()),
	)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	if e.span.IsValid() {
		text("trace_id", e.span.TraceID().String())
		text("span_id", e.span.SpanID().String())
	}
	text("request_id", e.requestID)
	text("tenant", o.Tenant)
	text("tier", printable(o.Tier, maxTierText))
	text("method", printable(o.Request.Method, maxMethodText))
	text("request_method", printable(o.Request.RequestMethod, maxMethodText))
	if l.origins {
		text("host", printable(o.Request.Authority, maxHostText))
		text("origin", printable(o.Request.Origin, maxOriginText))
	}
	if e.whole {
		text("near_miss", l.nearMiss(o))
	}
	text("variant", o.Variant)
	text("shadow", o.Shadow)
	number := func(key string, n int64, is bool) {
		if is {
			attrs = append(attrs, slog.Int64(key, n))
		}
	}
	number("policy_version", o.Revision, o.Revision > 0)
	number("rule_index", int64(o.OriginIndex), o.Outcome == policy.Allowed && o.OriginIndex >= 0)
	number("status", int64(o.Status), o.Answered)
	number("suppressed", int64(e.suppressed), e.suppressed > 0)
	flag := func(key string, is bool) {
		if is {
			attrs = append(attrs, slog.Bool(key, true))
		}
	}
	flag("regressed", o.Regressed)
	flag("rejected", o.Rejected)
	flag("late", o.Late)
	l.log.LogAttrs(ctx, level, "decision", attrs...)
}

// nearMiss is the kind of the first near miss of a denial.
func (l *decisionLog) nearMiss(o *server.Observation) string {
	if l.near == nil || o.Outcome != policy.Denied || o.Tenant == "" || o.Late {
		return ""
	}
	why := l.near(o.Key, &o.Request)
	if len(why.Why.Near) == 0 || why.Result.Outcome != policy.Denied {
		return ""
	}
	return why.Why.Near[0].Kind
}

// equals remembers which denials were written of late, in a table of fixed size: two that share a
// place displace each other, and are then written more often.
type equals struct {
	seed  maphash.Seed
	mu    sync.Mutex
	slots [equalSlots]equalSlot // under mu
}

type equalSlot struct {
	sum        uint64
	since      int64 // nanoseconds since 1970
	suppressed uint32
}

// first reports whether o is the first of its kind within the window, by tenant, reason and origin, and how
// many were not since the last one.
func (e *equals) first(o *server.Observation, now time.Time) (suppressed uint32, ok bool) {
	sum := e.sum(o)
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &e.slots[sum%equalSlots]
	if s.sum == sum && now.UnixNano()-s.since < int64(logEqualFor) {
		if s.suppressed < 1<<32-1 {
			s.suppressed++
		}
		return 0, false
	}
	if s.sum == sum {
		suppressed = s.suppressed
	}
	*s = equalSlot{sum: sum, since: now.UnixNano()}
	return suppressed, true
}

// unwritten takes first back: the record came to nothing, so that the next equal one is tried, with this one counted.
func (e *equals) unwritten(o *server.Observation, suppressed uint32) {
	sum := e.sum(o)
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := &e.slots[sum%equalSlots]; s.sum == sum {
		s.since, s.suppressed = 0, min(suppressed, 1<<32-2)+1
	}
}

func (e *equals) sum(o *server.Observation) uint64 {
	var h maphash.Hash
	h.SetSeed(e.seed)
	_, _ = h.WriteString(o.Tenant)
	_ = h.WriteByte(0)
	_ = h.WriteByte(byte(o.Reason))
	_ = h.WriteByte(byte(o.Kind))
	_, _ = h.WriteString(o.Request.Origin)
	return h.Sum64()
}

// ParseLogMode finds a mode by its word: "sampled", "all" or "off"; any other is sampled.
func ParseLogMode(word string) LogMode {
	switch strings.ToLower(word) {
	case "all":
		return LogAll
	case "off":
		return LogOff
	default:
		return LogSampled
	}
}
