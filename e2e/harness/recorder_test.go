package harness_test

import (
	"fmt"
	"runtime"
	"testing"
)

// recorder notes a fatal failure instead of failing its test.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Helper() {}

// Fatalf ends the goroutine, as that of testing does.
func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
