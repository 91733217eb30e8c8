package statefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant/statefile"
	"github.com/corsgate/corsgate/tenant/store"
)

// churn writes enough superseded documents for the log to be made anew once.
func churn(t *testing.T, f *statefile.File, saved store.Saved) {
	t.Helper()
	for n := range 30 {
		f.Put("busy", []byte(fmt.Sprint(strings.Repeat("x", 1000), n)))
		saved.At = saved.At.Add(time.Second)
		f.Commit(saved)
		pass(2 * time.Second)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		keep func(i int) bool
		left int // of 20 and the busy one
	}{
		{"some are given up", func(i int) bool { return i >= 7 }, 14},
		// Who is asked has lost its memory: never more than half.
		{"all are given up", func(int) bool { return false }, 11},
		{"none are given up", func(int) bool { return true }, 21},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			session(t, dir, func(f *statefile.File) {
				for i := range 20 {
					put(f, fmt.Sprint(i), 1)
				}
				f.Commit(at(1))
			})
			synctest.Test(t, func(t *testing.T) {
				f := open(t, dir, func(o *statefile.Options) {
					o.Keep = func(id string) bool {
						i := 0
						if id == "busy" {
							return true
						}
						if _, err := fmt.Sscan(id, &i); err != nil {
							t.Error(err)
						}
						return test.keep(i)
					}
				})
				f.RewriteFrom(20_000)
				if _, err := read(f); err != nil {
					t.Fatal(err)
				}
				stop := start(t, f)
				churn(t, f, at(2))
				stop()
				got := mustReload(t, dir)
				if len(got.Docs) != test.left {
					t.Errorf("%d documents are left, want %d", len(got.Docs), test.left)
				}
				for i := range 20 {
					if _, is := got.Docs[fmt.Sprint(i)]; test.keep(i) && !is {
						t.Errorf("document %d is gone", i)
					}
				}
				if got.Saved.Complete != (test.left == 21) {
					t.Errorf("complete: %v", got.Saved.Complete)
				}
			})
		})
	}
}

// TestRestartsDoNotLetItGrow: what counts is what is dead, not what was written since the start. And
// a log that only grew is not copied.
func TestRestartsDoNotLetItGrow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		renames := 0
		run := func(id string) *statefile.File {
			f := open(t, dir, nil)
			f.RewriteFrom(5_000)
			f.Before(func(step string) error {
				if step == "rename" {
					renames++
				}
				return nil
			})
			if _, err := read(f); err != nil {
				t.Fatal(err)
			}
			stop := start(t, f)
			pass(time.Second)
			f.Put(id, bytes.Repeat([]byte("x"), 2_000))
			f.Commit(at(1))
			pass(2 * time.Second)
			stop()
			return f
		}
		for n := range 30 {
			run(fmt.Sprint("new", n))
		}
		if renames != 1 {
			t.Errorf("a log with nothing dead was made anew %d times", renames-1)
		}
		for range 100 {
			if size := run("same").Status().Bytes; size > 2*31*2_100 {
				t.Fatalf("the log has %d bytes", size)
			}
		}
		if renames == 1 {
			t.Error("the log was never made anew")
		}
	})
}

// TestMostAreDeleted: the deletions are obeyed, and the operator can look at what there was.
func TestMostAreDeleted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		deleted int
		kept    bool
	}{{12, true}, {11, false}} {
		t.Run(fmt.Sprint(test.deleted), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			session(t, dir, func(f *statefile.File) {
				for i := range 20 {
					put(f, fmt.Sprint(i), 1)
				}
				f.Commit(at(1))
			})
			synctest.Test(t, func(t *testing.T) {
				f := open(t, dir, nil)
				f.RewriteFrom(20_000)
				if _, err := read(f); err != nil {
					t.Fatal(err)
				}
				stop := start(t, f)
				for i := range test.deleted {
					f.Delete(fmt.Sprint(i))
				}
				churn(t, f, at(2))
				stop()
				if got := mustReload(t, dir); len(got.Docs) != 21-test.deleted || !got.Saved.Complete {
					t.Errorf("loaded %d documents, complete %v", len(got.Docs), got.Saved.Complete)
				}
				before, err := os.ReadFile(logPath(dir) + ".before")
				if (err == nil) != test.kept {
					t.Errorf("keeping the log before: %v", err)
				}
				if test.kept && !bytes.Contains(before, []byte(doc("0", 1))) {
					t.Error("the log that was kept has not what was deleted")
				}
			})
		})
	}
}

// TestDamageWhileRunning: the process cannot tell what was lost, so the copy is not called complete any more.
func TestDamageWhileRunning(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(dir string, whole int64) error{
		"changed": func(dir string, whole int64) error {
			file, err := os.OpenFile(logPath(dir), os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = file.WriteAt([]byte{0}, whole+10)
			return errors.Join(err, file.Close())
		},
		// As it was a while ago, and made anew at once.
		"put back": func(dir string, whole int64) error {
			return errors.Join(os.Truncate(logPath(dir), whole), os.Remove(filepath.Join(dir, "tenants.lock")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				f := open(t, dir, nil)
				f.RewriteFrom(20_000)
				if _, err := read(f); err != nil {
					t.Fatal(err)
				}
				stop := start(t, f)
				put(f, "a", 1)
				f.Commit(at(1))
				pass(2 * time.Second)
				whole := f.Status().Bytes
				put(f, "b", 1)
				f.Commit(at(2))
				pass(2 * time.Second)
				if err := damage(dir, whole); err != nil {
					t.Fatal(err)
				}
				churn(t, f, at(3))
				stop()
				got := mustReload(t, dir)
				if len(got.Docs) != 2 || got.Docs["a"] == "" || got.Docs["busy"] == "" || got.Saved.Complete {
					t.Errorf("loaded %d documents, %+v", len(got.Docs), got.Saved)
				}
			})
		})
	}
}

// TestChangesWhileMakingAnew: they are written after it, and win.
func TestChangesWhileMakingAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, nil)
		f.RewriteFrom(2_000)
		renames := 0
		f.Before(func(step string) error {
			if step != "rename" {
				return nil
			}
			if renames++; renames == 2 { // the first made the log
				put(f, "a", 2)
				f.Delete("b")
				f.Commit(at(50))
			}
			return nil
		})
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		put(f, "a", 1)
		put(f, "b", 1)
		churn(t, f, at(1))
		stop()
		got := mustReload(t, dir)
		delete(got.Docs, "busy")
		if len(got.Docs) != 1 || got.Docs["a"] != doc("a", 2) {
			t.Errorf("loaded %v", got.Docs)
		}
	})
}
