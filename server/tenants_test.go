package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestTenantsDoNotBleed interleaves decisions of many tenants on many goroutines. Every
// value of a tenant's policy holds its name; no reply may hold a neighbour's.
func TestTenantsDoNotBleed(t *testing.T) {
	t.Parallel()
	const tenants, workers, rounds = 200, 8, 150
	var documents []string
	for i := range tenants {
		documents = append(documents, fmt.Sprintf(`{"id": "marker%03d", "hosts": ["marker%03d.example"], "policy": {
			"origins": ["https://app.marker%03d.example", "https://*.shared.example"], "request_headers": ["x-marker%03d"],
			"expose_headers": ["x-marker%03d"], "credentials": true}}`, i, i, i, i, i))
	}
	svc := service(t, snapshot(t, documents...), nil)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for n := range rounds {
				i := (n*7919 + w*104729) % tenants
				marker := fmt.Sprintf("marker%03d", i)
				origins := []string{"https://app." + marker + ".example", "https://one.shared.example", "https://evil.example"}
				origin := origins[n%len(origins)]
				r := get(marker+".example", origin)
				p := preflight(marker+".example", origin, "GET")
				for _, s := range []*script{
					play(t.Context(), request(r), response([2]string{"vary", "accept"})),
					play(t.Context(), request(r), response()),
					play(t.Context(), only(r)),
					play(t.Context(), request(p)),
				} {
					if err := svc.Process(s); err != nil {
						t.Error(err)
					}
					all := string(slices.Concat(s.replies...))
					if !strings.Contains(all, marker) || strings.Count(all, "marker") != strings.Count(all, marker) {
						t.Errorf("reply for %s: %q", marker, all)
					}
				}
			}
		})
	}
	group.Wait()
}

// TestHostileSizes: what a client can send large is bounded work and is refused.
func TestHostileSizes(t *testing.T) {
	t.Parallel()
	svc := service(t, snapshot(t, acme), nil)
	long := preflight("api.acme.example", "https://app.acme.example", "PUT")
	long.Headers = append(long.Headers, [2]string{"access-control-request-headers", strings.Repeat("x-a,", 15<<10)})
	many := preflight("api.acme.example", "https://app.acme.example", "PUT")
	for range 5000 {
		many.Headers = append(many.Headers, [2]string{"access-control-request-headers", "x-acme"})
	}
	for _, tt := range []struct {
		in   *message
		want string
	}{
		{request(long), "headers_oversize"},
		{request(many), "headers_oversize"},
		{request(get("api.acme.example", "https://"+strings.Repeat("a", 9<<10))), "origin_malformed"},
	} {
		s := play(t.Context(), tt.in)
		if err := svc.Process(s); err != nil {
			t.Fatal(err)
		}
		if got := s.reasonOf(t, 0); got != tt.want {
			t.Errorf("reason: got %s, want %s", got, tt.want)
		}
		if found := s.grantsIn(t); found != nil {
			t.Errorf("granted %.100v", found)
		}
	}
}
