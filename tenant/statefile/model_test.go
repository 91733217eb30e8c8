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

// TestAgainstAMap makes random changes, commits, pauses, failures and restarts, and
// compares what is loaded with a map.
func TestAgainstAMap(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { againstAMap(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func againstAMap(t *testing.T, rng *rand.Rand) {
	dir := t.TempDir()
	model, committed := map[string]string{}, content{Docs: docs()}
	var f *statefile.File
	var failing atomic.Bool
	restart := func() {
		f = open(t, dir, nil)
		f.RewriteFrom(int64(rng.IntN(4000)))
		f.Before(func(step string) error {
			if failing.Load() {
				return syscall.EIO
			}
			return nil
		})
		want(t, must(read(f)), committed)
		model = maps.Clone(committed.Docs)
	}
	restart()
	stop := start(t, f)
	for n := range 400 {
		id := fmt.Sprint("t", rng.IntN(20))
		switch rng.IntN(12) {
		default:
			data := fmt.Sprint(n, strings.Repeat("y", rng.IntN(200)))
			f.Put(id, []byte(data))
			model[id] = data
		case 0, 1:
			f.Delete(id)
			delete(model, id)
		case 2, 3, 4:
			f.Commit(at(n))
			committed = content{Docs: maps.Clone(model), Saved: at(n)}
		case 5:
			pass(time.Duration(rng.IntN(3000)) * time.Millisecond)
		case 6:
			failing.Store(rng.IntN(4) == 0)
		case 7:
			failing.Store(false)
			pass(2 * statefile.MaxPause)
			want(t, must(reload(t, dir)), committed)
		case 8:
			failing.Store(false)
			stop()
			restart()
			stop = start(t, f)
		}
	}
	failing.Store(false)
	stop()
	want(t, must(reload(t, dir)), committed)
}

func must(c content, err error) content {
	if err != nil {
		c.Docs = docs("error", err.Error())
	}
	return c
}

// TestConcurrentUse: many goroutines change, one commits, others load what is on disk.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir, func(o *statefile.Options) { o.Interval = time.Millisecond })
	f.RewriteFrom(20_000)
	if _, err := read(f); err != nil {
		t.Fatal(err)
	}
	stop := start(t, f)
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			for n := range 300 {
				id := fmt.Sprintf("t%d-%d", w, n%10)
				put(f, id, n)
				if n%3 == 0 {
					f.Commit(at(n))
				}
				f.Status()
			}
		})
	}
	var loads atomic.Int64
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			// The reader may come between two writes of a batch: an end without a commit is no error.
			c, err := read(open(t, dir, nil))
			if err != nil && !errors.Is(err, statefile.ErrDamaged) {
				t.Error(err)
			}
			for id, data := range c.Docs {
				if !strings.HasPrefix(data, fmt.Sprintf(`{"id":%q,`, id)) {
					t.Errorf("%s has %s", id, data)
				}
			}
			loads.Add(1)
		}
	})
	writers.Wait()
	f.Commit(at(1000))
	eventually(t, func() bool { return f.Status().Pending == 0 && loads.Load() > 10 })
	close(done)
	readers.Wait()
	stop()
	expect := content{Docs: docs(), Saved: at(1000)}
	for w := range 4 {
		for n := 290; n < 300; n++ {
			id := fmt.Sprintf("t%d-%d", w, n%10)
			expect.Docs[id] = doc(id, n)
		}
	}
	if diff := cmp.Diff(expect.Docs, mustReload(t, dir).Docs); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
}
