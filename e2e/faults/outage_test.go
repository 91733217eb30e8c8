package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/filestore"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
)

// TestR1DiskWithoutRedis: what the last run left is served at once, and again after a
// return of Redis without reading everything.
func TestR1DiskWithoutRedis(t *testing.T) {
	t.Parallel()
	l := newLab(t, tenants, redistest.Options{AppendOnlyDir: t.TempDir()})
	l.follow(nil)
	l.stop()
	l.redis.Kill()
	l.open(nil)
	l.until("the disk is read", func() bool { return l.Status().Ready })
	r := l.load(tenants)
	for i := range tenants {
		if f := l.fresh(i); f != tenant.Disk {
			t.Fatalf("tenant %d is %v", i, f)
		}
	}
	if v, took := l.stranger("new.example"); v.Freshness != tenant.Unavailable || took > 500*time.Millisecond {
		t.Errorf("a tenant that is not on disk: %v after %v", v.Freshness, took)
	}
	l.redis.Restart()
	l.until("everything is live", func() bool { return l.Status().Live == tenants })
	if s := l.Stats(); s.Resyncs != 0 {
		t.Errorf("%d resynchronisations for a copy that was current", s.Resyncs)
	}
	l.check(r)
}

// TestR2BaselineWithoutRedis and R3: without a copy the static documents answer, and nobody else.
func TestR2BaselineWithoutRedis(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, redistest.Options{})
	l.redis.Kill()
	static, err := filestore.New(filestore.Options{Path: baseline(t, text(7, listed))})
	if err != nil {
		t.Fatal(err)
	}
	if err := static.Load(); err != nil {
		t.Fatal(err)
	}
	l.open(func(o *mirror.Options) { o.Baseline = static })
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
		t.Error("a mirror without a tenant says that it is ready")
	}
	l.redis.Restart()
	l.fill(1)
	l.until("the store is read", func() bool { return l.fresh(0) == tenant.Live })
}

// TestR4RedisDies (rule 76): known tenants do not notice, not even when they are stale; too old is closed.
func TestR4RedisDies(t *testing.T) {
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
		l.follow(func(o *mirror.Options) { o.MaxStale = o.TTL })
		l.redis.Kill()
		l.until("the tenant is closed", func() bool { return !l.allows(0, listed) && l.fresh(0) == tenant.Unavailable })
	})
}

// TestR6Flapping: a link that comes and goes costs few connections and loses no change.
func TestR6Flapping(t *testing.T) {
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

// TestR7BrokenReplies: half a reply is no reply.
func TestR7BrokenReplies(t *testing.T) {
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
			if n := l.Stats().Rejected; n > 0 {
				t.Errorf("%d documents were taken for broken", n)
			}
		})
	}
}

// TestR15FollowerCut: without the blocking connection the check sees the changes, without it the TTL.
func TestR15FollowerCut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*redistest.Link){
		"black-holed": (*redistest.Link).BlackHole, "stuck (R16)": (*redistest.Link).BandwidthZero, "down": (*redistest.Link).Down,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 100, redistest.Options{})
			direct := reader(t, l.redis.Addr())
			l.follow(func(o *mirror.Options) {
				o.Reader = twoLines{Source: direct, stream: o.Reader}
				o.TTL = time.Hour // so that it is not the TTL
			})
			cut(l.link)
			l.write(1, text(1, listed, "https://new.example"))
			l.until("the check sees the change", func() bool { return l.allows(1, "https://new.example") })
			l.link.Heal()
			l.write(2, text(2, listed, "https://new.example"))
			l.until("the change is seen after healing", func() bool { return l.allows(2, "https://new.example") })
		})
	}
	t.Run("control: neither follower nor check, then the TTL", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, 100, redistest.Options{})
		direct := reader(t, l.redis.Addr())
		l.follow(func(o *mirror.Options) {
			o.Reader = twoLines{Source: direct, stream: o.Reader}
			o.CheckInterval = time.Hour
		})
		l.link.BlackHole()
		began := time.Now()
		l.write(1, text(1, listed, "https://new.example"))
		l.until("the TTL shows the change", func() bool { return l.allows(1, "https://new.example") })
		if took := time.Since(began); took < 100*time.Millisecond {
			t.Errorf("the change was seen after %v: the follower was not cut off", took)
		}
	})
}

// TestR15Trimmed: changes that were trimmed before they were read are found by reading everything.
func TestR15Trimmed(t *testing.T) {
	t.Parallel()
	l := newLab(t, 100, redistest.Options{})
	l.follow(func(o *mirror.Options) { o.TTL = time.Hour })
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

// TestR17Herd (rule 75): when everything expires at once, few reads are in flight, in batches, and nobody waits.
func TestR17Herd(t *testing.T) {
	t.Parallel()
	const n = 5000
	l := newLab(t, n, redistest.Options{})
	l.follow(func(o *mirror.Options) { o.TTL = 30 * time.Second })
	before := l.Stats().Reads
	r := l.load(n)
	l.Suspended()
	most := int64(0)
	l.until("everything is live again", func() bool {
		most = max(most, l.Stats().LoadsInFlight)
		return l.Status().Following && l.Status().Live == n
	})
	l.check(r)
	if most > 32 {
		t.Errorf("%d loads were in flight", most)
	}
	if reads := l.Stats().Reads - before; reads > n/10 {
		t.Errorf("%d reads for %d tenants", reads, n)
	}
}

// TestR18LazyCap: in the lazy mode a cap of memory costs loads, never a decision.
func TestR18LazyCap(t *testing.T) {
	t.Parallel()
	l := newLab(t, tenants, redistest.Options{})
	l.open(func(o *mirror.Options) { o.Lazy, o.MaxTenants, o.LookupBudget = true, 100, time.Second })
	l.until("the copy follows", func() bool { return l.Status().Following })
	for round := range 2 {
		for i := range tenants {
			v, _ := l.stranger(host(i))
			if !allowed(&v, host(i), listed) || allowed(&v, host(i), foreign) {
				t.Fatalf("round %d: tenant %d is %v", round, i, v.Freshness)
			}
		}
	}
	if n := l.Status().Tenants; n > 200 {
		t.Errorf("%d tenants in memory, 100 are allowed", n)
	}
}

var _ store.Source = (*switchboard)(nil)
