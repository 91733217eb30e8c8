package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/internal/app"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/linequeue"
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
			"SIGTERM or an interrupt drains and stops it; a second one ends it at once. SIGHUP is ignored, and said so in the log:\n" +
			"it goes on when its terminal, or whoever reads its output, goes away.\n\n" +
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
		return p.unread(ctx, logHandler(s), func(p *program, stderr *linequeue.Queue) error {
			return p.serve(ctx, s, stderr.Lost)
		})
	}})
}

func (p *program) serve(ctx context.Context, s config.Serve, lost func() (dropped, failed int64)) error {
	log := slog.New(logHandler(s)(p.stderr))
	logLibraries(log, p.environ)
	defer surviveSignals(log)()
	limitMemory(ctx, p.environ, machineRoot(), log)
	untouched := headroom(p.environ)
	defer runtime.KeepAlive(untouched)
	a, err := app.New(ctx, s, app.Log{Logger: log, Lost: lost})
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	done := make(chan struct{})
	group.Go(func() error {
		defer close(done)
		return a.Run(ctx)
	})
	stdout := linequeue.New(p.stdout, nil) // nobody need read that either
	group.Go(func() error {
		stdout.Run(ctx, flushBound)
		return nil
	})
	group.Go(func() error {
		select {
		case <-a.Ready():
			fmt.Fprintln(stdout, readyLine)
		case <-done:
		}
		return nil
	})
	return group.Wait()
}
