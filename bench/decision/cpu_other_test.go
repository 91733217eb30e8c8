//go:build !linux

package decision

import "time"

// threadTime is not known here.
func threadTime() (used time.Duration, ok bool) { return 0, false }
