package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// writeTimeout bounds a call of a [store.Writer] whose context has no deadline.
	writeTimeout = 30 * time.Second
	// maxWriteTimeout bounds it in any case.
	maxWriteTimeout = 5 * time.Minute
	// maxAttempts of a transaction. What was changed meanwhile is read and checked again, so an edit that
	// no longer fits is a conflict and not an attempt.
	maxAttempts = 100
	// attemptPause is what the longest pause grows by with each attempt, up to maxAttemptPause.
	attemptPause    = 2 * time.Millisecond
	maxAttemptPause = 50 * time.Millisecond
	// sessionConnections is enough for one call that does one thing after another.
	sessionConnections = 1
)

// ErrContended says that other writers were quicker each time, although they
// changed nothing that the edits are about. Nothing was written.
var ErrContended = errors.New("other writers were quicker each time; nothing was written: try again, with fewer documents at once if that does not help")

// Apply implements [store.Writer]. All keys lie on one slot, so that it is one transaction on a
// server, behind Sentinels and in a cluster.
//
// The context bounds the call, 30 seconds if it has no deadline, and ends it; Close does not. Errors besides [store.Conflicts]: a
// [RefusedError] tells what Redis lacks; with [ErrOutcomeUnknown] nobody knows whether the edits were
// made; after [ErrContended] and all others, nothing was written.
func (s *Store) Apply(ctx context.Context, edits []store.Edit, author store.Author) ([]int64, error) {
	const doing = "writing tenants"
	batch, err := store.NewWriteBatch(edits, author)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if len(edits) == 0 {
		return nil, nil
	}
	ids := make([]string, len(edits))
	for i, e := range edits {
		ids[i] = e.ID
	}
	var writes []store.Write
	err = s.transact(ctx, doing, func(ctx context.Context, t *transaction) error {
		if err := t.begin(ctx, ids); err != nil {
			return err
		}
		if writes, err = batch.Plan(ctx, t); err != nil {
			return err
		}
		check := fmt.Sprintf("if it was carried out, tenant %s has revision %d by %s", ids[0], writes[0].Revision.Number, author.By)
		return t.commit(ctx, check, func(p redis.Pipeliner) {
			for _, w := range writes {
				t.add(ctx, p, w)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	revisions := make([]int64, len(writes))
	for i, w := range writes {
		revisions[i] = w.Revision.Number
	}
	return revisions, nil
}

// Confirm implements [store.Writer]. Errors are as those of [Store.Apply].
func (s *Store) Confirm(ctx context.Context, author store.Author) (string, error) {
	const doing = "confirming the registry"
	if err := author.Check(); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	token := newToken()
	err := s.transact(ctx, doing, func(ctx context.Context, t *transaction) error {
		if err := t.begin(ctx, nil); err != nil {
			return err
		}
		check := "if it was carried out, the field confirmed of the key " + s.metaKey() + " is " + token
		return t.commit(ctx, check, func(p redis.Pipeliner) {
			p.HSet(ctx, s.metaKey(), fieldConfirmed, token)
			// Who did it stands in the change: a confirmation has no history.
			t.announce(ctx, p, fieldKind, store.KindConfirm, fieldBy, author.By, fieldReason, author.Reason)
		})
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// session is the client of one call: its context may end it by closing its connections, which are
// nobody else's, and no time-out made for reads cuts a transaction short.
type session struct {
	rdb  redis.UniversalClient
	hook *hook
}

// session calls do and makes its errors the caller's.
func (s *Store) session(ctx context.Context, doing string, do func(context.Context, *session) error) error {
	limit := maxWriteTimeout
	if _, ok := ctx.Deadline(); !ok {
		limit = writeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	password, err := s.secrets.ask(s.opt.SentinelPassword, "the Sentinels")
	if err != nil {
		return s.fail(ctx, doing, err)
	}
	patient := &Store{opt: s.opt, secrets: s.secrets}
	patient.opt.Timeout = maxWriteTimeout
	c := &session{}
	var conns *connections
	c.rdb, c.hook, conns = patient.connect(password, sessionConnections, longString) //nolint:contextcheck // a map of a cluster is renewed for later calls, too
	defer func() { _ = c.rdb.Close() }()                                             // there is nothing left to lose
	defer context.AfterFunc(ctx, conns.closeAll)()

	err = do(ctx, c)
	if _, ok := errors.AsType[store.Conflicts](err); ok || err == nil {
		return err
	}
	return s.fail(ctx, doing, s.refused(err))
}

// transact calls f with a connection for a transaction, and again while f fails because other writers
// were quicker. Pauses at random let one of many writers pass.
func (s *Store) transact(ctx context.Context, doing string, f func(context.Context, *transaction) error) error {
	return s.session(ctx, doing, func(ctx context.Context, c *session) error {
		for attempt := range maxAttempts {
			err := c.rdb.Watch(ctx, func(tx *redis.Tx) error {
				if _, ok := c.rdb.(*redis.ClusterClient); ok {
					tx.AddHook(c.hook) // the client of a node has none
				}
				return f(ctx, &transaction{store: s, tx: tx})
			}, s.metaKey())
			if !errors.Is(err, redis.TxFailedErr) {
				return err
			}
			longest := min(time.Duration(attempt)*attemptPause, maxAttemptPause)
			pause := time.NewTimer(rand.N(longest + 1)) //nolint:gosec // no secret
			select {
			case <-pause.C:
			case <-ctx.Done():
				pause.Stop()
				return ErrContended
			}
		}
		return ErrContended
	})
}
