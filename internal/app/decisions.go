package app

import (
	"context"
	"log/slog"

	"github.com/corsgate/corsgate/server"
)

// decisionLog logs each decision at debug level, and nothing when that is off.
// It is the forerunner of telemetry: metrics and spans will be made of the same
// observations, which have no context; ctx serves all of them. Origin and host are what a client sent; slog's handlers escape them.
func decisionLog(ctx context.Context, log *slog.Logger) func(server.Observation) {
	return func(o server.Observation) {
		if !log.Enabled(ctx, slog.LevelDebug) {
			return
		}
		log.LogAttrs(ctx, slog.LevelDebug, "decision",
			slog.String("tenant", o.Tenant),
			slog.String("kind", o.Kind.String()),
			slog.String("outcome", o.Outcome.String()),
			slog.String("reason", o.Reason.String()),
			slog.String("freshness", o.Freshness.String()),
			slog.String("phase", o.Phase.String()),
			slog.Bool("answered", o.Answered),
			slog.Bool("late", o.Late),
			slog.Int64("took_us", o.Duration.Microseconds()),
			slog.String("origin", o.Request.Origin),
			slog.String("host", o.Request.Authority),
		)
	}
}
