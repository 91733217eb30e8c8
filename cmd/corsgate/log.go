package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/grpclog"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/linequeue"
)

// flushBound is how long the end of a process waits for readers of its output.
const flushBound = time.Second

// handlerFor writes records of the log to w in a form.
type handlerFor func(w io.Writer) slog.Handler

// lostLines writes to w how many lines of the log were lost.
func (h handlerFor) lostLines(w io.Writer, lost int64) error {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were lost", 0)
	r.AddAttrs(slog.Int64("lines", lost))
	return h(w).Handle(context.Background(), r)
}

// unread runs a command that goes on until it is told to stop, with a queue in place of standard error: nobody need read
// it. The error of the command is written there, too.
func (p *program) unread(ctx context.Context, form handlerFor, command func(p *program, stderr *linequeue.Queue) error) error {
	stderr := linequeue.New(p.stderr, form.lostLines)
	queued := *p
	queued.stderr = stderr
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var writing sync.WaitGroup
	writing.Go(func() { stderr.Run(ctx, flushBound) })
	err := command(&queued, stderr)
	if _, ok := errors.AsType[*exit](err); err != nil && !ok {
		fmt.Fprintf(stderr, "corsgate: %v\n", err)
		err = &exit{code: exitFailed}
	}
	stop()
	writing.Wait()
	return err
}

// logHandler is the form of the log of serve, as configured; config admits no other words.
func logHandler(s config.Serve) handlerFor {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	options := &slog.HandlerOptions{Level: levels[s.LogLevel]}
	return func(w io.Writer) slog.Handler {
		if s.LogFormat == "text" {
			return slog.NewTextHandler(w, options)
		}
		return slog.NewJSONHandler(w, options)
	}
}

// logLibraries takes to log what libraries would write to standard error themselves. Each of them has one log for all of
// the process, which has to be set before it is used. The client of Redis has none: redisstore turns it off.
func logLibraries(log *slog.Logger, environ []string) {
	slog.SetDefault(log)                                               // takes the log of package log, too
	lines := slog.NewLogLogger(log.Handler(), slog.LevelWarn).Writer() //nolint:forbidigo // gRPC takes nothing but writers
	grpclog.SetLoggerV2(grpcLog(lines, environ))
}

// grpcLog writes what gRPC logs to w, from the severity on that gRPC's own variable names: errors by default.
func grpcLog(w io.Writer, environ []string) grpclog.LoggerV2 {
	const variable = "GRPC_GO_LOG_SEVERITY_LEVEL="
	switch {
	case slices.Contains(environ, variable+"info"), slices.Contains(environ, variable+"INFO"):
		return grpclog.NewLoggerV2(w, io.Discard, io.Discard)
	case slices.Contains(environ, variable+"warning"), slices.Contains(environ, variable+"WARNING"):
		return grpclog.NewLoggerV2(io.Discard, w, io.Discard)
	}
	return grpclog.NewLoggerV2(io.Discard, io.Discard, w)
}

// surviveSignals keeps the process alive when the reader of its output goes away (SIGPIPE), or its terminal (SIGHUP, which
// is also sent to daemons that are to read their files again: these are followed anyway). The result ends that.
func surviveSignals(log *slog.Logger) (stop func()) {
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var waiting sync.WaitGroup
	done := make(chan struct{})
	waiting.Go(func() {
		for {
			select {
			case <-hangups:
				log.Info("SIGHUP is ignored: documents, certificates and passwords are read again as they change")
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done) // SIGHUP is caught until the process ends
		waiting.Wait()
	}
}
