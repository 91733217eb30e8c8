package replica_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// text is a document of a tenant with a number of origins.
func text(id string, revision, origins int) []byte {
	all := make([]string, origins)
	for i := range all {
		all[i] = fmt.Sprintf(`"https://o%d.%s.example"`, i, id)
	}
	return fmt.Appendf(nil, `{"id":%q,"hosts":[%q],"policy":{"origins":[%s]},"revision":"%d"}`,
		id, id+".example", strings.Join(all, ","), revision)
}

// launch runs a replica until it meets a condition; stop ends it, and its backup is then written.
func launch(t *testing.T, opt replica.Options, ok func(*replica.Replica) bool) (_ *replica.Replica, stop func()) {
	t.Helper()
	r, err := replica.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !ok(r) {
		select {
		case <-ticks.C:
		case <-limit.C:
			t.Fatalf("waited in vain: %+v", r.Status())
		}
	}
	return r, stop
}

func follows(r *replica.Replica) bool { return r.Status().Following }

// TestBackupKeepsWhatIsHeldBack: the store has an older document than the one in force when everything is read again.
func TestBackupKeepsWhatIsHeldBack(t *testing.T) {
	s := storetest.NewMemory()
	s.Put("a", text("a", 2, 3), "a.example")
	s.Put("b", text("b", 1, 3), "b.example")
	s.Announce("b", store.KindApply, 1)
	opt := replica.Options{Source: s, Backup: filepath.Join(t.TempDir(), "backup")}
	_, stop := launch(t, opt, follows)
	stop()

	s.Put("a", text("a", 1, 1), "a.example")
	s.Announce("b", store.KindApply, 1)
	s.Announce("b", store.KindApply, 1)
	s.Trim(1)
	r, stop := launch(t, opt, follows)
	if n := r.Stats().Resyncs; n != 1 {
		t.Fatalf("everything was read %d times", n)
	}
	stop()

	s.Fail(context.DeadlineExceeded)
	r, _ = launch(t, opt, func(r *replica.Replica) bool { return r.Status().Ready })
	for id, revision := range map[string]int64{"a": 2, "b": 1} {
		v := r.Lookup(t.Context(), tenant.Key{Authority: id + ".example", Path: "/"})
		if v.Freshness != tenant.Disk || v.Revision() != revision {
			t.Errorf("tenant %s is %v with revision %d after the second start, want %d", id, v.Freshness, v.Revision(), revision)
		}
	}
}

// TestMemoryHoldsTheSmallest: those are in force whose texts fit, the smallest first, whether they come from the store
// or from the backup; the others are closed, and keep their hosts.
func TestMemoryHoldsTheSmallest(t *testing.T) {
	const tenants, fit = 300, 100
	s := storetest.NewMemory()
	budget := int64(0)
	for i := range tenants {
		id := fmt.Sprintf("t%03d", i)
		document := text(id, 1, 1+i)
		s.Put(id, document, id+".example")
		if i < fit {
			budget += int64(len(document))
		}
	}
	s.Announce("t000", store.KindApply, 1)
	opt := replica.Options{Source: s, Backup: filepath.Join(t.TempDir(), "backup"), MaxBytes: budget}
	check := func(r *replica.Replica) {
		t.Helper()
		for i := range tenants {
			v := r.Lookup(t.Context(), tenant.Key{Authority: fmt.Sprintf("t%03d.example", i), Path: "/"})
			if closed := v.Freshness == tenant.Unreadable; closed != (i >= fit) {
				t.Errorf("tenant %d is %v", i, v.Freshness)
			}
		}
	}
	r, stop := launch(t, opt, follows)
	check(r)
	stop()
	s.Fail(context.DeadlineExceeded)
	r, _ = launch(t, opt, func(r *replica.Replica) bool { return r.Status().Ready })
	check(r)
}
