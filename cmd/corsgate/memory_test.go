package main

import (
	"log/slog"
	"math"
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
