package redisstore_test

import (
	"fmt"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// BenchmarkApply says how long a change of many documents takes, how much of that is the transaction,
// and for how long Redis served nobody else.
func BenchmarkApply(b *testing.B) {
	exec := regexp.MustCompile(`cmdstat_exec:calls=\d+,usec=(\d+)`)
	for _, n := range []int{1, 100, 300, 1000, store.MaxEdits} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			server := redistest.Start(b, redistest.Options{})
			s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Addr()}})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			edits := make([]store.Edit, n)
			for i := range edits {
				edits[i] = put(0, fmt.Sprintf("t%d", i), fmt.Sprintf("t%d.example", i), fmt.Sprintf("*.t%d.example", i))
				for j := range 8 {
					edits[i].Tenant.Policy.Origins = append(edits[i].Tenant.Policy.Origins, fmt.Sprintf("https://app%d.customer%d.example", j, i))
				}
			}
			var longest atomic.Int64
			done := make(chan struct{})
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-done:
						return
					default:
					}
					begin := time.Now()
					server.Do("PING")
					longest.Store(max(longest.Load(), int64(time.Since(begin))))
				}
			}()
			revision := int64(0)
			for b.Loop() {
				for i := range edits {
					edits[i].Base = revision
				}
				if _, err := s.Apply(b.Context(), edits, ana()); err != nil {
					b.Fatal(err)
				}
				revision++
			}
			close(done)
			<-stopped
			usec, _ := strconv.ParseFloat(exec.FindStringSubmatch(fmt.Sprint(server.Do("INFO", "commandstats")))[1], 64)
			b.ReportMetric(usec/1000/float64(revision), "exec-ms/op")
			b.ReportMetric(float64(longest.Load())/1e6, "longest-stall-ms")
		})
	}
}
