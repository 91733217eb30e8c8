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
	rdb redis.UniversalClient
	// follower waits for changes, on connections of its own.
	follower *follower
	hook     *hook
	conns    *connections
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
	s := &Store{opt: opt, secrets: &secrets{}}
	sentinel, err := s.logins()
	if err := errors.Join(problem, err); err != nil {
		return nil, fmt.Errorf("connecting to Redis: %w", err)
	}
	logging.Disable()

	s.conns = newConnections(s.opt)
	s.hook = newHook(s.opt, newBreaker(time.Now, rand.Float64), s.conns.closeAll)
	s.rdb = newClient(s.settings(s.conns, sentinel))
	s.rdb.AddHook(s.hook)
	s.follower = s.newFollower(sentinel)
	return s, nil
}

// Close ends all connections. Calls in flight fail.
func (s *Store) Close() error {
	return errors.Join(s.follower.close(), s.rdb.Close())
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
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return fmt.Errorf("redis: %s: %w", doing, s.secrets.redact(err))
}
