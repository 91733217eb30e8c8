package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestForeignChanges(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	long := strings.Repeat("x", 1000)
	for _, fields := range [][]any{
		{"tenant", "a", "revision", "7", "kind", "apply"},
		{"tenant", "../\n", "revision", "-1", "kind", ""},
		{"tenant", long, "revision", "99999999999999999999", "kind", long},
		{"something", "else"},
	} {
		server.Do(append([]any{"XADD", prefix + "changes", "*"}, fields...)...)
	}
	for _, wait := range []time.Duration{0, time.Second} {
		got, err := s.Changes(t.Context(), store.Position{}, 10, wait)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i].At.IsZero() {
				t.Errorf("change %d has no position", i)
			}
			got[i].At = store.Position{}
		}
		want := []store.Change{{Tenant: "a", Revision: 7, Kind: "apply"}, {Tenant: "../\n"}, {Tenant: long[:256], Kind: long[:256]}, {}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("waiting %v (-want +got):\n%s", wait, diff)
		}
		if got, err := s.Changes(t.Context(), store.Position{}, 2, wait); err != nil || len(got) != 2 {
			t.Errorf("two changes: %v, %v", got, err)
		}
	}
}

// waiting starts a call that waits for changes, and returns when the server has it.
func waiting(ctx context.Context, t *testing.T, server *redistest.Server, s *redisstore.Store) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		changes, err := s.Changes(ctx, store.Position{}, 10, time.Minute)
		if err == nil && len(changes) != 1 {
			err = errors.New("no change came")
		}
		done <- err
	}()
	for {
		text, _ := server.Do("INFO", "clients").(string)
		if strings.Contains(text, "blocked_clients:1") {
			return done
		}
		if t.Context().Err() != nil {
			t.Fatal("nobody waits")
		}
	}
}

func TestAChangeEndsTheWait(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	best := time.Hour
	for range 5 {
		server.Do("DEL", prefix+"changes")
		done := waiting(t.Context(), t, server, s)
		begin := time.Now()
		server.Do("XADD", prefix+"changes", "*", "tenant", "a")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(begin))
	}
	t.Logf("a change arrives %v after it was sent", best)
	if best > 50*time.Millisecond {
		t.Errorf("a change arrives %v after it was sent", best)
	}
}

func TestCancellingEndsTheWait(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	for _, stop := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		done := waiting(ctx, t, server, s)
		if stop {
			server.Stop()
		}
		begin := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the call ends with %v", err)
		}
		if d := time.Since(begin); d > 100*time.Millisecond {
			t.Errorf("the call ends %v after its context", d)
		}
	}
	server.Cont()
	if _, err := s.Changes(t.Context(), store.Position{}, 10, 10*time.Millisecond); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// The connections of a call that ended are not those of the next one.
func TestManyCancelledWaits(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	server.Do("XADD", prefix+"changes", "1-0", "tenant", "a")
	for i := range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%20)*100*time.Microsecond)
		if _, err := s.Changes(ctx, store.Position{Time: 1}, 10, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call with little time: %v", err)
		}
		cancel()
		if got, err := s.Changes(t.Context(), store.Position{}, 10, time.Minute); len(got) != 1 || err != nil {
			t.Errorf("the call after it: %v, %v", got, err)
		}
	}
}

func TestAWaitEnds(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	for _, wait := range []time.Duration{time.Nanosecond, 30 * time.Millisecond} {
		begin := time.Now()
		got, err := s.Changes(t.Context(), store.Position{}, 10, wait)
		if d := time.Since(begin); err != nil || len(got) != 0 || d < wait || d > wait+200*time.Millisecond {
			t.Errorf("after %v of %v: %v, %v", d, wait, got, err)
		}
	}
	waiting(t.Context(), t, server, s)
	begin := time.Now()
	got, err := s.Changes(t.Context(), store.Position{}, 10, 30*time.Millisecond)
	if d := time.Since(begin); err != nil || len(got) != 0 || d > time.Second {
		t.Errorf("behind another one, after %v: %v, %v", d, got, err)
	}
	server.Do("XADD", prefix+"changes", "*", "tenant", "a")
}
