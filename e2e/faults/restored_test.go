package faults

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

const (
	moved = "https://moved.example"
	later = "https://later.example"
)

// sure says that the stream has whatever change it is asked for, so that a store that lacks some looks as if all
// were well.
type sure struct{ store.Source }

func (sure) HasChange(context.Context, store.Position) (bool, error) { return true, nil }

// content is every key as DUMP gives it.
func (l *lab) content() map[string]string {
	l.Helper()
	content := make(map[string]string)
	keys, err := l.redis.Admin().Keys(l.Context(), "*").Result()
	if err != nil {
		l.Fatal(err)
	}
	for _, key := range keys {
		if content[key], err = l.redis.Admin().Dump(l.Context(), key).Result(); err != nil {
			l.Fatal(err)
		}
	}
	return content
}

// refill replaces all that Redis has, and writes a document of tenant 2, in one transaction.
func (l *lab) refill(content map[string]string) {
	l.Helper()
	_, err := l.redis.Admin().TxPipelined(l.Context(), func(p redis.Pipeliner) error {
		p.FlushAll(l.Context())
		for key, value := range content {
			p.Restore(l.Context(), key, 0, value)
		}
		p.Set(l.Context(), prefix+"tenant:"+id(2), text(2, listed, later), 0)
		return p.Do(l.Context(), "XADD", prefix+"changes", "*", "tenant", id(2), "kind", "apply").Err()
	})
	if err != nil {
		l.Fatal(err)
	}
}

// holds says whether the copy takes what the store has, however often it looks.
func (l *lab) holds() {
	l.Helper()
	l.looked()
	if !l.allows(1, moved) || l.allows(1, listed) {
		l.Error("a withdrawn origin is back")
	}
	if l.allows(2, later) {
		l.Error("a store that does not count has changed a tenant")
	}
	if v := l.Status().Verdict; v != trust.Regressed {
		l.Errorf("the store does not count for %q", v)
	}
}

// F73, F74: Redis has an old content, and somebody has written since. F73: it was put there while it was followed;
// F74: Redis came back with an old dump.rdb. The documents have no revision, so nobody can tell which are old: what
// was withdrawn stays so until an operator confirms the store.
func TestRestoredRedisTakesNoWithdrawalBack(t *testing.T) {
	t.Parallel()
	withdraw := func(l *lab) {
		l.write(1, text(1, moved))
		l.until("the withdrawal is seen", func() bool { return l.allows(1, moved) && !l.allows(1, listed) })
	}
	for name, restore := range map[string]func(l *lab){
		"refilled while it was followed": func(l *lab) {
			old := l.content()
			withdraw(l)
			l.refill(old)
		},
		"restarted from an old dump": func(l *lab) {
			l.redis.Do("SAVE")
			withdraw(l)
			l.link.Down()
			l.redis.Restart()
			l.write(2, text(2, listed, later))
			l.link.Up()
		},
	} {
		lab := func(t *testing.T, change func(*replica.Options)) *lab {
			t.Parallel()
			l := newLab(t, 100, redistest.Options{Config: []string{"dir " + t.TempDir()}})
			l.follow(change)
			restore(l)
			return l
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("held until confirmed", func(t *testing.T) {
				l := lab(t, nil)
				l.until("the store has gone back", func() bool { return l.Status().Verdict == trust.Regressed })
				l.holds()
				l.stop()
				l.open(nil)
				l.until("it is held after a restart", func() bool { return l.Status().Verdict == trust.Regressed })
				l.holds()
				l.confirm("a")
				l.until("what the operator confirmed is in force", func() bool { return l.allows(1, listed) && l.allows(2, later) })
			})
			t.Run("control: a source that hides it brings the origin back", func(t *testing.T) {
				l := lab(t, func(o *replica.Options) {
					o.Source = sure{o.Source}
					o.ResyncInterval = o.CheckInterval
				})
				l.until("the withdrawn origin is back", func() bool { return l.allows(1, listed) })
			})
		})
	}
}

// lagging promotes a replica of Redis that has not got the last change, and writes something else there.
func lagging(t *testing.T, before, after string) *lab {
	t.Helper()
	l := newLab(t, 100, redistest.Options{})
	l.write(1, before)
	line := redistest.Proxy(t, l.redis.Addr())
	behind := redistest.StartReplica(t, l.redis, line.Addr())
	behind.AwaitSync()
	board := &switchboard{}
	board.connect(reader(t, l.redis.Addr()))
	l.follow(func(o *replica.Options) { o.Source = board })
	line.BlackHole()
	l.write(1, after)
	l.until("the change is seen", func() bool { return l.allows(1, moved) && !l.allows(1, listed) })
	behind.Promote()
	board.connect(reader(t, behind.Addr()))
	l.redis.Kill()
	l.redis = behind
	l.until("the store has gone back", func() bool { return l.Status().Verdict == trust.Regressed })
	l.write(2, text(2, listed, later))
	return l
}

// F75: a replica of Redis was promoted that lacks the last change, whose document has no revision. Nothing is taken
// back, and nothing more taken, until an operator confirms it.
func TestPromotedReplicaWithoutRevisionsWaits(t *testing.T) {
	t.Parallel()
	l := lagging(t, text(1, listed), text(1, moved))
	l.until("the tenants are stale", func() bool { return l.fresh(3) == tenant.Stale })
	l.holds()
	l.redis.Do("SET", prefix+"tenant:"+id(1), text(1, moved)) // the operator writes again what was lost
	l.confirm("a")
	l.until("the confirmed store is in force", func() bool { return l.allows(2, later) })
	if l.allows(1, listed) || !l.allows(1, moved) {
		t.Error("the withdrawn origin is back")
	}
}

// F76: the same, with revisions: they show what is old, so that the copy goes on by itself and keeps the lost document.
// F75 is the control.
func TestPromotedReplicaWithRevisionsCounts(t *testing.T) {
	t.Parallel()
	l := lagging(t, revised(1, 1, listed), revised(1, 2, moved))
	kept := func() bool {
		return l.told(id(1), tenant.OlderRevision) && l.allows(1, moved) && !l.allows(1, listed)
	}
	l.until("the store counts again", func() bool { return l.Status().Following && l.allows(2, later) })
	l.until("the lost document stays", kept)
	l.stop()
	l.open(func(o *replica.Options) { o.Source = reader(t, l.redis.Addr()) })
	l.until("the restarted copy follows", func() bool { return l.Status().Following })
	if !l.allows(1, moved) || l.allows(1, listed) {
		t.Error("a restart forgets the lost document")
	}
	l.write(1, revised(1, 3, listed, moved))
	l.until("a newer revision is in force", func() bool { return l.allows(1, listed) && !l.told(id(1), tenant.OlderRevision) })
}
