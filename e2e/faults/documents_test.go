package faults

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/trust"
)

// F65: a document cannot be used. The last good document stays in force, also after everything
// was read again and after a restart; other tenants go on changing.
func TestUnusableDocumentLeavesTheLastGoodOne(t *testing.T) {
	t.Parallel()
	good := text(1, listed)
	for name, spoil := range map[string]func(l *lab){
		"truncated":     func(l *lab) { l.write(1, good[:len(good)/2]) },
		"not JSON":      func(l *lab) { l.write(1, "\x00\xff garbage") },
		"invalid UTF-8": func(l *lab) { l.write(1, strings.Replace(good, "app", "a\xffp", 1)) },
		"unknown field": func(l *lab) { l.write(1, strings.Replace(good, `"policy"`, `"crit":["x"],"policy"`, 1)) },
		"empty":         func(l *lab) { l.write(1, " ") },
		"another's id":  func(l *lab) { l.write(1, text(2, listed)) },
		"too large":     func(l *lab) { l.write(1, good+strings.Repeat(" ", 2<<20)) },
		"unsafe combination": func(l *lab) {
			l.write(1, strings.Replace(text(1, "*"), `"policy":{`, `"policy":{"credentials":true,`, 1))
		},
		"a list instead": func(l *lab) {
			l.redis.Do("DEL", prefix+"tenant:"+id(1))
			l.redis.Do("LPUSH", prefix+"tenant:"+id(1), "x")
			l.redis.Do("XADD", prefix+"changes", "*", "tenant", id(1))
		},
		"header bytes": func(l *lab) { l.write(1, strings.Replace(good, listed, listed+`\r\nset-cookie: a=b`, 1)) },
		"a key twice":  func(l *lab) { l.write(1, strings.Replace(good, `{"id"`, `{"mode":"OFF","mode":"SHADOW","id"`, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 100, redistest.Options{})
			l.follow(nil)
			r := l.load(100)
			spoil(l)
			l.until("the document is refused", func() bool { return l.told(id(1), tenant.Invalid) })
			l.write(5, text(5, listed, "https://new.example"))
			l.until("another tenant changes", func() bool { return l.allows(5, "https://new.example") })
			l.confirm("a") // reads everything again, and believes it
			l.until("everything was read again", func() bool { return l.Stats().Resyncs > 1 && l.Status().Following })
			l.check(r)
			l.stop()
			l.open(nil)
			l.until("the restarted copy follows", func() bool { return l.Status().Following })
			if !l.allows(1, listed) || l.allows(1, foreign) {
				t.Errorf("after a restart the tenant is %v", l.fresh(1))
			}
			l.redis.Do("DEL", prefix+"tenant:"+id(1))
			l.write(1, text(1, listed, "https://fixed.example"))
			l.until("the mended document is in force", func() bool { return l.allows(1, "https://fixed.example") })
			if l.told(id(1), tenant.Invalid) {
				t.Error("the problem is still told")
			}
		})
	}
}

// F66: a layout that is newer than the program is not half understood.
func TestNewerLayoutIsNotHalfUnderstood(t *testing.T) {
	t.Parallel()
	l := newLab(t, 100, redistest.Options{})
	l.follow(nil)
	l.redis.Do("HSET", prefix+"meta", "schema", "2")
	l.write(1, text(1, listed, "https://new.example"))
	l.until("the store is held", func() bool { return l.Status().Verdict == trust.Schema })
	if l.allows(1, "https://new.example") || !l.allows(1, listed) {
		t.Error("a document of a newer layout is in force")
	}
	l.redis.Do("HSET", prefix+"meta", "schema", "1")
	l.until("the change is seen", func() bool { return l.allows(1, "https://new.example") })
}

