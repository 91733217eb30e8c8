package statefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant/statefile"
)

// recorder notes when a step is taken.
type recorder struct {
	mu    sync.Mutex
	began time.Time
	times []time.Duration
	err   error
}

func (r *recorder) on(f *statefile.File, step string) {
	r.began = time.Now()
	f.Before(func(s string) error {
		if s != step {
			return nil
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.times = append(r.times, time.Since(r.began))
		return r.err
	})
}

func (r *recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// take gives what was noted since the last time, in seconds.
func (r *recorder) take() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var seconds []int
	for _, d := range r.times {
		seconds = append(seconds, int(d.Round(time.Second)/time.Second))
	}
	r.times = nil
	return seconds
}

func TestWritesAtMostOnceAnInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, t.TempDir(), func(o *statefile.Options) { o.Interval, o.IdleInterval = 5*time.Second, time.Minute })
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		var syncs recorder
		syncs.on(f, "sync")
		stop := start(t, f)
		synctest.Wait()
		syncs.take()         // of the new log
		for n := range 120 { // ten changes a second, for twelve seconds
			put(f, fmt.Sprint("t", n), n)
			f.Commit(at(n))
			pass(100 * time.Millisecond)
		}
		if got := syncs.take(); !slices.Equal(got, []int{5, 10}) {
			t.Errorf("synced at %v s", got)
		}
		pass(8 * time.Second) // 20 s
		if got := syncs.take(); !slices.Equal(got, []int{15}) {
			t.Errorf("synced at %v s", got)
		}
		// Nothing new but the time.
		saved := at(119)
		for range 130 {
			saved.At = saved.At.Add(time.Second)
			f.Commit(saved)
			pass(time.Second)
		}
		if got := syncs.take(); !slices.Equal(got, []int{75, 135}) {
			t.Errorf("synced at %v s", got)
		}
		// A position without documents is news.
		f.Commit(at(120))
		pass(time.Second)
		if got := syncs.take(); !slices.Equal(got, []int{150}) {
			t.Errorf("synced at %v s", got)
		}
		pass(time.Hour)
		if got := syncs.take(); len(got) != 0 {
			t.Errorf("synced at %v s, with nothing to write", got)
		}
		stop()
	})
}

func TestRateOfWriting(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		maxPending int
		want       time.Duration
	}{
		{"bounded", 100 << 20, 10 * time.Second},
		{"as fast as it can when memory runs out", 15 << 20, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := open(t, t.TempDir(), func(o *statefile.Options) { o.BytesPerSecond, o.MaxPending = 1_000_000, test.maxPending })
				if _, err := read(f); err != nil {
					t.Fatal(err)
				}
				stop := start(t, f)
				pass(time.Minute)
				began := time.Now()
				for n := range 100 {
					f.Put(fmt.Sprint("t", n), bytes.Repeat([]byte("x"), 100_000))
				}
				f.Commit(at(1))
				for f.Status().PendingBytes > 5_000_000 {
					pass(10 * time.Millisecond)
				}
				if took := time.Since(began).Round(time.Second); took != test.want {
					t.Errorf("10 MB took %v, want %v", took, test.want)
				}
				stop()
			})
		})
	}
}

func TestPausesWhileTheDiskFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, t.TempDir(), nil)
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		var writes recorder
		writes.on(f, "write")
		stop := start(t, f)
		synctest.Wait()
		writes.fail(syscall.EIO)
		pass(10 * time.Second)
		writes.take()
		for n := range 300 {
			put(f, "a", n)
			f.Commit(at(n))
			pass(time.Second)
		}
		if got := writes.take(); !slices.Equal(got, []int{10, 11, 13, 17, 25, 41, 73, 133, 193, 253}) {
			t.Errorf("tried at %v s", got)
		}
		writes.fail(nil)
		pass(4 * time.Second)
		if got := writes.take(); !slices.Equal(got, []int{313}) {
			t.Errorf("tried at %v s", got)
		}
		// The pauses begin anew.
		writes.fail(syscall.EIO)
		put(f, "a", 0)
		f.Commit(at(301))
		pass(10 * time.Second)
		if got := writes.take(); !slices.Equal(got, []int{314, 315, 317, 321}) {
			t.Errorf("tried at %v s", got)
		}
		stop()
		if err := f.Status().LastError; !errors.Is(err, syscall.EIO) {
			t.Errorf("error %v", err)
		}
	})
}

// TestPausesWhileMakingAnewFails: what is committed is written all the same.
func TestPausesWhileMakingAnewFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		f := open(t, dir, nil)
		f.RewriteFrom(100)
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		var renames recorder
		renames.on(f, "rename")
		stop := start(t, f)
		synctest.Wait()
		renames.fail(syscall.ENOSPC)
		renames.take()
		for n := range 40 {
			f.Put("a", bytes.Repeat([]byte("x"), 100+n))
			f.Commit(at(n))
			pass(time.Second)
		}
		if got := renames.take(); !slices.Equal(got, []int{2, 3, 5, 9, 17, 33}) {
			t.Errorf("tried at %v s", got)
		}
		if got := mustReload(t, dir); len(got.Docs["a"]) != 139 {
			t.Errorf("loaded a document of %d bytes", len(got.Docs["a"]))
		}
		renames.fail(nil)
		pass(statefile.MaxPause)
		if st := f.Status(); st.Err != nil || st.Bytes > 500 {
			t.Errorf("status %+v", st)
		}
		stop()
	})
}

// TestMoreThanFits: a store that is read for the first time has no commit before its end,
// and may be larger than what may wait.
func TestMoreThanFits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		session(t, dir, func(f *statefile.File) {
			put(f, "old", 1)
			f.Commit(at(1))
		})
		f := open(t, dir, func(o *statefile.Options) { o.MaxPending, o.BytesPerSecond = 1<<20, 1_000_000 })
		expect, err := read(f)
		if err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		for n := range 100 {
			id, data := fmt.Sprint("t", n), strings.Repeat("x", 100_000)
			f.Put(id, []byte(data))
			expect.Docs[id] = data
			if n == 50 {
				got := mustReload(t, dir)
				early := at(1)
				early.Complete = false
				if len(got.Docs) < 40 || got.Saved != normal(early) {
					t.Errorf("%d documents after 50, %+v", len(got.Docs), got.Saved)
				}
			}
			pass(300 * time.Millisecond)
		}
		f.Commit(at(2))
		pass(time.Second)
		stop()
		if st := f.Status(); st.Lost != 0 || st.Errors != 0 {
			t.Errorf("status %+v", st)
		}
		expect.Saved = at(2)
		want(t, mustReload(t, dir), expect)
	})
}

// TestPendingIsBounded: a disk that fails for hours costs the newest document of each tenant, not all that there were.
func TestPendingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, t.TempDir(), nil)
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		var writes recorder
		writes.on(f, "write")
		writes.fail(syscall.EIO)
		stop := start(t, f)
		data := bytes.Repeat([]byte("x"), 1000)
		for n := range 10_000 {
			f.Put(fmt.Sprint("t", n%10), data)
			f.Commit(at(n))
			if n%100 == 0 {
				pass(time.Second)
			}
		}
		if st := f.Status(); st.Pending > 20 || st.PendingBytes > 25_000 || st.Lost != 0 {
			t.Errorf("%d changes with %d bytes wait", st.Pending, st.PendingBytes)
		}
		stop()
	})
}
