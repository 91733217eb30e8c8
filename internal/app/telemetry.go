package app

import (
	"context"
	"fmt"
	"time"

	"github.com/corsgate/corsgate/internal/build"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// telemetryBound is how long the stop waits for a back end to take the last spans and metrics.
const telemetryBound = 3 * time.Second

// newTelemetry makes the telemetry of the process. The functions that it is given are called while it runs.
func (a *App) newTelemetry() (*telemetry.Telemetry, error) {
	t, err := telemetry.New(telemetry.Config{
		Version:   build.Read().Version,
		Tiers:     a.cfg.Telemetry.Tiers,
		Sampling:  sampling(&a.cfg.Telemetry),
		Origins:   a.cfg.Telemetry.Origins,
		Decisions: telemetry.ParseLogMode(a.cfg.Telemetry.DecisionLog),
		Traces:    telemetry.Protocol(a.cfg.Telemetry.OTLP.Traces),
		Metrics:   telemetry.Protocol(a.cfg.Telemetry.OTLP.Metrics),
		SpanQueue: a.cfg.Telemetry.OTLP.SpanQueue,
		Log:       a.log,
		LogLost:   a.lost,
		Explain:   a.explain,
		Streams:   func() int { return a.service.Active() },
		Networks:  a.networks,
		Figures:   func() telemetry.Figures { return a.registry.figures() },
	})
	if err != nil {
		return nil, fmt.Errorf("wiring the process: %w", err)
	}
	return t, nil
}

// sampling is what flags and environment say of spans.
func sampling(t *config.Telemetry) telemetry.Sampling {
	s := telemetry.DefaultSampling()
	s.Allowed, s.Denied = t.TraceAllowed, t.TraceDenied
	if by := t.OTLP.Sampler; by != nil {
		s = telemetry.Ratio(by.Ratio)
		s.Alone = by.Alone
	}
	s.PerSecond = t.MaxSpans
	return s
}

// explain says what a request would get now, and why.
func (a *App) explain(k tenant.Key, r *policy.Request) tenant.Explanation {
	now := *r
	now.Now = a.registry.Now().Unix()
	view := a.registry.Lookup(context.Background(), k)
	return view.Explain(&now, config.UnknownTenant(a.cfg.UnknownTenant))
}

// networks is how many networks browsers reported blocked requests from of late.
func (a *App) networks() int {
	if a.collector == nil {
		return 0
	}
	return a.collector.Networks()
}

// startTelemetry starts it, and has it stopped last of all.
func (a *App) startTelemetry(ctx context.Context) error {
	if err := a.telemetry.Start(ctx); err != nil {
		return err
	}
	a.stopping.push(step{"telemetry stopped", telemetryBound, func(ctx context.Context) error {
		a.telemetry.Stop(ctx)
		return nil
	}})
	return nil
}