// F67: many tenants that vanish are held back until an operator confirms.
func TestMassRemovalWaits(t *testing.T) {
	t.Parallel()
	const gone = 300
	remove := func(l *lab) {
		for i := range gone {
			l.write(i, "")
		}
	}
	left := func(l *lab) int {
		n := 0
		for i := range tenants {
			if l.allows(i, listed) {
				n++
			}
		}
		return n
	}
	t.Run("held until confirmed", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, tenants, redistest.Options{})
		l.follow(nil)
		remove(l)
		l.write(500, text(500, listed, "https://new.example"))
		l.until("other changes pass", func() bool { return l.allows(500, "https://new.example") })
		if n := left(l); n < tenants-50 {
			t.Errorf("%d tenants are left: more than the limit permits have gone", n)
		}
		if got := l.Status().HeldBack; !slices.Equal(got, []tenant.Why{tenant.Vanished}) || !l.told(id(gone-1), tenant.Vanished) {
			t.Errorf("told as held back: %v", got)
		}
		l.confirm("a")
		l.until("the removal is in force", func() bool { return left(l) == tenants-gone })
		if s := l.Status(); len(s.HeldBack) > 0 {
			t.Errorf("still held back: %v", s.HeldBack)
		}
	})
	t.Run("emptied documents too", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, tenants, redistest.Options{})
		l.follow(nil)
		for i := range gone {
			l.write(i, text(i))
		}
		l.write(500, text(500, listed, "https://new.example"))
		l.until("other changes pass", func() bool { return l.allows(500, "https://new.example") })
		if n := left(l); n < tenants-50 || !l.told(id(gone-1), tenant.Emptied) {
			t.Errorf("%d tenants are left", n)
		}
	})
	t.Run("control: without a limit they go", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, tenants, redistest.Options{})
		l.follow(func(o *replica.Options) { o.Limit.Tenants = tenants })
		remove(l)
		l.until("the tenants are gone", func() bool { return left(l) == tenants-gone })
	})
}

// F68: Redis was emptied, or is another one: it counts for nothing until an operator confirms it.
func TestForeignStoreCountsForNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault   func(l *lab)
		verdict trust.Verdict
	}{
		"flushed":       {func(l *lab) { l.redis.Do("FLUSHALL") }, trust.Vanished},
		"new epoch":     {func(l *lab) { l.redis.Do("HSET", prefix+"meta", "epoch", "second") }, trust.Epoch},
		"epoch missing": {func(l *lab) { l.redis.Do("DEL", prefix+"meta") }, trust.Epoch},
		"begun anew": {func(l *lab) {
			l.redis.Do("FLUSHALL")
			l.redis.Do("HSET", prefix+"meta", "epoch", "second", "schema", "1")
			l.write(0, text(0, foreign))
		}, trust.Epoch},
		"restarted empty": {func(l *lab) { l.redis.Restart() }, trust.Vanished},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, tenants, redistest.Options{})
			l.follow(func(o *replica.Options) { o.AbsentAfter = 100 * time.Millisecond })
			r := l.load(tenants)
			tc.fault(l)
			l.until("the store is held", func() bool { return l.Status().Verdict == tc.verdict })
			l.until("the tenants are stale", func() bool { return l.fresh(1) == tenant.Stale })
			if v, _ := l.stranger("new.example"); v.Freshness != tenant.Unavailable && v.Freshness != tenant.Unknown {
				t.Errorf("an unknown tenant is %v", v.Freshness)
			}
			l.check(r)
			// A restart does not make the other store right.
			l.stop()
			l.open(nil)
			l.until("the store is held after a restart", func() bool { return l.Status().Verdict == tc.verdict })
			if !l.allows(1, listed) || l.allows(0, foreign) {
				t.Error("the restarted copy believes the other store")
			}
			l.redis.Do("FLUSHALL")
			l.redis.Do("HSET", prefix+"meta", "epoch", "third", "schema", "1")
			l.write(1, text(1, "https://only.example"))
			l.confirm("by-operator")
			l.until("the confirmed store is in force", func() bool {
				return l.allows(1, "https://only.example") && !l.allows(1, listed) && !l.allows(2, listed)
			})
		})
	}
	t.Run("control: a copy that believes its store is emptied", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, 40, redistest.Options{})
		l.follow(func(o *replica.Options) {
			o.Source = believe(o.Source)
			o.AbsentAfter, o.ResyncInterval = 100*time.Millisecond, 200*time.Millisecond
		})
		l.redis.Do("FLUSHALL")
		l.until("a tenant is closed", func() bool { return !l.allows(1, listed) })
	})
}

// F69: an announced deletion counts at once, a tombstone holds its hosts, and what is merely missing stays.
func TestDeletionCountsAbsenceDoesNot(t *testing.T) {
	t.Parallel()
	l := newLab(t, 100, redistest.Options{})
	l.follow(func(o *replica.Options) { o.ResyncInterval = 300 * time.Millisecond })
	l.write(1, `{"id":"`+id(1)+`","hosts":["`+host(1)+`"],"deleted":true,"revision":"2"}`)
	l.until("the tombstone is in force", func() bool { return l.fresh(1) == tenant.Unknown })
	l.write(2, "")
	l.until("the deletion is in force", func() bool { return !l.allows(2, listed) })
	l.redis.Do("DEL", prefix+"tenant:"+id(3))
	l.until("the missing document is noticed", func() bool { return l.told(id(3), tenant.Missing) })
	if !l.allows(3, listed) {
		t.Error("a document that is merely missing closed its tenant")
	}
}
