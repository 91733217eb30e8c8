package redisstore_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// BenchmarkDocuments reads 100,000 documents of about 600 bytes, 500 in a round trip.
func BenchmarkDocuments(b *testing.B) {
	const all, batch = 100_000, 500
	server := redistest.Start(b, redistest.Options{})
	ids := make([]string, all)
	pipe := server.Admin().Pipeline()
	for i := range ids {
		ids[i] = fmt.Sprintf("t%d", i)
		pipe.Set(b.Context(), prefix+"tenant:"+ids[i], fmt.Sprintf(`{"id":%q,"hosts":["%s.example"],"labels":{"x":"%0530d"},"policy":{},"revision":"1"}`, ids[i], ids[i], i), 0)
		if i%batch == batch-1 {
			if _, err := pipe.Exec(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Addr()}, Timeout: 10 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		for at := 0; at < all; at += batch {
			docs, err := s.Documents(b.Context(), ids[at:at+batch])
			if err != nil || docs.All[batch-1].Data == nil {
				b.Fatal(err)
			}
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/1e6, "MB/op")
}
