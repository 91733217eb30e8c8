package cputime

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Of is the processor time of a process so far, of all its threads, living and dead.
func Of(pid int) (time.Duration, error) {
	// The clock of another process, as clock_getcpuclockid(3) makes its id.
	clock := int32(^pid)<<3 | 2
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}
