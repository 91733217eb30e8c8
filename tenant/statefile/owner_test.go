package statefile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant/statefile"
	"github.com/corsgate/corsgate/tenant/store"
)

// childEnv makes this test binary the other process: it owns the directory named
// there until its input ends, after one commit.
const childEnv = "STATEFILE_TEST_CHILD"

func TestOtherProcess(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		t.Skip("runs as the other process of TestTwoProcesses")
	}
	f := open(t, dir, nil)
	if _, err := read(f); err != nil {
		t.Fatal(err)
	}
	stop := start(t, f)
	put(f, "theirs", 1)
	f.Commit(at(1))
	eventually(t, func() bool { return !f.Status().Written.IsZero() })
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadByte()
	stop()
}

func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOtherProcess$", "-test.v")
	child.Env = append(os.Environ(), childEnv+"="+dir)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	ready := false
	for !ready && lines.Scan() {
		ready = lines.Text() == "ready"
	}

	f := open(t, dir, nil)
	c, err := read(f)
	if err != nil {
		t.Fatal(err)
	}
	want(t, c, content{Docs: docs("theirs", doc("theirs", 1)), Saved: at(1)}) // loading needs no lock
	stop := start(t, f)
	put(f, "ours", 1)
	f.Commit(at(2))
	eventually(t, func() bool { return f.Status().Err != nil })
	if st := f.Status(); !errors.Is(st.Err, statefile.ErrLocked) || st.Errors != 0 || st.Pending != 1 {
		t.Fatalf("status %+v", st)
	}
	want(t, mustReload(t, dir), c)

	in.Close()
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return f.Status().Err == nil && f.Status().Pending == 0 })
	stop()
	want(t, mustReload(t, dir), content{Docs: docs("theirs", doc("theirs", 1), "ours", doc("ours", 1)), Saved: at(2)})
}

// TestTakeover: a copy that goes on from what another process wrote is complete when it has
// come at least as far in the same store.
func TestTakeover(t *testing.T) {
	t.Parallel()
	change := func(s store.Saved, fn func(*store.Saved)) store.Saved {
		fn(&s)
		return s
	}
	for _, test := range []struct {
		name     string
		theirs   store.Saved
		ours     []store.Saved
		complete bool
	}{
		{"further", at(5), []store.Saved{at(6)}, true},
		{"as far", at(5), []store.Saved{at(5)}, true},
		{"not as far", at(5), []store.Saved{at(4)}, false},
		{"further, and then confirmed", at(5), []store.Saved{at(6), change(at(7), func(s *store.Saved) { s.Confirmed = "c2" })}, true},
		{"not as far yet", at(5), []store.Saved{at(4), at(5)}, true},
		{"they had a part", change(at(5), func(s *store.Saved) { s.Complete = false }), []store.Saved{at(6)}, false},
		{"another epoch", change(at(5), func(s *store.Saved) { s.Epoch = "e2" }), []store.Saved{at(6)}, false},
		{"another confirmation", change(at(5), func(s *store.Saved) { s.Confirmed = "c2" }), []store.Saved{at(6)}, false},
		{"they went back", at(2), []store.Saved{at(6)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				session(t, dir, func(f *statefile.File) {
					put(f, "a", 1)
					f.Commit(at(3))
				})
				old, young := open(t, dir, nil), open(t, dir, nil)
				for _, f := range []*statefile.File{old, young} {
					if _, err := read(f); err != nil {
						t.Fatal(err)
					}
				}
				stopOld := start(t, old)
				put(old, "b", 1)
				old.Commit(test.theirs)
				pass(time.Second)
				stopYoung := start(t, young)
				pass(time.Second)
				for i, s := range test.ours {
					put(young, "c", i)
					young.Commit(s)
					if i == 0 {
						pass(time.Minute)
						if err := young.Status().Err; !errors.Is(err, statefile.ErrLocked) {
							t.Fatalf("error %v", err)
						}
						stopOld()
						pass(2 * statefile.LockRetry)
					}
					pass(2 * time.Second)
				}
				last := len(test.ours) - 1
				expect := content{
					Docs:  docs("a", doc("a", 1), "b", doc("b", 1), "c", doc("c", last)),
					Saved: change(test.ours[last], func(s *store.Saved) { s.Complete = test.complete }),
				}
				want(t, mustReload(t, dir), expect)
				stopYoung()
				want(t, mustReload(t, dir), expect)
			})
		})
	}
}

// TestLockLostAndRegained: another process wrote to the same log meanwhile. What this
// process knows is what it wrote itself.
func TestLockLostAndRegained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, nil)
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		put(f, "a", 1)
		f.Commit(at(1))
		pass(time.Second)
		if err := os.Remove(filepath.Join(dir, "tenants.lock")); err != nil {
			t.Fatal(err)
		}
		session(t, dir, func(other *statefile.File) {
			other.Put("theirs", []byte(strings.Repeat("x", 1000)))
			other.Commit(at(2))
		})
		put(f, "b", 1)
		f.Commit(at(3))
		pass(2 * time.Second)
		want(t, mustReload(t, dir), content{Docs: docs("a", doc("a", 1), "b", doc("b", 1)), Saved: at(3)})
		stop()
	})
}

// TestNothingHappensBeforeLoad: a Run that comes first would take a lock, and write, on top of what it does not know.
func TestNothingHappensBeforeLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, nil)
		stop := start(t, f)
		pass(time.Hour)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("%v, %v", entries, err)
		}
		stop()
	})
}

// TestExitIsBounded: what is left is written, or not, within the bound.
func TestExitIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, func(o *statefile.Options) { o.ExitWithin = 3 * time.Second })
		f.Before(func(step string) error {
			if step == "write" {
				pass(2 * time.Second) // a slow disk
			}
			return nil
		})
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range 10 {
			f.Put(fmt.Sprint("t", i), []byte(strings.Repeat("x", 300<<10))) // each a piece of its own
		}
		f.Commit(at(1))
		began := time.Now()
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 9*time.Second {
			t.Errorf("Run took %v to end", took)
		}
		want(t, mustReload(t, dir), content{Docs: docs()})
	})
}
