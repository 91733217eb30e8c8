package storetest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

func apply(t *testing.T, m *storetest.Memory, ids ...string) {
	t.Helper()
	for _, id := range ids {
		d := &tenantv1.Tenant{Id: id, Hosts: []string{id + ".example"}}
		if _, err := m.Apply(t.Context(), []store.Edit{{ID: id, Tenant: d}}, store.Author{By: "test"}); err != nil {
			t.Fatal(err)
		}
	}
}

// present is which documents and hosts are there.
func present(t *testing.T, m *storetest.Memory, ids ...string) (documents, owners int) {
	t.Helper()
	got, err := m.Documents(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	hosts := make([]string, len(ids))
	for i, d := range got.All {
		hosts[i] = d.ID + ".example"
		if d.Data != nil {
			documents++
		}
	}
	o, err := m.Owners(t.Context(), hosts)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range o.IDs {
		if id != "" {
			owners++
		}
	}
	return documents, owners
}

func headOf(t *testing.T, m *storetest.Memory) store.Head {
	t.Helper()
	head, err := m.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head.Time = time.Time{}
	return head
}

func TestMemoryLosesAndGoesBack(t *testing.T) {
	m := storetest.NewMemory()
	apply(t, m, "a", "b")
	early, past := m.Save(), headOf(t, m)
	apply(t, m, "c")
	now := headOf(t, m)

	m.Lose("a")
	if d, o := present(t, m, "a", "b", "c"); d != 2 || o != 2 || headOf(t, m) != now {
		t.Errorf("after a loss %d documents and %d hosts are left, want 2; head %+v, want it unchanged", d, o, headOf(t, m))
	}
	m.Restore(early)
	if d, o := present(t, m, "a", "b", "c"); d != 2 || o != 2 || headOf(t, m) != past {
		t.Errorf("back in time there are %d documents and %d hosts; head %+v, want %+v", d, o, headOf(t, m), past)
	}
	apply(t, m, "d") // what happens after going back is not in the image
	m.Restore(early)
	if d, _ := present(t, m, "d"); d != 0 {
		t.Error("the image has changed since it was saved")
	}
	m.SetEpoch("another")
	if got := headOf(t, m); got.Epoch != "another" || got.Last != past.Last {
		t.Errorf("another epoch gives the head %+v", got)
	}
	m.LoseStream()
	if got := headOf(t, m); got.Exists || !got.Last.IsZero() || got.Epoch != "another" {
		t.Errorf("without a stream the head is %+v", got)
	}
	m.Flush()
	if d, o := present(t, m, "a", "b"); d != 0 || o != 0 || headOf(t, m) != (store.Head{}) {
		t.Errorf("flushed, there are %d documents and %d hosts, head %+v", d, o, headOf(t, m))
	}
}

func TestMemoryFailsAndIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := storetest.NewMemory()
		gone := errors.New("gone")
		waited := make(chan error)
		go func() {
			_, err := m.Changes(t.Context(), store.Position{}, 1, time.Hour)
			waited <- err
		}()
		synctest.Wait()
		m.Fail(gone)
		if err := <-waited; !errors.Is(err, gone) {
			t.Errorf("a waiting call ends with %v when the store fails", err)
		}
		if _, err := m.Head(t.Context()); !errors.Is(err, gone) {
			t.Errorf("Head gives %v", err)
		}
		m.Fail(nil)

		m.Delay(time.Second)
		start := time.Now()
		if _, err := m.Head(t.Context()); err != nil || time.Since(start) != time.Second {
			t.Errorf("a slow call took %v, %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		start = time.Now()
		if _, err := m.Head(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Millisecond {
			t.Errorf("a call that is too slow took %v, %v", time.Since(start), err)
		}
		m.Delay(0)

		m.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpDocuments && c.Keys[0] == "a" {
				return gone
			}
			return nil
		})
		if _, err := m.Documents(t.Context(), []string{"a"}); !errors.Is(err, gone) {
			t.Errorf("an intercepted call gives %v", err)
		}
		if _, err := m.Documents(t.Context(), []string{"b"}); err != nil {
			t.Errorf("a call of other keys gives %v", err)
		}
		if got := m.Calls(storetest.OpDocuments); got != 2 {
			t.Errorf("%d calls of Documents are counted, want 2", got)
		}
	})
}

// Foreign writers announce or not, give hosts or not.
func TestMemoryTakesForeignWrites(t *testing.T) {
	m := storetest.NewMemory()
	m.Put("a", []byte("{}"), "a.example")
	if d, o := present(t, m, "a"); d != 1 || o != 1 || headOf(t, m).Exists {
		t.Errorf("a silent write left %d documents, %d hosts and the head %+v", d, o, headOf(t, m))
	}
	at := m.Announce("a", store.KindApply, 3)
	got, err := m.Changes(t.Context(), store.Position{}, 10, 0)
	if err != nil || len(got) != 1 || got[0] != (store.Change{At: at, Tenant: "a", Kind: store.KindApply, Revision: 3}) {
		t.Errorf("announced %+v, %v", got, err)
	}
}
