package redistest_test

import (
	"runtime"
	"testing"
)

// recorder notes how a test would have ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Fatalf(string, ...any) {
	r.ended = "failed"
	runtime.Goexit()
}

func (r *recorder) Skipf(string, ...any) {
	r.ended = "skipped"
	runtime.Goexit()
}
