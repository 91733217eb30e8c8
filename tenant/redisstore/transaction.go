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
	// watchBatch is how many keys one WATCH names. Redis compares each of them with all that the connection
	// watches already, and serves nobody else meanwhile.
	watchBatch = 250
	// historyBatch is how many histories are asked in one round trip; of each the newest document comes.
	historyBatch = 100
)

// ErrSchema says that a newer version of this program has written the registry.
var ErrSchema = errors.New("the registry has a newer layout")

// newToken is an epoch or a confirmation.
func newToken() string { return rand.Text() }

// transaction is one attempt to write, on one connection. It is an optimistic lock: Redis carries the transaction out
// only if none of the watched keys was changed since begin. These are the change stream, in which every writer
// announces what it does, the meta data, and the documents that are written, for those who do not announce.
// Hosts and documents of other tenants are not watched by themselves: Redis would stand still for seconds while
// it watches the 30,000 keys of a large write.
type transaction struct {
	store *Store
	tx    *redis.Tx
	now   time.Time
}

// begin watches the documents of ids and what each writer watches, and checks what a transaction cannot: Redis carries
// out the rest of one when a command in it meets a key of a wrong type.
func (t *transaction) begin(ctx context.Context, ids []string) error {
	// A transaction, since the library sends MULTI and what follows at once: were MULTI forbidden to
	// the user, every command would be carried out by itself.
	var clock *redis.TimeCmd
	cmds, err := t.tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		clock = p.Time(ctx)
		return nil
	})
	if err != nil {
		return fmt.Errorf("trying a transaction: %w", abortion(err, cmds))
	}
	t.now = clock.Val()
	keys := []string{t.store.metaKey(), t.store.changesKey()}
	for _, id := range ids {
		keys = append(keys, t.store.tenantKey(id))
	}
	for some := range slices.Chunk(keys, watchBatch) {
		if err := errors.Join(ctx.Err(), t.tx.Watch(ctx, some...).Err()); err != nil {
			return fmt.Errorf("watching keys: %w", err)
		}
	}
	return t.checkHead(ctx)
}

func (t *transaction) checkHead(ctx context.Context) error {
	var reply headReply
	if err := t.pipeline(ctx, func(p redis.Pipeliner) { reply = t.store.askHead(ctx, p) }); err != nil {
		return err
	}
	head, err := reply()
	switch {
	case err != nil:
		return err
	case head.Schema > schema:
		return fmt.Errorf("%w: version %d; this program knows %d, use a newer one", ErrSchema, head.Schema, schema)
	case head.Last == store.Position{Time: math.MaxUint64, Sequence: math.MaxUint64}:
		return fmt.Errorf("no change can follow the last one in the key %s, which has the highest position that there is; remove the key", t.store.changesKey())
	}
	return nil
}

// pipeline is a [roundTrip].
func (t *transaction) pipeline(ctx context.Context, fill func(redis.Pipeliner)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return pipelined(ctx, t.tx, fill)
}

var _ store.View = (*transaction)(nil)

// Now implements [store.View].
func (t *transaction) Now() time.Time { return t.now }

// Documents implements [store.View].
func (t *transaction) Documents(ctx context.Context, ids []string) ([]store.Document, error) {
	return t.read(ctx, t.store.documentReading(), ids)
}

// Owners implements [store.View].
func (t *transaction) Owners(ctx context.Context, hosts []string) ([]string, error) {
	values, err := t.read(ctx, t.store.ownerReading(), hosts)
	return t.store.owners(values), err
}

func (t *transaction) read(ctx context.Context, r reading, names []string) ([]store.Document, error) {
	values := named(names)
	if len(names) == 0 {
		return nil, nil
	}
	return values, r.all(ctx, t.pipeline, values, nothing)
}

// LastRevisions implements [store.View]. A history that is no stream is an error.
func (t *transaction) LastRevisions(ctx context.Context, ids []string) ([]int64, error) {
	numbers := make([]int64, 0, len(ids))
	for some := range slices.Chunk(ids, historyBatch) {
		newest := make([]*redis.XMessageSliceCmd, len(some))
		err := t.pipeline(ctx, func(p redis.Pipeliner) {
			for i, id := range some {
				newest[i] = p.XRevRangeN(ctx, t.store.historyKey(id), "+", "-", 1)
			}
		})
		if err != nil {
			return nil, err
		}
		for i, cmd := range newest {
			messages, err := cmd.Result()
			if err != nil {
				return nil, fmt.Errorf("tenant %s: %w", some[i], err)
			}
			number := int64(0)
			if len(messages) > 0 {
				number = revisionNumber(messages[0])
			}
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
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

// announce adds a change, given by names of fields and their values, to a transaction.
func (t *transaction) announce(ctx context.Context, p redis.Pipeliner, fields ...any) {
	p.XAdd(ctx, &redis.XAddArgs{Stream: t.store.changesKey(), MaxLen: store.MaxChanges, Approx: true, Values: fields})
}

// add adds one write to a transaction.
func (t *transaction) add(ctx context.Context, p redis.Pipeliner, w store.Write) {
	id, r, lifetime := w.Change.Tenant, w.Revision, time.Duration(0)
	if w.Deletes() {
		lifetime = store.TombstoneLifetime
	}
	p.Set(ctx, t.store.tenantKey(id), r.Data, lifetime)
	for _, host := range w.Take {
		p.Set(ctx, t.store.hostKey(host), id, 0)
	}
	for _, host := range w.Keep {
		p.Set(ctx, t.store.hostKey(host), id, lifetime)
	}
	for _, host := range w.Free {
		p.Del(ctx, t.store.hostKey(host))
	}
	t.announce(ctx, p, fieldTenant, id, fieldRevision, r.Number, fieldKind, w.Change.Kind)
	history := t.store.historyKey(id)
	p.XAdd(ctx, &redis.XAddArgs{Stream: history, MaxLen: store.MaxHistory, Approx: true, Values: []any{
		fieldDocument, r.Data, fieldRevision, r.Number, fieldKind, r.Kind, fieldBy, r.By, fieldReason, r.Reason,
	}})
	switch {
	case w.Deletes():
		p.Expire(ctx, history, store.HistoryLifetime)
	case w.Revives:
		p.Persist(ctx, history)
	}
}
