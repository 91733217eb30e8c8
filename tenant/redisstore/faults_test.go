package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// calls are all that a reader can be asked, but for waiting.
func calls(s *redisstore.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Head":      func(ctx context.Context) error { _, err := s.Head(ctx); return err },
		"Documents": func(ctx context.Context) error { _, err := s.Documents(ctx, []string{"a"}); return err },
		"Owners":    func(ctx context.Context) error { _, err := s.Owners(ctx, []string{"a.example"}); return err },
		"IDs":       func(ctx context.Context) error { _, err := ids(ctx, s); return err },
		"Changes":   func(ctx context.Context) error { _, err := s.Changes(ctx, store.Position{}, 1, 0); return err },
		"HasChange": func(ctx context.Context) error { _, err := s.HasChange(ctx, store.Position{Time: 1}); return err },
	}
}

// A server that hangs, and one that cannot be reached, cost what the context or our time-outs allow, with
// connections that are open and with new ones.
func TestTimeoutsHold(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	link := redistest.Proxy(t, server.Addr())
	for _, fault := range []struct {
		name        string
		begin, heal func()
	}{
		{"stopped", server.Stop, server.Cont},
		{"black hole", link.BlackHole, link.Heal},
	} {
		for _, connected := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, connected %t", fault.name, connected), func(t *testing.T) {
				var all sync.WaitGroup
				stores := make(map[string]*redisstore.Store)
				for name := range calls(nil) {
					stores[name] = openAt(t, link.Addr(), nil)
					if f := calls(stores[name])[name]; connected {
						if err := f(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
				fault.begin()
				defer fault.heal()
				defer all.Wait()
				for name, s := range stores {
					all.Go(func() { bounded(t, name, calls(s)[name]) })
				}
			})
		}
	}
}

// bounded makes a call that cannot succeed, with a context of 50 ms and with none.
func bounded(t *testing.T, name string, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := f(ctx)
	if d := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || d > 200*time.Millisecond {
		t.Errorf("%s took %v of 50ms: %v", name, d, err)
	}
	begin = time.Now()
	err = f(t.Context())
	if d := time.Since(begin); err == nil || d > 500*time.Millisecond {
		t.Errorf("%s took %v of 250ms: %v", name, d, err)
	}
}

// One round trip has one time-out, whatever it consists of.
func TestTimeoutOfAll(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	link := redistest.Proxy(t, server.Addr())
	link.Latency(75*time.Millisecond, 0) // for each direction
	s := openAt(t, link.Addr(), nil)
	begin := time.Now()
	_, err := s.Head(t.Context()) // and the greeting before it
	if d := time.Since(begin); err == nil || d > 290*time.Millisecond {
		t.Errorf("twice 150ms took %v of 250ms: %v", d, err)
	}
	s = openAt(t, link.Addr(), func(o *redisstore.Options) { o.Timeout = time.Second })
	if _, err := s.Head(t.Context()); err != nil {
		t.Errorf("twice 150ms within a second: %v", err)
	}
}

// A server that was gone is found again. After eight refused connections in a row, the library itself makes not more
// than one attempt a second.
func TestServerComesBack(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	link := redistest.Proxy(t, server.Addr())
	s := openAt(t, link.Addr(), func(o *redisstore.Options) { o.DialTimeout, o.Timeout = 10*time.Second, 10*time.Second })
	for range 3 {
		eventually(t, func() bool { _, err := s.Head(t.Context()); return err == nil })
		link.Down()
		for range 20 {
			if _, err := s.Head(t.Context()); err == nil {
				t.Fatal("a dead server answers")
			}
		}
		link.Up()
	}
}

// What breaks in the middle of a reply is an error, never half a document.
func TestHalfAReplyIsAnError(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	body := make([]byte, 1000)
	for i := range body {
		body[i] = 'x'
	}
	server.Do("SET", prefix+"tenant:a", body)
	server.Do("HSET", prefix+"meta", "epoch", "e", "schema", "1")
	server.Do("XADD", prefix+"changes", "*", "tenant", "a")
	link := redistest.Proxy(t, server.Addr())
	for _, n := range []int64{1, 10, 100, 300, 600, 1000} {
		link.LimitData(n)
		s := openAt(t, link.Addr(), nil)
		for range 3 {
			if docs, err := s.Documents(t.Context(), []string{"a"}); err == nil {
				t.Errorf("%d bytes give %+v", n, docs)
			}
		}
		link.Heal()
		docs, err := s.Documents(t.Context(), []string{"a"})
		if err != nil || len(docs.All[0].Data) != len(body) {
			t.Errorf("healed after %d bytes: %v", n, err)
		}
	}
	link.Slicer(1)
	s := openAt(t, link.Addr(), nil)
	if docs, err := s.Documents(t.Context(), []string{"a"}); err == nil && len(docs.All[0].Data) != len(body) {
		t.Errorf("in slices: %d bytes", len(docs.All[0].Data))
	}
}

// Connections to a server that became a replica without its primary are not kept: the name may lead
// to another server by now.
func TestConnectionsToAReplicaEnd(t *testing.T) {
	server := redistest.Start(t, redistest.Options{Config: []string{"replica-serve-stale-data no"}})
	s := open(t, server, nil)
	if _, err := s.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Do("REPLICAOF", "127.0.0.1", "1")
	before := received(server)
	for range 3 {
		if _, err := s.Head(t.Context()); err == nil {
			t.Error("a replica without its primary answers")
		}
	}
	if n := received(server) - before; n != 2 {
		t.Errorf("%d new connections for three calls, want one for each but the first", n)
	}
}

// received is how many connections ever began with HELLO.
func received(server *redistest.Server) int {
	return int(server.CommandStats()["hello"].Calls)
}
