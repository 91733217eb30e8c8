package app

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/tenant/files"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

func TestFiguresOfFiles(t *testing.T) {
	store, err := files.New(files.Options{Path: settings(t, `"*"`).Tenants})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Load(); err != nil {
		t.Fatal(err)
	}
	got := fileRegistry{store}.figures()
	if got.Generation.IsZero() {
		t.Error("the load has no time")
	}
	want := telemetry.Figures{Live: 1, AnyOrigin: 1, Oldest: -1, Generation: got.Generation}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFiguresOfAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		r, _ := followed(t, s, config.Stored{})
		pass(2 * time.Second)
		if got := r.figures(); !got.Store.Up || got.Store.EpochMismatch || got.Store.Lag >= 0 || got.Oldest >= 0 || !got.Generation.IsZero() {
			t.Errorf("of an empty store: %+v, %+v", got, got.Store)
		}
		s.SetEpoch("one")
		s.Put("acme", []byte(acmeJSON), "api.acme.example")
		at := s.Announce("acme", store.KindApply, 0)
		pass(10 * time.Second)
		got := r.figures()
		if got.Live != 1 || got.Created != 0 || got.Generation.UnixMilli() != int64(at.Time) || got.Oldest < 0 || got.Store.Lag < 0 {
			t.Errorf("of one tenant: %+v, %+v", got, got.Store)
		}
		if !got.Store.ClockKnown || got.Store.SnapshotAge >= 0 {
			t.Errorf("a clock that was compared, and nothing on disk: %+v", got.Store)
		}
		s.SetEpoch("two")
		pass(10 * time.Second)
		if got := r.figures().Store; !got.EpochMismatch || !got.Up {
			t.Errorf("of another registry: %+v", got)
		}
		s.Fail(errors.New("gone"))
		pass(10 * time.Second)
		if got := r.figures().Store; got.Up || got.Lag < 5*time.Second {
			t.Errorf("of a store that is gone: %+v", got)
		}
	})
}

// The parts beside the replica: a real Redis, a real disk.
func TestFiguresOfRedis(t *testing.T) {
	redis := redistest.Start(t, redistest.Options{})
	cfg := redisSettings(t, redis.URL())
	apply(t, openStore(t, cfg.Redis), newOrigin, 0)
	p := start(t, cfg)
	p.awaitReady(t)
	await(t, "the figures", func() bool {
		s := p.registry.figures().Store
		return s.Up && s.SnapshotAge >= 0 && s.ClockKnown && s.Lag >= 0
	})
	redis.Kill()
	await(t, "the figures", func() bool {
		got := p.registry.figures() // the document stays, without its Redis
		return !got.Store.Up && got.Live+got.Stale == 1 && !got.Generation.IsZero()
	})
	p.stop(t)
}
