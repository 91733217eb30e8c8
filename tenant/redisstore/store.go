// Package redisstore keeps a registry of tenants in Redis: standalone, behind
// Sentinels, or in a cluster. It implements the contract of the package store, and no
// other package of this program speaks to Redis.
//
// The layout is a contract with writers in any language; P is [Options.Prefix]:
//
//	P+tenant:<id>   string  the document as JSON, or a tombstone
//	P+host:<host>   string  the id of the tenant that the host belongs to
//	P+changes       stream  tenant, revision, kind of each change
//	P+history:<id>  stream  document, revision, kind, by, reason of each revision
//	P+used:<id>     hash    entry, as written → day on which it last allowed something
//	P+used:         hash    a field for each day on which such uses were recorded
//	P+meta          hash    epoch, schema, confirmed
//
// Everything that Redis says is outside input: it is bounded where it is read, and
// validated before it becomes a part of anything.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// maxDocumentBytes is the limit of a document.
const maxDocumentBytes = document.MaxDocumentBytes

// Store is a registry in Redis. It is safe for concurrent use.
type Store struct {
	opt Options
	// rdb serves everything that does not wait for a change, and follower what does.
	rdb      redis.UniversalClient
	hook     *hook
	follower *follower
	secrets  *secrets
	// skipped and dropped are counted for [Stats].
	skipped, dropped atomic.Uint64
}

var (
	_ store.Writer    = (*Store)(nil)
	_ store.UseWriter = (*Store)(nil)
	_ store.UseReader = (*Store)(nil)
)

// New makes the store and connects to nothing: a Redis that is down, or comes later, is no error.
// Returned are all problems of the options together. Close it.
//
// It switches the client library's own log off, for the whole process: those lines say
// nothing that errors do not say, and nobody has looked at what a server puts into them.
func New(opt Options) (*Store, error) {
	problem := opt.complete()
	s := &Store{opt: opt, secrets: &secrets{}}
	_, login := s.secrets.ask(opt.Password, "Redis") // so that a missing one is told at once
	sentinel, err := s.secrets.ask(opt.SentinelPassword, "the Sentinels")
	if err := errors.Join(problem, login, err); err != nil {
		return nil, fmt.Errorf("connecting to Redis: %w", err)
	}
	logging.Disable()

	s.rdb, s.hook, _ = s.connect(sentinel, poolSize, longString)
	s.follower = &follower{turn: make(chan struct{}, 1)}
	s.follower.rdb, _, s.follower.conns = s.connect(sentinel, followPoolSize, shortString)
	return s, nil
}

// connect makes a client with a pool, which reads strings up to cut, and returns what stands around its calls and what
// makes its connections.
func (s *Store) connect(sentinelPassword string, pool, cut int) (redis.UniversalClient, *hook, *connections) {
	conns := newConnections(s.opt, cut)
	client := newClient(s.settings(conns, sentinelPassword, pool), s.opt.Network)
	cluster, _ := client.(*redis.ClusterClient)
	h := newHook(s.opt, func(e ErrorType) {
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

// Stats counts what calls do not report, since the store was made.
type Stats struct {
	// SkippedKeys counts keys in the place of documents that are not of a valid id.
	SkippedKeys uint64
	// DroppedOwners counts hosts that belong to what is not a valid id.
	DroppedOwners uint64
	// Connections are open, for everything but waiting for changes.
	Connections int
}

// Stats returns the counts.
func (s *Store) Stats() Stats {
	return Stats{SkippedKeys: s.skipped.Load(), DroppedOwners: s.dropped.Load(), Connections: int(s.rdb.PoolStats().TotalConns)}
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

// roundTrip sends some commands at once and takes their replies. An error reply to one of them is no error of
// the round trip, and is found at that command.
type roundTrip func(ctx context.Context, fill func(redis.Pipeliner)) error

// pipeline is a [roundTrip].
func (s *Store) pipeline(ctx context.Context, fill func(redis.Pipeliner)) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return pipelined(ctx, s.rdb, fill)
}

func pipelined(ctx context.Context, rdb redis.Cmdable, fill func(redis.Pipeliner)) error {
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		return nil
	})
	if _, ok := errors.AsType[redis.Error](err); ok {
		return nil
	}
	return err
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
