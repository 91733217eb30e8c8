package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/files"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
)

// F60: what the last run left is served at once, and again after a
// return of Redis without reading everything.
func TestBackupDecidesWithoutRedis(t *testing.T) {
	t.Parallel()
	l := newLab(t, tenants, redistest.Options{AppendOnlyDir: t.TempDir()})
	l.follow(nil)
	l.stop()
	l.redis.Kill()
	l.open(nil)
	l.until("the backup is read", func() bool { return l.Status().Ready })
	r := l.load(tenants)
	for i := range tenants {
		if f := l.fresh(i); f != tenant.Disk {
			t.Fatalf("tenant %d is %v", i, f)
		}
	}
	l.until("a tenant that is not in the backup is refused", func() bool {
		v, took := l.stranger("new.example")
		if took > 500*time.Millisecond {
			t.Errorf("an unknown tenant was answered after %v", took)
		}
		return v.Freshness == tenant.Unavailable // not before the TTL has passed
	})
	l.redis.Restart()
	l.until("everything is live", func() bool { return l.live() == tenants })
	if s := l.Stats(); s.Resyncs != 0 {
		t.Errorf("%d resynchronisations for a copy that was current", s.Resyncs)
	}
	l.check(r)
}

// F61: without a copy the static documents answer, and nobody else.
func TestBaselineDecidesWithoutRedisAndBackup(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, redistest.Options{})
	l.redis.Kill()
	static, err := files.New(files.Options{Path: baseline(t, text(7, listed))})
	if err != nil {
		t.Fatal(err)
	}
	if err := static.Load(); err != nil {
		t.Fatal(err)
	}
	l.open(func(o *replica.Options) { o.Baseline = static })
	for name, want := range map[string]tenant.Freshness{host(7): tenant.Baseline, host(0): tenant.Unavailable} {
		v, took := l.stranger(name)
		if v.Freshness != want || took > 500*time.Millisecond {
			t.Errorf("%s is %v after %v, want %v", name, v.Freshness, took, want)
		}
		if allowed(&v, name, listed) != (want == tenant.Baseline) {
			t.Errorf("%s: wrong decision", name)
		}
	}
	if l.Status().Ready {
		t.Error("a copy without a tenant says that it is ready")
	}
	l.redis.Restart()
	l.fill(1)
	l.until("the store is read", func() bool { return l.fresh(0) == tenant.Live })
}

// F62 (rule 76): Redis dies, hangs or is slow. Known tenants do not notice, not even when they are stale; too old is closed.
func TestKnownTenantsOutliveRedis(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		begin, heal func(l *lab)
	}{
		{"killed", func(l *lab) { l.redis.Kill() }, func(l *lab) { l.redis.Restart() }},
		{"stopped", func(l *lab) { l.redis.Stop() }, func(l *lab) { l.redis.Cont() }},
		{"black-holed", func(l *lab) { l.link.BlackHole() }, func(l *lab) { l.link.Heal() }},
		{"slow", func(l *lab) { l.link.Latency(500*time.Millisecond, 100*time.Millisecond) }, func(l *lab) { l.link.Heal() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, tenants, redistest.Options{AppendOnlyDir: t.TempDir()})
			l.follow(nil)
			r := l.load(tenants)
			tc.begin(l)
			l.until("tenants are stale", func() bool { return l.fresh(1) == tenant.Stale })
			for i := range 20 {
				v, took := l.stranger(fmt.Sprintf("cold%d.example", i))
				if v.Freshness != tenant.Unavailable && v.Freshness != tenant.Unknown {
					t.Errorf("an unknown tenant is %v", v.Freshness)
				}
				if took > 250*time.Millisecond { // the budget is 10 ms; the machine is busy
					t.Errorf("an unknown tenant was answered after %v", took)
				}
			}
			tc.heal(l)
			l.write(3, text(3, listed, "https://new.example"))
			l.until("the change is seen", func() bool { return l.allows(3, "https://new.example") })
			l.until("everything is live", func() bool { return l.fresh(1) == tenant.Live })
			l.check(r)
		})
	}
	t.Run("control: too old is closed", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, 1, redistest.Options{})
		l.follow(func(o *replica.Options) { o.MaxStale = o.TTL })
		l.redis.Kill()
		l.until("the tenant is closed", func() bool { return !l.allows(0, listed) && l.fresh(0) == tenant.Unavailable })
	})
}

