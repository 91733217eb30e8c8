package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUnwind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := stack{log: slog.New(slog.NewTextHandler(&log, nil))}
		var order []string
		broken := errors.New("broken")
		s.push(step{"opened first", time.Second, func(context.Context) error {
			order = append(order, "first")
			return nil
		}})
		s.push(step{"breaks", time.Second, func(context.Context) error {
			order = append(order, "breaks")
			return broken
		}})
		s.push(step{"hangs", time.Minute, func(ctx context.Context) error {
			order = append(order, "hangs")
			<-ctx.Done()
			return context.Cause(ctx)
		}})
		ended, cancel := context.WithCancel(t.Context())
		cancel() // that it has ended must not end the steps
		began := time.Now()
		err := s.unwind(ended)
		if diff := cmp.Diff([]string{"hangs", "breaks", "first"}, order); diff != "" {
			t.Errorf("steps:\n%s", diff)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %s, want the minute that the hanging step may take", took)
		}
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "hangs took longer than 1m0s") {
			t.Errorf("error %v, want both failures", err)
		}
		for _, name := range []string{"opened first", "breaks", "hangs"} {
			if !strings.Contains(log.String(), name) {
				t.Errorf("the log does not name %q:\n%s", name, log.String())
			}
		}
		if err := s.unwind(ended); err != nil {
			t.Errorf("unwinding again: %v, want nothing left to do", err)
		}
	})
}
