package faults

import (
	"os"
	"testing"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
)

// backedUp leaves two backups, the last one with a change, and a Redis that is gone.
func backedUp(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, 100, redistest.Options{AppendOnlyDir: t.TempDir()})
	l.follow(nil)
	l.until("there is a backup", func() bool { return !l.Status().BackupAt.IsZero() })
	l.write(1, text(1, listed, later))
	l.until("the change is seen", func() bool { return l.allows(1, later) })
	l.stop() // writes the next one
	l.redis.Kill()
	return l
}

// damage changes the last backup, or the one before.
func (l *lab) damage(path string, change func([]byte) []byte) {
	l.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		l.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o600); err != nil {
		l.Fatal(err)
	}
}

func flip(b []byte) []byte { b[len(b)/2] ^= 1; return b }

// F82: the backup is damaged: the one before decides, and without one nobody. Redis, when it returns, brings what is
// missing.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"a bit":                 flip,
		"half of it is missing": func(b []byte) []byte { return b[:len(b)/2] },
		"the end is missing":    func(b []byte) []byte { return b[:len(b)-1] },
		"empty":                 func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := backedUp(t)
			l.damage(l.backup, change)
			l.open(nil)
			l.until("the previous backup is read", func() bool { return l.Status().Ready })
			for i := range 100 {
				if l.fresh(i) != tenant.Disk || !l.allows(i, listed) || l.allows(i, foreign) {
					t.Errorf("tenant %d is %v", i, l.fresh(i))
				}
			}
			if l.allows(1, later) {
				t.Error("the damaged backup decides")
			}
			l.redis.Restart()
			l.until("the change is seen", func() bool { return l.allows(1, later) && l.fresh(1) == tenant.Live })
		})
	}
	t.Run("control: a backup that is not damaged decides", func(t *testing.T) {
		t.Parallel()
		l := backedUp(t)
		l.open(nil)
		l.until("the last backup is read", func() bool { return l.Status().Ready })
		if l.fresh(1) != tenant.Disk || !l.allows(1, later) {
			t.Errorf("the tenant is %v", l.fresh(1))
		}
	})
	t.Run("both", func(t *testing.T) {
		t.Parallel()
		l := backedUp(t)
		l.damage(l.backup, flip)
		l.damage(l.backup+".previous", flip)
		l.open(nil)
		l.until("Redis was looked for", func() bool { return l.Stats().Sessions > 0 })
		if s := l.Status(); s.Ready || s.Documents > 0 || l.fresh(1) != tenant.Unavailable {
			t.Errorf("the tenant is %v: %+v", l.fresh(1), s)
		}
		l.redis.Restart()
		l.until("everything is live", func() bool { return l.live() == 100 })
	})
}

// F83: the backup is of another registry, as on a disk that was moved: it decides nothing, and stays as it is.
func TestBackupOfAnotherRegistry(t *testing.T) {
	t.Parallel()
	l := backedUp(t)
	l.open(func(o *replica.Options) { o.Identity = "another" })
	l.until("Redis was looked for", func() bool { return l.Stats().Sessions > 0 })
	if s := l.Status(); s.Ready || s.Documents > 0 || l.fresh(1) != tenant.Unavailable {
		t.Errorf("the tenant is %v: %+v", l.fresh(1), s)
	}
	l.stop()
	l.open(nil)
	l.until("control: its own registry takes it", func() bool { return l.Status().Ready && l.allows(1, later) })
}
