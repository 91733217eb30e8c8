package main

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/internal/cgroup"
)

// heapLimit is the limit for the Go runtime under a limit of the control group, in bytes: the
// rest is for what the runtime does not count.
func heapLimit(group int64) int64 { return group / 10 * 9 }

// limitMemory makes the garbage collector work harder before the kernel ends the
// process, unless GOMEMLIMIT says what to do, and logs what the process has.
func limitMemory(ctx context.Context, environ []string, root fs.FS, log *slog.Logger) {
	source := "GOMEMLIMIT"
	if !isSet(environ, "GOMEMLIMIT") {
		group, err := cgroup.MemoryLimit(root)
		switch {
		case err != nil:
			log.WarnContext(ctx, "the memory limit of the control group is unknown; set GOMEMLIMIT", "error", err)
			source = "none"
		case group == 0:
			source = "none"
		default:
			source = "control group"
			debug.SetMemoryLimit(heapLimit(group))
		}
	}
	log.InfoContext(ctx, "resources", "processors", runtime.GOMAXPROCS(0), "memory_limit", debug.SetMemoryLimit(-1), "memory_limit_from", source)
}

// Bounds of [headroom], in bytes.
const (
	maxHeadroom = 32 << 20
	// headroomShare of the memory limit is the most that it may take.
	headroomShare = 8
)

// headroom returns memory that is counted, but never touched and so never taken from the machine. Keep it alive. The
// runtime collects garbage when there is as much of it as there is live memory; the live heap of a small
// registry is a few megabytes, and collecting some times a second was 7 % of the processor time. There is none when
// GOGC says when to collect.
func headroom(environ []string) []byte {
	if isSet(environ, "GOGC") {
		return nil
	}
	return make([]byte, min(maxHeadroom, debug.SetMemoryLimit(-1)/headroomShare))
}

// isSet reports whether a variable of the environment is there, empty or not.
func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// machineRoot is where the files about the control group are.
func machineRoot() fs.FS { return os.DirFS("/") }
