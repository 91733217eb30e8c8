package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/internal/app"
	"github.com/corsgate/corsgate/internal/config"
)

// readyLine is printed once, when the process serves; scripts wait for it.
const readyLine = "corsgate is ready"

func (p *program) serveCommand() *cobra.Command {
	var s config.Serve
	cmd := &cobra.Command{
		Use:   "serve {--tenants PATH | --redis URL} [flags]",
		Short: "Answer Envoy's external processing filter",
		Long: "Serves CORS decisions to Envoy over gRPC, with health beside them, and prints\n" +
			"\"" + readyLine + "\" once it does. Tenants are followed as they change, in files or in Redis; certificates are read again.\n" +
			"Redis need not be there: see --state-dir and --baseline.\n" +
			"SIGTERM or an interrupt drains and stops it; a second one ends it at once.\n\n" +
			"Settings: flag, then variable (--max-streams is CORSGATE_MAX_STREAMS), then the file of --config\n" +
			"(max_streams: 500), then the default. Unknown names are refused in all three. Spans and metrics are pushed to\n" +
			"where the variables of OpenTelemetry say (OTEL_EXPORTER_OTLP_ENDPOINT); without them nothing is.",
		Example: "  corsgate serve --tenants /etc/corsgate/tenants\n" +
			"  corsgate serve --tenants tenants.yaml --listen unix:/run/corsgate/cors.sock\n" +
			"  corsgate serve --redis rediss://redis.example --redis-username gateway --redis-password-file /run/secrets/redis \\\n" +
			"    --state-dir /var/lib/corsgate",
	}
	s.Bind(cmd.Flags())
	check := func(src config.Sources) config.Problems {
		return append(s.Check(src), s.Telemetry.Environment(p.environ)...)
	}
	return p.finish(leaf{cmd: cmd, check: check, run: func(ctx context.Context, _ []string) error {
		return p.serve(ctx, s)
	}})
}

func (p *program) serve(ctx context.Context, s config.Serve) error {
	log := newLog(p.stderr, s)
	limitMemory(ctx, p.environ, machineRoot(), log)
	untouched := headroom(p.environ)
	defer runtime.KeepAlive(untouched)
	a, err := app.New(ctx, s, log)
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	done := make(chan struct{})
	group.Go(func() error {
		defer close(done)
		return a.Run(ctx)
	})
	group.Go(func() error {
		select {
		case <-a.Ready():
			_, err := fmt.Fprintln(p.stdout, readyLine)
			return err
		case <-done:
			return nil
		}
	})
	return group.Wait()
}

// newLog is the log of the process, as configured; config admits no other words.
func newLog(w io.Writer, s config.Serve) *slog.Logger {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	options := &slog.HandlerOptions{Level: levels[s.LogLevel]}
	if s.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
