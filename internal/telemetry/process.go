package telemetry

import (
	"context"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// observeProcess shows what the kernel and the Go runtime say of the process.
func observeProcess(o metric.Observer, in *instruments) {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/gc/gomemlimit:bytes"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
	}
	metrics.Read(samples)
	if v := samples[0].Value; v.Kind() == metrics.KindUint64 {
		in.cells(o, "go.goroutines", clamp(v.Uint64()))
	}
	if v := samples[1].Value; v.Kind() == metrics.KindUint64 && v.Uint64() < math.MaxInt64 {
		in.cells(o, "go.memory.limit", clamp(v.Uint64())) // without a limit there is nothing to compare with
	}
	if v := samples[2].Value; v.Kind() == metrics.KindFloat64 {
		in.seconds(o, "go.gc.cpu", v.Float64())
	}
	if n := residentMemory(); n > 0 {
		in.cells(o, "process.resident_memory", n)
	}
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
		in.seconds(o, "process.cpu", time.Duration(used.Utime.Nano()+used.Stime.Nano()).Seconds())
	}
}

func clamp(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// residentMemory reads what the kernel says, or returns 0 where it says nothing.
func residentMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// stallTick is the interval of the timer whose lateness is measured.
const stallTick = 100 * time.Millisecond

// watchStalls measures how late a timer fires, until ctx ends.
func watchStalls(ctx context.Context, stalls metric.Float64Histogram) {
	timer := time.NewTimer(stallTick)
	defer timer.Stop()
	for {
		due := time.Now().Add(stallTick)
		timer.Reset(stallTick)
		select {
		case <-timer.C:
			stalls.Record(ctx, max(0, time.Since(due).Seconds()))
		case <-ctx.Done():
			return
		}
	}
}
