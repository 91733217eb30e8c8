package redisstore_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Looks once a second whether a dead server is back, and notices only then that its pool is closed.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"),
	)
}

// open makes a store that ends with the test. change may alter the options, which name the server.
func open(t *testing.T, server *redistest.Server, change func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	return openAt(t, server.Addr(), change)
}

func openAt(t *testing.T, address string, change func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	opt := redisstore.Options{Addresses: []string{address}}
	if change != nil {
		change(&opt)
	}
	s, err := redisstore.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// ids is all that a store lists.
func ids(ctx context.Context, s *redisstore.Store) (map[string]bool, error) {
	all := make(map[string]bool)
	err := s.IDs(ctx, func(page []string) error {
		for _, id := range page {
			all[id] = true
		}
		return nil
	})
	return all, err
}
