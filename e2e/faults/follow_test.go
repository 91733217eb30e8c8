package faults

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
)

// F77: two tenants list one host. A copy that knows who had it first leaves it there, one that does not know closes
// the host; both tell. Keys of hosts say nothing. When one tenant no longer lists the host, both copies agree.
func TestContestedHost(t *testing.T) {
	t.Parallel()
	l := newLab(t, 100, redistest.Options{})
	resync := func(o *replica.Options) { o.ResyncInterval = 300 * time.Millisecond }
	l.follow(resync)
	l.write(2, hosting(2, []string{host(2), host(1)}, foreign))
	l.until("the conflict is told", func() bool { return l.told(id(2), tenant.HostConflict) })
	fresh, _ := l.start(func(o *replica.Options) { o.Backup = ""; resync(o) })
	l.until("a fresh copy follows", func() bool { return fresh.Status().Following })
	look := func(r *replica.Replica, host string) tenant.View {
		return r.Lookup(t.Context(), tenant.Key{Authority: host, Path: "/"})
	}
	contested := func(when string) {
		t.Helper()
		if !l.allows(1, listed) || l.allows(1, foreign) || !l.told(id(2), tenant.HostConflict) || l.told(id(1), tenant.HostConflict) {
			t.Errorf("%s: the host is %v for the running copy; rejected: %v", when, l.fresh(1), l.Survey().Rejected)
		}
		v, other := look(fresh, host(1)), look(fresh, host(2))
		if v.Freshness != tenant.Conflict || allowed(&v, host(1), listed) || allowed(&v, host(1), foreign) {
			t.Errorf("%s: the host is %v for the fresh copy", when, v.Freshness)
		}
		if !allowed(&other, host(2), foreign) || !told(fresh, id(1), tenant.HostConflict) || !told(fresh, id(2), tenant.HostConflict) {
			t.Errorf("%s: the fresh copy rejects %v", when, fresh.Survey().Rejected)
		}
	}
	contested("at first")

	l.redis.Do("SET", prefix+"host:"+host(1), id(2))
	l.redis.Do("XADD", prefix+"changes", "*", "tenant", id(2))
	l.redis.Do("DEL", prefix+"host:"+host(1), prefix+"host:"+host(2))
	l.redis.Do("XADD", prefix+"changes", "*", "tenant", id(1))
	changes, resyncs, freshResyncs := l.Stats().Changes, l.Stats().Resyncs, fresh.Stats().Resyncs
	l.write(3, text(3, listed, later))
	l.until("everything was read again", func() bool {
		v := look(fresh, host(3))
		return l.allows(3, later) && allowed(&v, host(3), later) &&
			l.Stats().Changes > changes && l.Stats().Resyncs > resyncs+1 && fresh.Stats().Resyncs > freshResyncs+1
	})
	contested("without keys of hosts")
	l.stop()
	l.open(resync)
	l.until("the restarted copy follows", func() bool { return l.Status().Following })
	contested("after a restart")

	l.redis.Do("SET", prefix+"tenant:"+id(1), hosting(1, []string{"own.example"}, listed)) // nobody announces it
	l.until("both copies agree", func() bool {
		here, there := l.at(1), look(fresh, host(1))
		return here.ID() == id(2) && there.ID() == id(2)
	})
	for _, r := range []*replica.Replica{l.Replica, fresh} {
		if p := r.Survey().Rejected; len(p) > 0 {
			t.Errorf("still told: %v", p)
		}
	}
}

// counted counts the calls that wait.
type counted struct {
	store.Source
	calls atomic.Int64
}

func (c *counted) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	defer c.calls.Add(1)
	return c.Source.Changes(ctx, after, limit, wait)
}

// F78: what stands between swallows the changes that blocking reads wait for, here by sending these to a replica of
// Redis that is cut off. The check of where the store is finds it out, and the copy asks for the changes from then on.
func TestFollowerPollsWhereWaitingBringsNothing(t *testing.T) {
	t.Parallel()
	swallowed := func(t *testing.T, check time.Duration) (*lab, *counted) {
		t.Parallel()
		l := newLab(t, 100, redistest.Options{})
		line := redistest.Proxy(t, l.redis.Addr())
		behind := redistest.StartReplica(t, l.redis, line.Addr())
		behind.AwaitSync()
		line.BlackHole()
		waits := &counted{Source: reader(t, behind.Addr())}
		l.follow(func(o *replica.Options) {
			o.Source = twoLines{Source: o.Source, stream: waits}
			o.CheckInterval = check
		})
		return l, waits
	}
	change := func(l *lab, n int) (seen func() bool) {
		origin := fmt.Sprintf("https://n%d.example", n)
		l.write(1, text(1, listed, origin))
		return func() bool { return l.allows(1, origin) }
	}
	t.Run("the check finds it out", func(t *testing.T) {
		l, waits := swallowed(t, 3*time.Second) // later than a wait may be
		n := 0
		for ; l.Stats().Stuck == 0; n++ {
			l.until("the check sees the change", change(l, n))
		}
		if n > 3 {
			t.Errorf("only the check of change %d was taken for late", n)
		}
		before := waits.calls.Load()
		for i := range 3 {
			l.until("asking sees the change", change(l, n+i))
		}
		if got := waits.calls.Load(); got != before {
			t.Errorf("it has waited %d more times", got-before)
		}
	})
	t.Run("control: without the check nothing is seen", func(t *testing.T) {
		l, waits := swallowed(t, time.Hour)
		before := waits.calls.Load()
		seen := change(l, 0)
		l.until("it has waited", func() bool { return waits.calls.Load() > before+3 })
		if seen() {
			t.Error("the change was seen: the fault was none")
		}
	})
}

