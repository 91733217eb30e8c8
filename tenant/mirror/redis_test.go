package mirror_test

import (
	"testing"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

func TestMirrorOfRedisIsARegistry(t *testing.T) {
	t.Parallel()
	const prefix = redisstore.DefaultPrefix
	for name, lazy := range map[string]bool{"whole": false, "lazy": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, redistest.Options{})
			open := func(t *testing.T, docs ...tenanttest.Document) tenant.Registry {
				server.Do("FLUSHALL")
				for _, d := range docs { // as a writer in any language does it
					server.Do("SET", prefix+"tenant:"+d.ID, d.Text)
					for _, host := range d.Hosts {
						server.Do("SET", prefix+"host:"+host, d.ID)
					}
					server.Do("XADD", prefix+"changes", "*", "tenant", d.ID, "kind", "apply")
				}
				s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Addr()}, Timeout: patience})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				m := start(t, mirror.Options{Reader: s, Lazy: lazy, LookupBudget: patience, LoadTimeout: patience})
				untilReady(t, m)
				return m
			}
			tenanttest.RunRegistry(t, open)
			t.Run("stored", func(t *testing.T) { tenanttest.RunStored(t, open) })
		})
	}
}
