package statefile_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/tenant/statefile"
)

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// story is a fixed sequence of commits, and the state of each.
type story struct {
	f    *statefile.File
	docs map[string]string

	mu     sync.Mutex
	states []content // by commit
}

func newStory(f *statefile.File) *story {
	return &story{f: f, states: []content{{Docs: docs()}}, docs: map[string]string{}}
}

// tell makes the next commit. Documents are large enough for the log to be made anew
// after a few of them, and the tenants few enough for most to be superseded.
func (s *story) tell(rng *rand.Rand) {
	n := len(s.states)
	for range 1 + rng.IntN(3) {
		id := fmt.Sprintf("t%d", rng.IntN(4))
		if rng.IntN(4) == 0 {
			s.f.Delete(id)
			delete(s.docs, id)
			continue
		}
		data := fmt.Sprintf("%s at %d %s", id, n, strings.Repeat("x", rng.IntN(300)))
		s.f.Put(id, []byte(data))
		s.docs[id] = data
	}
	state := content{Docs: docs(), Saved: normal(at(n))}
	maps.Copy(state.Docs, s.docs)
	s.mu.Lock()
	s.states = append(s.states, state)
	s.mu.Unlock()
	s.f.Commit(at(n))
}

// check says that c is the state of some commit, not before the oldest.
func (s *story) check(t *testing.T, c content, oldest int) {
	t.Helper()
	n := int(c.Saved.Position.Time)
	if n < oldest {
		t.Fatalf("commit %d was on disk, %d was loaded", oldest, n)
	}
	s.mu.Lock()
	state := s.states[n]
	s.mu.Unlock()
	if diff := cmp.Diff(state, c); diff != "" {
		t.Fatalf("commit %d (-want +got):\n%s", n, diff)
	}
}

func storyFile(t *testing.T, dir string) *statefile.File {
	t.Helper()
	f := open(t, dir, nil)
	f.RewriteFrom(600)
	return f
}

// TestEveryCrash looks at the disk before every step, as a process would that starts after a crash there.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := storyFile(t, dir)
		s := newStory(f)
		seen := map[string]int{} // read when Run has ended
		f.Before(func(step string) error {
			seen[step]++
			crashed := copyDir(t, dir)
			s.check(t, mustReload(t, crashed), int(f.Status().Saved.Position.Time))
			return nil
		})
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		rng := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			s.tell(rng)
			pass(time.Second)
		}
		stop()
		s.check(t, mustReload(t, dir), 60)
		for _, step := range []string{"lock", "open", "create", "write", "sync", "rename", "syncdir"} {
			if seen[step] == 0 {
				t.Errorf("no %s was seen", step)
			}
		}
		if seen["rename"] < 4 {
			t.Errorf("the log was made anew only %d times", seen["rename"])
		}
	})
}

// TestEveryFailure fails each step in turn, once or for some time: whatever is on disk
// then is the state of a commit, and afterwards everything is.
func TestEveryFailure(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, 3, 12} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			t.Parallel()
			for first := 0; ; first++ {
				if !failFrom(t, first, length) {
					break
				}
			}
		})
	}
}

// failFrom fails length steps from the first on, and reports whether the story was long enough.
func failFrom(t *testing.T, first, length int) (reached bool) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := storyFile(t, dir)
		s := newStory(f)
		var steps atomic.Int64
		var healed, failed atomic.Bool
		f.Before(func(step string) error {
			n := int(steps.Add(1))
			if healed.Load() || n <= first || n > first+length {
				return nil
			}
			failed.Store(true)
			s.check(t, mustReload(t, copyDir(t, dir)), int(f.Status().Saved.Position.Time))
			return fmt.Errorf("%s: %w", step, syscall.ENOSPC)
		})
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		rng := rand.New(rand.NewPCG(3, 4))
		for range 14 {
			s.tell(rng)
			pass(time.Second)
		}
		pass(30 * statefile.MaxPause) // for the worst of it
		if st := f.Status(); st.Err != nil {
			t.Errorf("failing %d steps from %d: %v half an hour later", length, first, st.Err)
		}
		healed.Store(true)
		reached = failed.Load()
		if reached && f.Status().Errors == 0 {
			t.Errorf("failing %d steps from %d was not counted", length, first)
		}
		s.tell(rng)
		pass(2 * time.Second)
		if st := f.Status(); st.Err != nil || st.Pending != 0 {
			t.Fatalf("failing %d steps from %d: not recovered: %+v", length, first, st)
		}
		s.check(t, mustReload(t, dir), len(s.states)-1)
		stop()
		s.check(t, mustReload(t, dir), len(s.states)-1)
	})
	return reached
}

// TestSyncThatFailed: the pages may be lost although they can be read. The log is made anew.
func TestSyncThatFailed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, nil)
		var mu sync.Mutex
		var steps []string
		fail := false
		f.Before(func(step string) error {
			mu.Lock()
			defer mu.Unlock()
			steps = append(steps, step)
			if fail && step == "sync" {
				fail = false
				return syscall.EIO
			}
			return nil
		})
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		put(f, "a", 1)
		f.Commit(at(1))
		pass(time.Minute)
		mu.Lock()
		steps, fail = nil, true
		mu.Unlock()
		put(f, "a", 2)
		f.Commit(at(2))
		pass(time.Minute)
		mu.Lock()
		took := strings.Join(steps, " ")
		mu.Unlock()
		if diff := cmp.Diff("write sync truncate create write sync rename syncdir write sync", took); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if st := f.Status(); !errors.Is(st.LastError, syscall.EIO) || st.Err != nil || st.Errors != 1 {
			t.Errorf("status %+v", st)
		}
		stop()
		want(t, mustReload(t, dir), content{Docs: docs("a", doc("a", 2)), Saved: at(2)})
	})
}
