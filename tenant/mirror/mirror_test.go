package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// start runs a mirror inside the bubble of the test.
func start(t *testing.T, opt mirror.Options) *mirror.Mirror {
	t.Helper()
	opt.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	m, err := mirror.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return m
}

func document(id, host string, origins ...string) []byte {
	list := ""
	for i, o := range origins {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf("%q", o)
	}
	return fmt.Appendf(nil, `{"id":%q,"hosts":[%q],"policy":{"origins":[%s]}}`, id, host, list)
}

func freshness(m *mirror.Mirror, host string) tenant.Freshness {
	return m.Lookup(tenant.Key{Authority: host, Path: "/"}).Freshness
}

func TestPrimesFollowsAndOutlivesTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		s.Put("a", document("a", "a.example", "https://x.example"), "a.example")
		s.Announce("a", store.KindApply, 0)
		m := start(t, mirror.Options{Reader: s})
		time.Sleep(100 * time.Millisecond)
		if got := freshness(m, "a.example"); got != tenant.Live {
			t.Fatalf("a primed tenant is %v", got)
		}
		if got := freshness(m, "b.example"); got != tenant.Unknown {
			t.Fatalf("a tenant that does not exist is %v", got)
		}
		s.Put("b", document("b", "b.example", "https://x.example"), "b.example")
		s.Announce("b", store.KindApply, 0)
		time.Sleep(50 * time.Millisecond)
		if got := freshness(m, "b.example"); got != tenant.Live {
			t.Fatalf("a new tenant is %v", got)
		}
		s.Fail(errors.New("gone"))
		time.Sleep(31 * time.Second)
		if got := freshness(m, "a.example"); got != tenant.Stale {
			t.Fatalf("after the TTL without a store: %v", got)
		}
		if got := freshness(m, "c.example"); got != tenant.Loading && got != tenant.Unavailable {
			t.Fatalf("an unknown tenant without a store: %v", got)
		}
		time.Sleep(24 * time.Hour)
		if got := freshness(m, "a.example"); got != tenant.Unavailable {
			t.Fatalf("after max stale: %v", got)
		}
		s.Fail(nil)
		time.Sleep(10 * time.Second)
		if got := freshness(m, "a.example"); got != tenant.Live {
			t.Fatalf("after the store came back: %v", got)
		}
		t.Logf("%+v\n%+v", m.Status(), m.Stats())
	})
}
