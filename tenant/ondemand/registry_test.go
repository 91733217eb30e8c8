package ondemand_test

import (
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// patience is how long anything may take here: how long it may in service is another matter.
const patience = 10 * time.Second

// patient runs a registry until the test ends, and waits until it follows its store.
func patient(t *testing.T, opt ondemand.Options) *ondemand.Registry {
	t.Helper()
	opt.LookupBudget, opt.LoadTimeout = patience, patience
	r, stop := run(t, opt)
	t.Cleanup(stop)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s := r.Status(); !s.Ready || !s.Following; s = r.Status() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not ready: %+v", s)
		}
	}
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
		return patient(t, ondemand.Options{Source: s})
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
			write(server, d.ID, d.Text, d.Hosts...)
		}
		s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Addr()}, Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return patient(t, ondemand.Options{Source: s})
	}
	tenanttest.RunRegistry(t, open)
	t.Run("stored", func(t *testing.T) { tenanttest.RunStored(t, open) })
}

// write writes a document as a writer in any language does it.
func write(server *redistest.Server, id, text string, hosts ...string) {
	const prefix = redisstore.DefaultPrefix
	server.Do("SET", prefix+"tenant:"+id, text)
	for _, host := range hosts {
		server.Do("SET", prefix+"host:"+host, id)
	}
	server.Do("XADD", prefix+"changes", "*", "tenant", id, "kind", "apply")
}
