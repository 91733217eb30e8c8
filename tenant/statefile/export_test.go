package statefile

import (
	"errors"
	"testing"
)

// Before makes f call fn before each step on disk; an error fails the step.
func (f *File) Before(fn func(step string) error) { f.before = fn }

// RewriteFrom sets the least growth of a log that is rewritten.
func (f *File) RewriteFrom(size int64) { f.rewriteFrom = size }

// What the tests know of the format.
const (
	LogName   = logName
	TempName  = tempName
	MaxPause  = maxPause
	LockRetry = lockRetry
	GroupSize = groupSize
)

// CompactNow opens the log, makes it anew, and closes it.
func (f *File) CompactNow(tb testing.TB) {
	tb.Helper()
	ctx := tb.Context()
	defer f.close()
	if err := errors.Join(f.acquire(), f.open(ctx), f.renew(ctx)); err != nil {
		tb.Fatal(err)
	}
}

// HeaderLen is where the records begin.
func HeaderLen(identity string) int { return len(appendHeader(nil, identity, 0)) }

// AppendRecord makes of b a record with a good checksum.
func AppendRecord(log, b []byte) []byte {
	if len(b) < 2 {
		return log
	}
	id := min(int(b[1]), len(b)-2)
	return appendRecord(log, b[0], string(b[2:2+id]), b[2+id:])
}
