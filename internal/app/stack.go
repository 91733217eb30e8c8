package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// step is one named piece of the way out.
type step struct {
	name string
	// bound is the longest time that the step may take; its context ends then.
	bound time.Duration
	run   func(context.Context) error
}

// stack holds steps; the last one pushed runs first, like defer, but named, bounded and logged.
type stack struct {
	log   *slog.Logger
	steps []step
}

func (s *stack) push(next step) { s.steps = append(s.steps, next) }

// unwind runs and forgets all steps, whatever fails on the way. Each step gets a
// context of its own: the one that ended the process is over already.
func (s *stack) unwind() error {
	var failed error
	for i := len(s.steps) - 1; i >= 0; i-- {
		next := s.steps[i]
		began := time.Now()
		ctx, cancel := context.WithTimeoutCause(context.Background(), next.bound,
			fmt.Errorf("%s took longer than %s", next.name, next.bound))
		err := next.run(ctx)
		cancel()
		attrs := []any{"step", next.name, "took", time.Since(began).Round(time.Millisecond)}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", next.name, err))
			s.log.Error("stopping step failed", append(attrs, "error", err)...)
			continue
		}
		s.log.Info("stopping step done", attrs...)
	}
	s.steps = nil
	return failed
}
