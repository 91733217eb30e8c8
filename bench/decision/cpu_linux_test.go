package decision

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is how long this thread has had a processor.
func threadTime() (used time.Duration, ok bool) {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}