// F63: a link that comes and goes costs few connections and loses no change.
func TestFlappingLinkLosesNoChange(t *testing.T) {
	t.Parallel()
	l := newLab(t, tenants, redistest.Options{})
	l.follow(nil)
	r := l.load(tenants)
	before := l.redis.CommandStats()["hello"].Calls
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	const flaps = 10
	for i := range flaps {
		l.link.Down()
		<-tick.C
		l.write(i, text(i, listed, fmt.Sprintf("https://f%d.example", i)))
		l.link.Up()
		<-tick.C
	}
	for i := range flaps {
		l.until("each change is seen", func() bool { return l.allows(i, fmt.Sprintf("https://f%d.example", i)) })
	}
	if dials := l.redis.CommandStats()["hello"].Calls - before; dials > 8*flaps {
		t.Errorf("%d connections for %d interruptions", dials, flaps)
	}
	l.check(r)
}

// F64: half a reply is no reply.
func TestBrokenReplyIsNoReply(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*redistest.Link){
		"reset":           (*redistest.Link).ResetPeer,
		"after 10 bytes":  func(k *redistest.Link) { k.LimitData(10) },
		"after 100 bytes": func(k *redistest.Link) { k.LimitData(100) },
		"after 600 bytes": func(k *redistest.Link) { k.LimitData(600) },
		"byte by byte":    func(k *redistest.Link) { k.Slicer(1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 100, redistest.Options{})
			l.follow(nil)
			r := l.load(100)
			fault(l.link)
			for i := range 20 {
				l.write(i, text(i, listed, "https://new.example"))
			}
			loaded := l.Stats().Reads
			l.until("some reads were tried", func() bool { return l.Stats().Reads > loaded+3 })
			l.link.Heal()
			for i := range 20 {
				l.until("each change is seen", func() bool { return l.allows(i, "https://new.example") })
			}
			l.check(r)
			if n := len(l.Survey().Rejected); n > 0 {
				t.Errorf("%d documents were taken for broken", n)
			}
		})
	}
}

// F70: the connection on which the follower waits is cut, again and again. It asks for the changes instead.
func TestFollowerPollsWhereWaitingIsCut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*redistest.Link){
		"black-holed": (*redistest.Link).BlackHole, "held back": (*redistest.Link).BandwidthZero, "down": (*redistest.Link).Down,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 100, redistest.Options{})
			direct := reader(t, l.redis.Addr())
			l.follow(func(o *replica.Options) {
				o.Source = twoLines{Source: direct, stream: o.Source}
				o.CheckInterval = time.Hour // so that it is not the check
			})
			cut(l.link)
			for i := range 5 {
				l.write(1, text(1, listed, fmt.Sprintf("https://n%d.example", i)))
				l.until("the change is seen", func() bool { return l.allows(1, fmt.Sprintf("https://n%d.example", i)) })
			}
			if n := l.Stats().Sessions; n > 2 {
				t.Errorf("%d sessions failed: it goes on waiting where that is of no use", n)
			}
			l.link.Heal()
			l.write(2, text(2, listed, "https://new.example"))
			l.until("the change is seen after healing", func() bool { return l.allows(2, "https://new.example") })
		})
	}
	t.Run("control: where asking is cut too it sees nothing", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, 100, redistest.Options{})
		l.follow(nil)
		l.link.BlackHole()
		l.write(1, text(1, listed, "https://new.example"))
		l.until("the tenants are stale", func() bool { return l.fresh(1) == tenant.Stale })
		if l.allows(1, "https://new.example") {
			t.Error("the change was seen: the fault was none")
		}
	})
}

// F71: changes that were trimmed before they were read are found by reading everything.
func TestTrimmedChangesAreFound(t *testing.T) {
	t.Parallel()
	l := newLab(t, 100, redistest.Options{})
	l.follow(func(o *replica.Options) { o.TTL = time.Hour })
	l.link.Down()
	l.write(1, text(1, listed, "https://new.example"))
	l.write(2, text(2, listed))
	l.redis.Do("XTRIM", prefix+"changes", "MAXLEN", "0")
	l.link.Up()
	l.until("the change is found", func() bool { return l.allows(1, "https://new.example") })
	if n := l.Stats().Resyncs; n < 2 {
		t.Errorf("%d resynchronisations, want a second one", n)
	}
}

// F72 (rule 75): the machine slept, so that nothing is live. That costs a few reads, and nobody waits.
func TestSleepCostsFewReads(t *testing.T) {
	t.Parallel()
	const n = 2000
	l := newLab(t, n, redistest.Options{})
	l.follow(func(o *replica.Options) { o.TTL = 30 * time.Second })
	before := l.Stats().Reads
	r := l.load(n)
	l.link.BandwidthZero() // until it was seen
	l.Suspended()
	l.until("nothing is live", func() bool { return l.live() == 0 })
	l.link.Heal()
	l.until("everything is live again", func() bool { return l.Status().Following && l.live() == n })
	l.check(r)
	if reads := l.Stats().Reads - before; reads > 50 {
		t.Errorf("%d reads for %d tenants", reads, n)
	}
}

var _ store.Source = (*switchboard)(nil)
