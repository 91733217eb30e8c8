package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/corsgate/corsgate/tenant/store"
)

var _ store.Reader = (*Store)(nil)

// Store is a registry in Redis. It is safe for concurrent use.
type Store struct {
	opt Options
	// rdb serves everything that does not wait for a change: behind the breaker.
	rdb  redis.UniversalClient
	hook *hook
	// follower waits for changes, on connections of its own.
	follower *follower
	breaker  *breaker
	secrets  *secrets
	counts   counters
}

// New makes the store and connects to nothing: a Redis that is down, or comes later, is no error.
// Returned are all problems of the options together. Close it.
//
// It switches the client library's own log off, for the whole process: those lines say
// nothing that errors do not say, and nobody has looked at what a server puts into them.
func New(opt Options) (*Store, error) {
	problem := opt.complete()
	s := &Store{opt: opt, secrets: &secrets{}, breaker: newBreaker(time.Now, rand.Float64)}
	sentinel, err := s.logins()
	if err := errors.Join(problem, err); err != nil {
		return nil, fmt.Errorf("connecting to Redis: %w", err)
	}
	logging.Disable()

	s.rdb, s.hook, _ = s.connect(sentinel, poolSize, s.breaker)
	s.follower = &follower{turn: make(chan struct{}, 1)}
	s.follower.rdb, _, s.follower.conns = s.connect(sentinel, followPoolSize, nil)
	return s, nil
}

// connect makes a client with a pool, and returns what stands around its calls and what makes its
// connections. b is nil for no breaker.
func (s *Store) connect(sentinelPassword string, pool int, b *breaker) (redis.UniversalClient, *hook, *connections) {
	conns := newConnections(s.opt)
	client := newClient(s.settings(conns, sentinelPassword, pool), s.opt.Network)
	cluster, _ := client.(*redis.ClusterClient)
	h := newHook(s.opt, b, func(e ErrorType) {
		if e.elsewhere() {
			conns.closeAll()
		}
		if cluster != nil {
			cluster.ReloadState(context.Background())
		}
	})
	client.AddHook(h)
	if cluster == nil {
		client.AddHook(rescuer{}) // the innermost
	} else {
		cluster.OnNewNode(func(node *redis.Client) { node.AddHook(rescuer{}) }) // in goroutines of their own
	}
	return client, h, conns
}

// Close ends all connections. Calls in flight fail.
func (s *Store) Close() error {
	return errors.Join(s.follower.rdb.Close(), s.rdb.Close())
}

// Keys. Ids and hosts are validated by who gives them; a key takes any bytes.

func (s *Store) tenantKey(id string) string  { return s.opt.Prefix + "tenant:" + id }
func (s *Store) hostKey(host string) string  { return s.opt.Prefix + "host:" + host }
func (s *Store) historyKey(id string) string { return s.opt.Prefix + "history:" + id }
func (s *Store) changesKey() string          { return s.opt.Prefix + "changes" }
func (s *Store) metaKey() string             { return s.opt.Prefix + "meta" }

// bounded limits one round trip by [Options.Timeout].
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.opt.Timeout)
}

// fail says what failed. The error of a context that ended comes first, whatever the library made of
// it, and no secret comes with it.
func (s *Store) fail(ctx context.Context, doing string, err error) error {
	cause := ctx.Err()
	if deadline, ok := ctx.Deadline(); ok && cause == nil && !time.Now().Before(deadline) {
		cause = context.DeadlineExceeded // connections notice the deadline before contexts do
	}
	if cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return fmt.Errorf("redis: %s: %w", doing, s.secrets.redact(err))
}
