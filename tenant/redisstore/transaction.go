package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// schema is the version of the layout that is written.
	schema = 1
	// streamLength is about how many changes are kept.
	streamLength = 100_000
	// watchBatch is how many keys one WATCH names. Redis compares each of them with all that the connection
	// watches already, and serves nobody else meanwhile.
	watchBatch = 250
	// maxWatched is how many keys are watched one by one; Redis takes 10 ms for that, and four times as
	// long for twice as many: it would stand still for seconds for the most edits that are allowed.
	// Above it the change stream is watched instead. Every writer announces its changes there, so nothing is
	// lost; but also changes of other tenants then cost another attempt.
	maxWatched = 1000
)

// ErrSchema says that a newer version of this program has written the registry.
var ErrSchema = errors.New("the registry has a newer layout")

// newToken is an epoch or a confirmation.
func newToken() string { return rand.Text() }

// lastPosition is one after which a stream takes nothing.
func lastPosition() store.Position {
	return store.Position{Time: math.MaxUint64, Sequence: math.MaxUint64}
}

// transaction is one connection, on which keys are watched, read and written.
type transaction struct {
	store *Store
	tx    *redis.Tx
	// watched are keys; with everything the change stream is among them.
	watched    int
	everything bool
}

// begin watches keys, and checks what a transaction cannot: Redis carries out the rest of one
// when a command in it meets a key of a wrong type. It returns the time by the server's
// clock, so that all writers agree on it.
func (t *transaction) begin(ctx context.Context, keys []string) (time.Time, error) {
	// A transaction, since the library sends MULTI and what follows at once: were MULTI forbidden to
	// the user, every command would be carried out by itself.
	var clock *redis.TimeCmd
	cmds, err := t.tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		clock = p.Time(ctx)
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("trying a transaction: %w", abortion(err, cmds))
	}
	if err := t.watch(ctx, []string{t.store.metaKey()}); err != nil {
		return time.Time{}, err
	}
	if err := t.watch(ctx, keys); err != nil {
		return time.Time{}, err
	}
	var reply headReply
	err = t.pipeline(ctx, func(p redis.Pipeliner) { reply = t.store.askHead(ctx, p) })
	if err != nil {
		return time.Time{}, err
	}
	head, err := reply.head(ctx)
	switch {
	case err != nil:
		return time.Time{}, err
	case head.Schema > schema:
		return time.Time{}, fmt.Errorf("%w: version %d; this program knows %d, use a newer one", ErrSchema, head.Schema, schema)
	case head.Last == lastPosition():
		return time.Time{}, fmt.Errorf("no change can follow the last one in the key %s, which has the highest position that there is; remove the key", t.store.changesKey())
	}
	return clock.Val(), nil
}

// watch adds keys to those that must not change before the transaction is carried out.
func (t *transaction) watch(ctx context.Context, keys []string) error {
	if t.everything {
		return nil
	}
	if t.watched += len(keys); t.watched > maxWatched {
		t.everything, keys = true, []string{t.store.changesKey()}
	}
	for some := range slices.Chunk(keys, watchBatch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.tx.Watch(ctx, some...).Err(); err != nil {
			return fmt.Errorf("watching keys: %w", err)
		}
	}
	return nil
}

// hostKeys are the keys of hosts.
func (t *transaction) hostKeys(hosts []string) []string {
	keys := make([]string, len(hosts))
	for i, host := range hosts {
		keys[i] = t.store.hostKey(host)
	}
	return keys
}

// pipeline makes one round trip. Error replies are found at their commands.
func (t *transaction) pipeline(ctx context.Context, fill func(redis.Pipeliner)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := t.tx.Pipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		return nil
	})
	if _, ok := errors.AsType[redis.Error](err); ok {
		return nil
	}
	return err
}

// values reads strings as [Store.values] does.
func (t *transaction) values(ctx context.Context, keys []string, limit int64, batch int) ([]value, error) {
	values := make([]value, len(keys))
	for begin := 0; begin < len(keys); begin += batch {
		end := min(begin+batch, len(keys))
		r := newReading(keys[begin:end], values[begin:end], limit)
		err := t.pipeline(ctx, func(p redis.Pipeliner) { r.ask(ctx, p) })
		if err == nil {
			err = r.settle(ctx, t.pipeline)
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// announce adds a change, given by names of fields and their values, to a transaction.
func (t *transaction) announce(ctx context.Context, p redis.Pipeliner, fields ...any) {
	p.XAdd(ctx, &redis.XAddArgs{Stream: t.store.changesKey(), MaxLen: streamLength, Approx: true, Values: fields})
}

// commit carries out what fill asks for, and names the store if this is its first write. check says
// how to find out what became of it. The error is [redis.TxFailedErr] when a watched key was changed.
func (t *transaction) commit(ctx context.Context, check string, fill func(redis.Pipeliner)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	cmds, err := t.tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		p.HSetNX(ctx, t.store.metaKey(), fieldEpoch, newToken())
		p.HSetNX(ctx, t.store.metaKey(), fieldSchema, schema)
		return nil
	})
	switch {
	case err == nil, errors.Is(err, redis.TxFailedErr):
		return err
	case redis.IsExecAbortError(err):
		return abortion(err, cmds) // before it began
	default:
		return fmt.Errorf("%w: %s: %w", ErrOutcomeUnknown, check, err)
	}
}
