package statefile_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant/statefile"
)

// TestDirectoryThatCannotBeMade: a file is in its place, and goes away later.
func TestDirectoryThatCannotBeMade(t *testing.T) {
	t.Parallel()
	inTheWay := filepath.Join(t.TempDir(), "file")
	dir := filepath.Join(inTheWay, "state")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, nil)
		if _, err := read(f); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("error %v", err)
		}
		stop := start(t, f)
		put(f, "a", 1)
		f.Commit(at(1))
		pass(time.Hour)
		if st := f.Status(); !errors.Is(st.Err, syscall.ENOTDIR) || st.Errors < 50 || st.Errors > 70 {
			t.Errorf("after an hour: %+v", st) // about one attempt a minute
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		pass(statefile.MaxPause)
		want(t, mustReload(t, dir), content{Docs: docs("a", doc("a", 1)), Saved: at(1)})
		stop()
	})
}

func TestDirectoryRemovedWhileRunning(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(dir string) error{
		"all":      os.RemoveAll,
		"the log":  func(dir string) error { return os.Remove(logPath(dir)) },
		"the lock": func(dir string) error { return os.Remove(filepath.Join(dir, "tenants.lock")) },
		"exchanged": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-moved"), os.Mkdir(dir, 0o700), os.WriteFile(logPath(dir), []byte("foreign"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			synctest.Test(t, func(t *testing.T) {
				f := open(t, dir, nil)
				if _, err := read(f); err != nil {
					t.Fatal(err)
				}
				stop := start(t, f)
				put(f, "a", 1)
				f.Commit(at(1))
				pass(time.Second)
				if err := remove(dir); err != nil {
					t.Fatal(err)
				}
				put(f, "b", 1)
				f.Commit(at(2))
				pass(2 * time.Second)
				// a was not put again: it comes from the file that is still open.
				state := content{Docs: docs("a", doc("a", 1), "b", doc("b", 1)), Saved: at(2)}
				want(t, mustReload(t, dir), state)
				second := open(t, dir, nil)
				if _, err := read(second); err != nil {
					t.Fatal(err)
				}
				stopSecond := start(t, second)
				pass(time.Second)
				if err := second.Status().Err; !errors.Is(err, statefile.ErrLocked) {
					t.Errorf("the directory has no owner: %v", err)
				}
				stopSecond()
				stop()
				want(t, mustReload(t, dir), state)
			})
		})
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	temp := filepath.Join(dir, statefile.TempName)
	if err := os.WriteFile(temp, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	session(t, dir, func(f *statefile.File) { f.Commit(at(1)) })
	if _, err := os.Stat(temp); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
