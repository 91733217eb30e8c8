package app

import (
	"math"
	"runtime/debug"
)

const (
	// streamBytes is what an open stream takes, measured.
	streamBytes = 14 << 10
	// streamShare of the memory limit is for streams.
	streamShare = 4
	// maxStreams bounds them where there is much memory, or no limit.
	maxStreams = 100_000
	// documentShare of the memory limit is for the texts of tenant documents: compiled they take 1.6 to 2.3 times as
	// much, and as much again while all of them are replaced at once. With the streams, the texts that are being
	// read and the program itself, that is still less than the limit.
	documentShare = 8
)

// memoryLimit is what the Go runtime may use, in bytes; 0 without a limit.
func memoryLimit() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	return 0
}

// memoryBudget bounds the texts of the tenant documents in memory, in bytes; 0 does not.
func memoryBudget() int64 { return memoryLimit() / documentShare }

// streamLimit is how many requests may be in flight: those that are configured, or what memory has room for.
func streamLimit(configured int) int {
	if configured > 0 {
		return configured
	}
	if limit := memoryLimit(); limit > 0 {
		return int(min(maxStreams, max(limit/streamShare/streamBytes, 100)))
	}
	return maxStreams
}
