package mirror_test

import (
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// patience is how long anything may take here: how long it may in service is another matter.
const patience = 10 * time.Second

// untilReady waits until a mirror knows its store: all of it, unless it is lazy.
func untilReady(t *testing.T, m *mirror.Mirror) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s := m.Status(); !s.Ready || !s.Following; s = m.Status() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not ready: %+v", s)
		}
	}
}

func TestMirrorIsARegistry(t *testing.T) {
	t.Parallel()
	for name, lazy := range map[string]bool{"whole": false, "lazy": true} {
		t.Run(name, func(t *testing.T) {
			open := func(t *testing.T, docs ...tenanttest.Document) tenant.Registry {
				s := storetest.NewMemory()
				for _, d := range docs {
					s.Put(d.ID, []byte(d.Text), d.Hosts...)
					s.Announce(d.ID, store.KindApply, 0)
				}
				m := start(t, mirror.Options{Reader: s, Lazy: lazy, LookupBudget: patience, LoadTimeout: patience})
				untilReady(t, m)
				return m
			}
			tenanttest.RunRegistry(t, open)
			t.Run("stored", func(t *testing.T) { tenanttest.RunStored(t, open) })
		})
	}
}
