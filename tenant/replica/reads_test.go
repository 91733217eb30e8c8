package replica_test

import (
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestReadsOfAnIdleReplica: what one replica asks a store for in an hour in which nothing changes. Lookups make no
// difference.
func TestReadsOfAnIdleReplica(t *testing.T) {
	const tenants = 10_000
	bounds := map[storetest.Op][2]int{
		// Every 500 ms, and after each page of a reading of everything.
		storetest.OpChanges: {7200, 8000},
		// Every 5 s.
		storetest.OpHead: {700, 730},
		// Every 15 min, so three to five times; a page has at most 100 here, since that many ids come at once.
		storetest.OpDocuments: {3 * tenants / 100, 5 * tenants / 100},
		storetest.OpIDs:       {3, 5},
		// Before each page counts.
		storetest.OpHasChange: {3 * tenants / 100, 5 * tenants / 100},
		storetest.OpOwners:    {0, 0},
	}
	scene(t, replica.Options{}, func(w *world) {
		w.signed()
		docs := many(tenants)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		for _, lookups := range []int{0, 1000} {
			before := make(map[storetest.Op]int)
			for op := range bounds {
				before[op] = w.Calls(op)
			}
			for range 60 {
				step(time.Minute)
				for i := range lookups {
					w.want(docs[i].hosts[0], "live v1")
					w.want("nobody.example", "unknown")
				}
			}
			for op, bound := range bounds {
				n := w.Calls(op) - before[op]
				t.Logf("with %d lookups a minute: %d %s", 2*lookups, n, op)
				if n < bound[0] || n > bound[1] {
					w.t.Errorf("with %d lookups a minute %d times %s in an hour, want %d to %d", 2*lookups, n, op, bound[0], bound[1])
				}
			}
		}
	})
}
