package usage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keeper keeps what it is told.
type keeper struct {
	mu    sync.Mutex
	calls []string // today and the number of uses of each
	kept  map[string]store.Day
	err   error
	hang  bool
}

func (k *keeper) RecordUses(ctx context.Context, today store.Day, uses []store.Use) error {
	if k.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, fmt.Sprint(int64(today-store.DayOf(epoch())), " ", len(uses)))
	if k.err != nil {
		return k.err
	}
	if k.kept == nil {
		k.kept = make(map[string]store.Day)
	}
	for _, u := range uses {
		k.kept[u.Tenant+" "+u.Entry] = u.Day
	}
	return nil
}

// epoch is when time begins in a bubble.
func epoch() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func today() int64 { return int64(store.DayOf(time.Now())) }

// scene runs a recorder in a bubble; stop ends it.
func scene(t *testing.T, opt usage.Options, f func(k *keeper, r *usage.Recorder, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{}
		opt.Writer = k
		r, err := usage.New(opt)
		if err != nil {
			t.Fatal(err)
		}
		var _ tenant.OnUse = r.Use
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		var once sync.Once
		stop := func() {
			once.Do(func() {
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run: %v", err)
				}
			})
		}
		defer stop()
		f(k, r, stop)
	})
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantCalls(t *testing.T, k *keeper, want ...string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(k.calls, want) {
		t.Errorf("wrote %q, want %q", k.calls, want)
	}
}

func TestUsesAreWrittenFromTimeToTime(t *testing.T) {
	scene(t, usage.Options{}, func(k *keeper, r *usage.Recorder, stop func()) {
		for _, of := range []string{"a", "a", "b"} {
			if !r.Use(of, "https://"+of+".example", today()) {
				t.Error("there is no room")
			}
		}
		pass(3 * time.Minute)
		wantCalls(t, k)
		pass(4 * time.Minute)
		wantCalls(t, k, "0 2")
		pass(23 * time.Hour)
		wantCalls(t, k, "0 2") // nothing new
		pass(2 * time.Hour)
		wantCalls(t, k, "0 2", "1 0") // another day, on which nothing was used
		r.Use("a", "https://a.example", today())
		stop()
		wantCalls(t, k, "0 2", "1 0", "1 1")
		if got := k.kept["a https://a.example"]; got != store.DayOf(epoch())+1 {
			t.Errorf("the last use was %s", got)
		}
		if done, failed := r.Counts(); done != 3 || failed != 0 {
			t.Errorf("%d done, %d failed", done, failed)
		}
	})
}

func TestWhatFailedIsTriedAgain(t *testing.T) {
	scene(t, usage.Options{}, func(k *keeper, r *usage.Recorder, stop func()) {
		k.err = errors.New("gone")
		r.Use("a", "x", today())
		pass(15 * time.Minute)
		_, failed := r.Counts()
		if failed < 2 || len(k.kept) > 0 {
			t.Errorf("%d failed, kept %v", failed, k.kept)
		}
		k.mu.Lock()
		k.err = nil
		k.mu.Unlock()
		pass(7 * time.Minute)
		if k.kept["a x"] == 0 {
			t.Error("it was not tried again")
		}
		n := len(k.calls)
		stop()
		if len(k.calls) != n {
			t.Error("it was written again at the end")
		}
	})
}

func TestAStoreThatHangsEndsNothing(t *testing.T) {
	scene(t, usage.Options{Timeout: time.Second}, func(k *keeper, r *usage.Recorder, stop func()) {
		k.hang = true
		r.Use("a", "x", today())
		began := time.Now()
		stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("stopping took %s", took)
		}
	})
}

func TestUsesAreBounded(t *testing.T) {
	scene(t, usage.Options{Most: 10}, func(k *keeper, r *usage.Recorder, _ func()) {
		k.err = errors.New("gone")
		room := 0
		for i := range 100 {
			if r.Use("a", fmt.Sprint(i), today()) {
				room++
			}
		}
		if room != 10 {
			t.Errorf("took %d, want 10", room)
		}
		pass(time.Second) // half of the room is reason enough, but not again and again
		pass(time.Minute)
		if _, failed := r.Counts(); failed != 1 {
			t.Errorf("%d attempts, want one early", failed)
		}
		k.mu.Lock()
		k.err = nil
		k.mu.Unlock()
		pass(7 * time.Minute)
		if len(k.kept) != 10 || !r.Use("a", "again", today()) {
			t.Errorf("kept %d, and there is no room again", len(k.kept))
		}
	})
}

// gate lets a use come in between what is written and that it is forgotten.
type gate struct {
	keeper
	between func()
}

func (g *gate) RecordUses(ctx context.Context, today store.Day, uses []store.Use) error {
	err := g.keeper.RecordUses(ctx, today, uses)
	if g.between != nil {
		g.between()
		g.between = nil
	}
	return err
}

func TestAUseWhileWritingIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		r, err := usage.New(usage.Options{Writer: g})
		if err != nil {
			t.Fatal(err)
		}
		g.between = func() { r.Use("a", "x", 7) }
		r.Use("a", "x", 6)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		pass(13 * time.Minute)
		if got := g.kept["a x"]; got != 7 {
			t.Errorf("the last use is day %d, want 7", got)
		}
		cancel()
		<-done
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := usage.New(usage.Options{}); err == nil {
		t.Error("a recorder for nobody was made")
	}
}
