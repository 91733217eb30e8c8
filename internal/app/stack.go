package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// unwind runs and forgets all steps, whatever fails on the way. That parent has ended
// is the reason to be here, so it ends no step.
func (s *stack) unwind(parent context.Context) error {
	var failed error
	for _, next := range slices.Backward(s.steps) {
		began := time.Now()
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(parent), next.bound,
			fmt.Errorf("%s took longer than %s", next.name, next.bound))
		err := next.run(ctx)
		cancel()
		attrs := []any{"step", next.name, "took", time.Since(began).Round(time.Millisecond).String()}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", next.name, err))
			s.log.ErrorContext(ctx, "stopping step failed", append(attrs, "error", err)...)
			continue
		}
		s.log.InfoContext(ctx, "stopping step done", attrs...)
	}
	s.steps = nil
	return failed
}
