package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// Config says what is measured and where it goes.
type Config struct {
	// Version of the program.
	Version string
	// Tiers are the values of the document label "tier" that metrics tell apart, at most [MaxTiers].
	Tiers []string
	// Sampling chooses the decisions that get a span.
	Sampling Sampling
	// Origins lets origins and hosts stand in spans and logs.
	Origins bool
	// Decisions chooses the decisions that are logged.
	Decisions LogMode
	// Traces and Metrics are pushed by OTLP, or not.
	Traces, Metrics Protocol
	// SpanQueue is how many spans may wait for a collector; 0 is [DefaultSpanQueue].
	SpanQueue int
	// Log takes the decision log, and what is wrong with telemetry itself. It must not block.
	Log *slog.Logger
	// LogLost is how many lines of Log its sink was too slow for, and at how many it failed; nil is none.
	LogLost func() (dropped, failed int64)

	// Explain says why a request is denied now, for near misses; nil gives none.
	Explain func(tenant.Key, *policy.Request) tenant.Explanation
	// Streams is the number of requests in flight; nil is none.
	Streams func() int
	// Figures are the registry's; nil is none.
	Figures func() Figures
	// Networks is the number of networks that browsers reported blocked requests from; nil is none.
	Networks func() int
}

// Telemetry is told of decisions. Make it with [New], Start it before the first decision, Stop it after the last.
type Telemetry struct {
	cfg        Config
	list       byName
	decisions  *decisions
	operations *operations
	spans      *spans
	log        *decisionLog
	denied     *denied
	top        *topList
	rum        *rumMeter

	registry *prometheus.Registry
	meters   *sdkmetric.MeterProvider
	tracers  *sdktrace.TracerProvider // nil without a back end

	stalled metric.Float64Histogram

	stop  context.CancelFunc
	parts sync.WaitGroup
}

// New checks cfg. It starts nothing.
func New(cfg Config) (*Telemetry, error) {
	if len(cfg.Tiers) > MaxTiers {
		return nil, fmt.Errorf("configuring telemetry: %d tiers are more than %d", len(cfg.Tiers), MaxTiers)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	list := catalogueOf(cfg.Tiers)
	return &Telemetry{
		cfg:       cfg,
		list:      list,
		decisions: newDecisions(cfg.Tiers, list),
		spans: &spans{
			sampling: cfg.Sampling, cap: newLimit(cfg.Sampling.PerSecond), origins: cfg.Origins,
			dropped: list.counter("cors.spans.dropped").announce(),
		},
		operations: &operations{},
		log:        newDecisionLog(&cfg),
		denied:     newDenied(),
		top:        newTopList(),
		rum:        newRUMMeter(list),
		registry:   newRegistry(),
	}, nil
}

// Start makes the exporters and starts what runs beside the decisions. No back end need be there.
func (t *Telemetry) Start(ctx context.Context) error {
	t.reportProblems() // exporters complain already while they are made
	if err := t.instrument(ctx); err != nil {
		return errors.Join(fmt.Errorf("starting telemetry: %w", err), t.shutdown(ctx))
	}
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.parts.Go(func() { t.log.run(ctx) })
	t.parts.Go(func() { watchStalls(ctx, t.stalled) })
	return nil
}

// instrument makes providers and instruments.
func (t *Telemetry) instrument(ctx context.Context) error {
	if err := t.provide(ctx); err != nil {
		return err
	}
	meter := t.meters.Meter(scope)
	if err := t.histograms(meter); err != nil {
		return err
	}
	_, err := newInstruments(meter, t.list, t.collect)
	return err
}

// shutdown ends the providers that there are.
func (t *Telemetry) shutdown(ctx context.Context) (failed error) {
	if t.tracers != nil {
		failed = t.tracers.Shutdown(ctx)
	}
	if t.meters != nil {
		failed = errors.Join(failed, t.meters.Shutdown(ctx))
	}
	return failed
}

func (t *Telemetry) histograms(meter metric.Meter) error {
	var err error
	histogram := func(name string) metric.Float64Histogram {
		m := t.list[name]
		h, failed := meter.Float64Histogram(name, metric.WithUnit(m.Unit), metric.WithDescription(m.Help)) // the view has the bounds
		err = errors.Join(err, failed)
		return h
	}
	t.decisions.duration = histogram("cors.decision.duration")
	t.operations.duration = histogram("db.client.operation.duration")
	t.stalled = histogram("cors.stall")
	return err
}

// Stop writes what is left, and sends it as long as ctx lasts. What a back end does not take then is lost, and that is
// no error of the process: it is in the log.
func (t *Telemetry) Stop(ctx context.Context) {
	if t.stop == nil {
		return
	}
	t.stop()
	t.parts.Wait()
	if failed := t.shutdown(ctx); failed != nil {
		t.cfg.Log.WarnContext(ctx, "the last spans and metrics were not delivered", "error", problemText(failed))
	}
}

// Observe is given to the server. It never waits, and allocates only for what is sampled or logged.
func (t *Telemetry) Observe(o *server.Observation) {
	span := t.spans.observe(o)
	t.decisions.count(o, span)
	if o.Outcome == policy.Denied && !o.Late {
		now := time.Now()
		t.denied.add(o, now)
		t.top.add(o.Tenant, now)
	}
	t.log.observe(o, span)
}

// Denied reports whether an origin is among the frequent refusals of a tenant.
func (t *Telemetry) Denied(tenantID, origin string) bool { return t.denied.has(tenantID, origin) }

// collect shows everything but histograms to a collection.
func (t *Telemetry) collect(o metric.Observer, in *instruments) {
	d := t.decisions
	for name, c := range map[string]*counter{
		"cors.decisions": d.total, "cors.policy.source.decisions": d.sources, "cors.shadow.decisions": d.shadows,
		"cors.regression.denials": d.regressions, "cors.upstream.conflicts": d.conflicts, "cors.reply.rejected": d.rejected,
		"cors.panics": d.panics, "cors.spans.dropped": t.spans.dropped,
		"cors.rum.requests": t.rum.requests, "cors.rum.reports": t.rum.reports, "cors.rum.exposed_missing": t.rum.exposed,
	} {
		in.counter(o, name, c)
	}
	t.log.observeLost(o, in, t.cfg.LogLost)
	t.top.observe(o, in.whole["cors.tenant.denials.topk"])
	o.ObserveInt64(in.whole["cors.build.info"], 1, metric.WithAttributes(attribute.String("version", t.cfg.Version)))
	if t.cfg.Streams != nil {
		in.cells(o, "cors.streams.active", int64(t.cfg.Streams()))
	}
	if t.cfg.Networks != nil {
		in.cells(o, "cors.rum.networks", int64(t.cfg.Networks()))
	}
	if t.cfg.Figures != nil {
		f := t.cfg.Figures()
		f.observe(o, in)
	}
	observeProcess(o, in)
}
