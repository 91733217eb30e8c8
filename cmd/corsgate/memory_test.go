package main

import (
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
)

func TestLimitMemory(t *testing.T) {
	const group = 100_000_000_000
	root := func(limit string) fstest.MapFS {
		return fstest.MapFS{"proc/self/cgroup": {Data: []byte("0::/\n")}, "sys/fs/cgroup/memory.max": {Data: []byte(limit)}}
	}
	tests := []struct {
		name    string
		environ []string
		limit   string
		want    int64
		says    string
	}{
		{"nine tenths of the control group's", nil, "100000000000", group * 9 / 10, `memory_limit_from="control group"`},
		{"no limit", nil, "max", math.MaxInt64, "memory_limit_from=none"},
		{"the operator's word counts", []string{"GOMEMLIMIT=off"}, "100000000000", math.MaxInt64, "memory_limit_from=GOMEMLIMIT"},
		{"a file of no form", nil, "much", math.MaxInt64, "set GOMEMLIMIT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := debug.SetMemoryLimit(math.MaxInt64)
			t.Cleanup(func() { debug.SetMemoryLimit(before) })
			var log strings.Builder
			limitMemory(t.Context(), tt.environ, root(tt.limit), slog.New(slog.NewTextHandler(&log, nil)))
			if got := debug.SetMemoryLimit(-1); got != tt.want {
				t.Errorf("the limit is %d, want %d", got, tt.want)
			}
			if !strings.Contains(log.String(), tt.says) || !strings.Contains(log.String(), "processors=") {
				t.Errorf("the log lacks %q: %s", tt.says, log.String())
			}
		})
	}
}

// TestHeadroom: collections are rare while the heap is small, and a small limit is not filled with nothing.
func TestHeadroom(t *testing.T) {
	for _, tt := range []struct {
		name    string
		environ []string
		limit   int64
		want    int
	}{
		{"no limit", nil, math.MaxInt64, maxHeadroom},
		{"a small limit", nil, 64 << 20, 8 << 20},
		{"the operator's word counts", []string{"GOGC=50"}, math.MaxInt64, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := debug.SetMemoryLimit(tt.limit)
			t.Cleanup(func() { debug.SetMemoryLimit(before) })
			if got := len(headroom(tt.environ)); got != tt.want {
				t.Errorf("%d bytes, want %d", got, tt.want)
			}
		})
	}
	untouched := headroom(nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 8 << 10 { // 16 MiB
		garbage = make([]byte, 2<<10)
	}
	runtime.ReadMemStats(&after)
	if n := after.NumGC - before.NumGC; n > 0 {
		t.Errorf("%d collections of 16 MiB of garbage", n)
	}
	runtime.KeepAlive(untouched)
}

// garbage keeps an allocation from the stack.
var garbage []byte