// greedy always asks for as many changes as there may be.
type greedy struct{ store.Source }

func (g greedy) Changes(ctx context.Context, after store.Position, _ int, wait time.Duration) ([]store.Change, error) {
	return g.Source.Changes(ctx, after, 1000, wait)
}

// F79: entries of the stream are so large that they do not come in one read: no connection lasts for more than two.
func TestLargeEntriesStallNothing(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 2<<20)
	behind := func(t *testing.T, change func(*replica.Options)) *lab {
		t.Parallel()
		l := newLab(t, 100, redistest.Options{})
		l.follow(change)
		l.link.Down()
		for range 8 {
			l.redis.Do("XADD", prefix+"changes", "*", "tenant", id(1), "note", large)
		}
		l.write(1, text(1, listed, later))
		l.link.LimitData(5 << 20)
		l.link.Up()
		return l
	}
	t.Run("the changes behind them are seen", func(t *testing.T) {
		l := behind(t, nil)
		l.until("the change is seen", func() bool { return l.allows(1, later) })
		l.link.Heal()
		l.redis.Do("XADD", prefix+"changes", "*", "tenant", large, "kind", large)
		l.write(2, text(2, listed, later))
		l.until("the change behind another one is seen", func() bool { return l.allows(2, later) })
		if n := l.Stats().Integrity; n != 1 {
			t.Errorf("%d changes of no valid tenant were counted, want 1", n)
		}
	})
	t.Run("control: who always asks for all of them is stalled", func(t *testing.T) {
		l := behind(t, func(o *replica.Options) { o.Source = greedy{o.Source} })
		before := l.Stats().Sessions
		l.until("it has tried", func() bool { return l.Stats().Sessions > before+3 })
		if l.allows(1, later) {
			t.Error("the change was seen: the fault was none")
		}
	})
}

// F80: a foreign writer announces nothing.
func TestUnannouncedWriteIsFound(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, resync time.Duration) *lab {
		t.Parallel()
		l := newLab(t, 100, redistest.Options{})
		l.follow(func(o *replica.Options) { o.ResyncInterval = resync })
		l.redis.Do("SET", prefix+"tenant:"+id(1), text(1, listed, later))
		return l
	}
	t.Run("by reading everything again", func(t *testing.T) {
		l := write(t, time.Second)
		l.until("the change is found", func() bool { return l.allows(1, later) })
	})
	t.Run("control: without that it is not", func(t *testing.T) {
		l := write(t, time.Hour)
		l.looked()
		if l.allows(1, later) {
			t.Error("the change was found: something else finds it")
		}
	})
}

// F81: there is no memory for all documents. The largest are refused and told, and nobody else notices.
func TestDocumentsOverTheMemory(t *testing.T) {
	t.Parallel()
	const bound = 300 << 10
	follow := func(t *testing.T, most int64) *lab {
		t.Parallel()
		l := newLab(t, 100, redistest.Options{})
		for i, size := range []int{400 << 10, 100 << 10, 200 << 10} {
			d := text(i, listed)
			l.redis.Do("SET", prefix+"tenant:"+id(i), d+strings.Repeat(" ", size-len(d)))
		}
		l.follow(func(o *replica.Options) { o.MaxBytes = most })
		return l
	}
	t.Run("the largest are refused", func(t *testing.T) {
		l := follow(t, bound)
		check := func(when string) {
			t.Helper()
			for i := range 100 {
				refused := i == 0 || i == 2
				if l.allows(i, listed) == refused || l.told(id(i), tenant.OverBudget) != refused {
					t.Errorf("%s: tenant %d is %v, told: %t", when, i, l.fresh(i), l.told(id(i), tenant.OverBudget))
				}
			}
		}
		check("at first")
		l.stop()
		l.open(func(o *replica.Options) { o.MaxBytes = bound })
		l.until("the restarted copy follows", func() bool { return l.Status().Following })
		for i := range 100 {
			if l.allows(i, listed) != (i != 0 && i != 2) {
				t.Errorf("after a restart tenant %d is %v", i, l.fresh(i))
			}
		}
		l.write(2, text(2, listed, later))
		l.until("a smaller document is served", func() bool { return l.allows(2, later) && !l.told(id(2), tenant.OverBudget) })
	})
	t.Run("control: without a bound they are served", func(t *testing.T) {
		l := follow(t, 0)
		for i := range 100 {
			if !l.allows(i, listed) {
				t.Errorf("tenant %d is %v", i, l.fresh(i))
			}
		}
	})
}
