package decision

import (
	"runtime"
	"testing"
)

// measure runs f again and again. Beside the time that passes it reports the processor's, which does not
// grow when other programs want the processor too: on a busy machine cpu-ns/op is the
// figure to read.
func measure(b *testing.B, f func()) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	before, ok := threadTime()
	for b.Loop() {
		f()
	}
	if after, _ := threadTime(); ok {
		b.ReportMetric(float64(after-before)/float64(b.N), "cpu-ns/op")
	}
}
