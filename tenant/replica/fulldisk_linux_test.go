package replica_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestFullDisk: the last backup stays whole and is used, the replica follows, and the backup is written again when there
// is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a file system of its own needs the right to mount: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Memory: storetest.NewMemory(), t: t}
		w.opt = replica.Options{Backup: filepath.Join(dir, "backup"), BackupInterval: time.Second, ResyncInterval: time.Minute}
		w.write(simple("a", "v1"))
		w.start()
		step(2 * time.Second)
		large := append(simple("large", "v1").bytes(), strings.Repeat(" ", 100_000)...)
		w.Put("large", large)
		w.Announce("large", store.KindApply, 0)
		step(5 * time.Minute)
		w.want("large.example", "live v1")
		s := w.m.Status()
		if !errors.Is(s.BackupErr, syscall.ENOSPC) || s.BackupAt.IsZero() || !s.Following {
			t.Fatalf("with a full disk: %+v", s)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) > 2 {
			t.Errorf("there are %v, %v", files, err)
		}
		w.crash()
		w.start()
		w.want("a.example", "live v1")
		w.want("large.example", "live v1")
		w.write(simple("large", "v2"))
		step(3 * time.Minute)
		if s := w.m.Status(); s.BackupErr != nil {
			t.Errorf("with room again: %+v", s)
		}
		w.crash()
		w.Fail(errGone)
		w.start()
		w.want("large.example", "disk v2")
		w.stop()
	})
}
