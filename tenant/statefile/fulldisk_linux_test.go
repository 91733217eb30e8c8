package statefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant/statefile"
)

// smallDisk mounts a file system of its own.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("a file system of its own needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// fill takes all but left bytes of a disk; the returned function gives them back.
func fill(t *testing.T, dir string, left int64) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n, err := io.Copy(file, bytes.NewReader(make([]byte, 1<<20)))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk took %d bytes: %v", n, err)
	}
	if err := file.Truncate(max(0, n-left)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "size=64k")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := open(t, dir, func(o *statefile.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		put(f, "a", 1)
		f.Commit(at(1))
		pass(time.Second)
		free := fill(t, dir, 4096)
		large := strings.Repeat("x", 20_000)
		for n := range 100 {
			f.Put("b", []byte(fmt.Sprint(large, n)))
			f.Commit(at(2 + n))
			pass(time.Second)
		}
		st := f.Status()
		if !errors.Is(st.Err, syscall.ENOSPC) || st.Errors == 0 || st.Errors > 10 || st.Pending != 1 || st.PendingBytes > 30_000 {
			t.Fatalf("status %+v", st)
		}
		want(t, mustReload(t, dir), content{Docs: docs("a", doc("a", 1)), Saved: at(1)})
		free()
		pass(statefile.MaxPause)
		if st := f.Status(); st.Err != nil || st.Pending != 0 {
			t.Fatalf("status %+v", st)
		}
		want(t, mustReload(t, dir), content{Docs: docs("a", doc("a", 1), "b", fmt.Sprint(large, 99)), Saved: at(101)})
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("logged %d lines, want one when it began and one when it ended:\n%s", n, log.String())
		}
		stop()
	})
}

// TestFullDiskWhileMakingAnew: the new log does not fit beside the old one.
func TestFullDiskWhileMakingAnew(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "size=64k")
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, nil)
		f.RewriteFrom(1_000)
		if _, err := read(f); err != nil {
			t.Fatal(err)
		}
		stop := start(t, f)
		state := content{Docs: docs()}
		n := 0
		turn := func() {
			n++
			id, data := fmt.Sprint("t", n%2), fmt.Sprint(strings.Repeat("x", 4_000), n)
			f.Put(id, []byte(data))
			state.Docs[id], state.Saved = data, at(n)
			f.Commit(at(n))
			pass(time.Second)
		}
		turn()
		free := fill(t, dir, 16_000)
		for n < 4 {
			turn()
		}
		st := f.Status()
		if !errors.Is(st.Err, syscall.ENOSPC) || st.Pending != 0 || st.Bytes < 16_000 {
			t.Fatalf("making anew did not fail, or writing did: %+v", st)
		}
		want(t, mustReload(t, dir), state)
		if _, err := os.Stat(filepath.Join(dir, statefile.TempName)); !os.IsNotExist(err) {
			t.Errorf("a temporary file is left: %v", err)
		}
		free()
		pass(statefile.MaxPause)
		if st := f.Status(); st.Err != nil || st.Bytes > 15_000 {
			t.Fatalf("status %+v", st)
		}
		want(t, mustReload(t, dir), state)
		turn()
		want(t, mustReload(t, dir), state)
		stop()
	})
}

func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "size=64k")
	session(t, dir, func(f *statefile.File) {
		put(f, "a", 1)
		f.Commit(at(1))
	})
	remount := func(flags uintptr) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, nil)
		c, err := read(f)
		if err != nil {
			t.Fatal(err)
		}
		want(t, c, content{Docs: docs("a", doc("a", 1)), Saved: at(1)})
		stop := start(t, f)
		put(f, "a", 2)
		f.Commit(at(2))
		pass(time.Second)
		if err := f.Status().Err; !errors.Is(err, syscall.EROFS) {
			t.Errorf("error %v", err)
		}
		remount(0)
		pass(statefile.MaxPause)
		want(t, mustReload(t, dir), content{Docs: docs("a", doc("a", 2)), Saved: at(2)})
		stop()
	})
}
