// Package seed fills a Redis with tenants as a foreign program would, for benchmarks.
package seed

import (
	"context"
	"fmt"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// Tenant is what is written of one tenant.
type Tenant struct {
	ID, Host string
	Document []byte
}

// batch is how many tenants are sent at once.
const batch = 1000

// Fill writes tenants 0 to n-1 below the default prefix, and announces the last one only: nobody follows yet.
func Fill(ctx context.Context, s *redistest.Server, n int, tenant func(i int) Tenant) error {
	const prefix = redisstore.DefaultPrefix
	c := s.Admin()
	last := ""
	for from := 0; from < n; from += batch {
		pipe := c.Pipeline()
		for i := from; i < min(from+batch, n); i++ {
			t := tenant(i)
			pipe.Set(ctx, prefix+"tenant:"+t.ID, t.Document, 0)
			pipe.Set(ctx, prefix+"host:"+t.Host, t.ID, 0)
			last = t.ID
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("filling the registry: %w", err)
		}
	}
	pipe := c.Pipeline()
	pipe.Do(ctx, "XADD", prefix+"changes", "*", "tenant", last, "kind", "apply")
	pipe.HSet(ctx, prefix+"meta", "epoch", "bench", "schema", "1")
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("announcing the registry: %w", err)
	}
	return nil
}
