package decision

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/tenant"
	tenantdoc "github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// snapshotOf is the registry of files, with the memos that the server attaches.
func snapshotOf(tb testing.TB, documents []document) *tenant.Snapshot {
	tb.Helper()
	records := make([]*tenant.Record, len(documents))
	for i, d := range documents {
		s := tenantdoc.ParseStored(d.id, d.text)
		if s.Problems != nil {
			tb.Fatal(s.Problems)
		}
		records[i] = s.Record
	}
	s := tenant.SnapshotOf(records...)
	if s.Tenants() != len(records) {
		tb.Fatalf("%d of %d tenants", s.Tenants(), len(records))
	}
	return s
}

// storeOf holds documents as Redis would.
func storeOf(documents []document) *storetest.Memory {
	s := storetest.NewMemory()
	for _, d := range documents {
		s.Put(d.id, d.text, d.host)
	}
	// A store in which nothing ever changed looks like one that was emptied.
	s.Announce(documents[0].id, store.KindApply, 0)
	return s
}

// replicaOf starts the copy of a store and waits until it has all and follows. The function ends it.
func replicaOf(tb testing.TB, s *storetest.Memory) (*replica.Replica, func()) {
	tb.Helper()
	changed := make(chan struct{}, 1)
	r, err := replica.New(replica.Options{Source: s, ReadTimeout: 10 * time.Second, OnChange: func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop := func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("running the replica: %v", err)
		}
	}
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	for status := r.Status(); !status.Primed || !status.Following; status = r.Status() {
		select {
		case <-changed:
		case <-deadline.C:
			stop()
			tb.Fatalf("the replica has not read everything: %+v", status)
		}
	}
	return r, stop
}

// registry is one kind of registry.
type registry struct {
	impl string
	tenant.Registry
}

// registries are both kinds with the same documents, until the test ends.
func registries(tb testing.TB, documents []document) []registry {
	tb.Helper()
	r, stop := replicaOf(tb, storeOf(documents))
	tb.Cleanup(stop)
	return []registry{{"snapshot", snapshotOf(tb, documents)}, {"replica", r}}
}
