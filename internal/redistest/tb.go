package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// TB is what the harness needs of a test. [testing.TB] is one, [Run] makes one for programs.
type TB interface {
	// Helper as in [testing.TB], and so the others.
	Helper()
	Context() context.Context
	Cleanup(f func())
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Run calls f outside of a test, in a goroutine of its own, and cleans up when
// f has returned. The error is what f, or something that f called, failed with.
func Run(ctx context.Context, f func(tb TB)) error {
	r := &run{ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.cleanup()
		f(r)
	}()
	<-done
	return errors.Join(r.failures...)
}

// run is a TB for one call of Run; it belongs to the goroutine of f.
type run struct {
	ctx      context.Context //nolint:containedctx // it is what Context is asked for
	cleanups []func()
	failures []error
}

// Helper does nothing: there are no lines of a test to name.
func (r *run) Helper() {}

// Context is that of Run.
func (r *run) Context() context.Context { return r.ctx }

// Cleanup has f called when the function that Run was given has returned.
func (r *run) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// Logf says nothing: what a program prints is its own affair.
func (r *run) Logf(string, ...any) {}

// Fatalf ends the goroutine and has Run return the error.
func (r *run) Fatalf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Errorf(format, args...))
	runtime.Goexit()
}

// Skipf fails: a program cannot go on without what a test could be skipped for.
func (r *run) Skipf(format string, args ...any) { r.Fatalf(format, args...) }

func (r *run) cleanup() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}

// requireRedis is the variable that turns a missing redis-server from a reason
// to skip into a failure.
const requireRedis = "CORSGATE_REQUIRE_REDIS"

// find looks for a program on the PATH.
func find(tb TB, program string) string {
	tb.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv(requireRedis) != "":
		tb.Fatalf("%v, and %s is set; install it, for example by tools/apt-packages.sh", err, requireRedis)
	default:
		tb.Skipf("%v; install it, for example by tools/apt-packages.sh", err)
	}
	return path
}

const (
	// patience bounds every wait for a condition.
	patience = 20 * time.Second
	// pollEvery is the pause between two looks at a condition.
	pollEvery = 5 * time.Millisecond
)

// await looks at a condition until it holds, that is, until it gives nil.
func await(tb TB, what string, condition func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := poll(ctx, condition); err != nil {
		tb.Fatalf("waiting until %s: %v", what, err)
	}
}

// errGiveUp marks errors that waiting does not mend.
var errGiveUp = errors.New("no use to wait")

func poll(ctx context.Context, condition func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := condition(ctx)
		if err == nil || errors.Is(err, errGiveUp) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// tail is the end of a log.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
