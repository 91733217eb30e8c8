package document_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// storedDocument is what a store holds for tenant number i: two hosts and eight origins.
func storedDocument(i int) (id string, data []byte) {
	id = fmt.Sprintf("tenant-%06d", i)
	var origins []string
	for _, name := range []string{"app", "www", "admin", "shop", "staging", "preview", "mobile"} {
		origins = append(origins, fmt.Sprintf("%q", "https://"+name+"."+id+".example"))
	}
	origins = append(origins, fmt.Sprintf("%q", "https://*."+id+".example"))
	return id, fmt.Appendf(nil, `{"id":%q,"hosts":["api.%s.example","*.cdn.%s.example"],"policy":{"origins":[%s],"methods":["GET","PUT","DELETE"],`+
		`"request_headers":["content-type","authorization"],"expose_headers":["x-request-id"],"credentials":true,"max_age":"600s"},`+
		`"revision":"12","updated_at":"2026-11-23T09:00:00Z","updated_by":"deploy"}`, id, id, id, strings.Join(origins, ","))
}

func BenchmarkParseStored(b *testing.B) {
	id, data := storedDocument(7)
	for _, bb := range []struct {
		name string
		data []byte
	}{
		{"plain", data},
		{"unusual", append(slices.Clip(data), "# a comment, as YAML has them\n"...)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.data)))
			for b.Loop() {
				if s := document.ParseStored(id, bb.data); s.Problems != nil {
					b.Fatal(s.Problems)
				}
			}
		})
	}
}

// boundBytes is what a tenant keeps in memory, ready to serve, without an index.
func boundBytes(tb testing.TB, tenants int) float64 {
	tb.Helper()
	entries := make([]*tenant.Record, tenants)
	before := liveBytes()
	for i := range entries {
		id, data := storedDocument(i)
		s := document.ParseStored(id, data)
		if s.Problems != nil {
			tb.Fatal(s.Problems)
		}
		entries[i] = s.Record
	}
	after := liveBytes()
	runtime.KeepAlive(entries)
	return (float64(after) - float64(before)) / float64(tenants)
}

func liveBytes() uint64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkBoundTenant(b *testing.B) {
	const tenants = 20_000
	live := 0.0
	for b.Loop() {
		live = boundBytes(b, tenants)
	}
	b.ReportMetric(live, "live-B/tenant")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/tenants, "us/tenant")
}

// TestBoundTenantsAreSmall: 100,000 of them, an index and as much garbage have to fit into 300 MB.
func TestBoundTenantsAreSmall(t *testing.T) {
	if live := boundBytes(t, 5000); live > 800 {
		t.Errorf("%.0f bytes a tenant, want at most 800", live)
	}
}
