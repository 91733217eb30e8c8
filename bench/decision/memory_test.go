package decision

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// live is what is in use after all garbage is gone.
func live() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// weight is what a registry of p holds, and how long it took to make.
type weight struct {
	bytes int64
	took  time.Duration
}

// snapshotWeight does not count the text of the documents.
func (p population) snapshotWeight(tb testing.TB) weight {
	tb.Helper()
	documents := p.documents()
	before := live()
	start := time.Now()
	s := snapshotOf(tb, documents)
	w := weight{took: time.Since(start)}
	w.bytes = live() - before
	runtime.KeepAlive(s)
	runtime.KeepAlive(documents)
	return w
}

// replicaWeight does not count the store that is copied.
func (p population) replicaWeight(tb testing.TB) weight {
	tb.Helper()
	s := storeOf(p.documents())
	before := live()
	start := time.Now()
	r, stop := replicaOf(tb, s)
	w := weight{took: time.Since(start)}
	w.bytes = live() - before
	stop()
	runtime.KeepAlive(r)
	runtime.KeepAlive(s)
	return w
}

// BenchmarkMemory is what tenants weigh that are asleep: documents compiled, indexed and ready to serve,
// and no reply encoded for them yet. The text of the documents is not in it, nor garbage: a
// process has up to as much again, as GOGC says. The largest needs some gigabytes itself.
func BenchmarkMemory(b *testing.B) {
	for _, tenants := range []int{1000, 100_000} {
		for _, origins := range []int{1, 5, 100} {
			p := population{tenants: tenants, origins: origins}
			for _, m := range []struct {
				impl  string
				weigh func(testing.TB) weight
			}{{"snapshot", p.snapshotWeight}, {"replica", p.replicaWeight}} {
				b.Run(fmt.Sprintf("tenants=%d/origins=%d/impl=%s", tenants, origins, m.impl), func(b *testing.B) {
					var sum weight
					n := 0
					for b.Loop() {
						w := m.weigh(b)
						sum.bytes += w.bytes
						sum.took += w.took
						n += tenants
					}
					b.ReportMetric(0, "ns/op") // most of it is writing documents and collecting garbage
					b.ReportMetric(float64(sum.bytes)/float64(n), "B/tenant")
					b.ReportMetric(float64(sum.took.Nanoseconds())/float64(n), "ns/tenant")
				})
			}
		}
	}
}
