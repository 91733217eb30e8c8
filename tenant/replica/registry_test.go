package replica_test

import (
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// patience is how long anything may take here: how long it may in service is another matter.
const patience = 10 * time.Second

// until waits for a condition, in real time.
func until(tb testing.TB, ok func() bool) {
	tb.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatal("it did not happen")
		}
	}
}

// following runs a replica until the test ends, and waits until it follows its store.
func following(t *testing.T, opt replica.Options) *replica.Replica {
	t.Helper()
	opt.ReadTimeout = patience
	r, stop := run(t, opt)
	t.Cleanup(stop)
	until(t, func() bool { s := r.Status(); return s.Ready && s.Following })
	return r
}

func TestIsARegistry(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, docs ...tenanttest.Document) tenant.Registry {
		s := storetest.NewMemory()
		for _, d := range docs {
			s.Put(d.ID, []byte(d.Text), d.Hosts...)
			s.Announce(d.ID, store.KindApply, 0)
		}
		return following(t, replica.Options{Source: s})
	}
	tenanttest.RunRegistry(t, open)
	t.Run("stored", func(t *testing.T) { tenanttest.RunStored(t, open) })
}

func TestOnRedisIsARegistry(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	open := func(t *testing.T, docs ...tenanttest.Document) tenant.Registry {
		server.Do("FLUSHALL")
		for _, d := range docs {
			write(server, d.ID, d.Text)
		}
		return following(t, replica.Options{Source: redis(t, server)})
	}
	tenanttest.RunRegistry(t, open)
	t.Run("stored", func(t *testing.T) { tenanttest.RunStored(t, open) })
}

// write writes a document as a writer in any language does it.
func write(server *redistest.Server, id, text string) {
	server.Do("SET", redisstore.DefaultPrefix+"tenant:"+id, text)
	server.Do("XADD", redisstore.DefaultPrefix+"changes", "*", "tenant", id, "kind", "apply")
}

func redis(t *testing.T, server *redistest.Server) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Addr()}, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
