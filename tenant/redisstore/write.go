package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

var _ store.Writer = (*Store)(nil)

const (
	// writeTimeout bounds a call of a [store.Writer] whose context has no deadline.
	writeTimeout = 30 * time.Second
	// maxWriteTimeout bounds it in any case.
	maxWriteTimeout = 5 * time.Minute
	// maxAttempts of a transaction. What was changed meanwhile is read and checked again, so an edit that
	// no longer fits is a conflict and not an attempt.
	maxAttempts = 10
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
	if err := errors.Join(checkEdits(edits), checkAuthor(author)); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if len(edits) == 0 {
		return nil, nil
	}
	a := newApplication(edits, author)
	err := s.session(ctx, doing, func(ctx context.Context, c *session) error {
		return c.transact(ctx, func(tx *transaction) error { return a.attempt(ctx, tx) })
	})
	if err != nil {
		return nil, err
	}
	return a.revisions, nil
}

// Confirm implements [store.Writer]. Errors are as those of [Store.Apply].
func (s *Store) Confirm(ctx context.Context, author store.Author) (string, error) {
	const doing = "confirming the registry"
	if err := checkAuthor(author); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	token := newToken()
	err := s.session(ctx, doing, func(ctx context.Context, c *session) error {
		return c.transact(ctx, func(tx *transaction) error {
			if _, err := tx.begin(ctx, nil); err != nil {
				return err
			}
			check := "if it was carried out, the field confirmed of the key " + s.metaKey() + " is " + token
			return tx.commit(ctx, check, func(p redis.Pipeliner) {
				p.HSet(ctx, s.metaKey(), fieldConfirmed, token)
				// Who did it stands in the change: a confirmation has no history.
				tx.announce(ctx, p, fieldKind, store.KindConfirm, fieldBy, author.By, fieldReason, author.Reason)
			})
		})
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// session is the client of one call: its context may end it by closing its connections, which are
// nobody else's, no time-out made for reads cuts a transaction short, and no breaker of reads, which go on
// when writes fail, stands in its way.
type session struct {
	store *Store
	rdb   redis.UniversalClient
	hook  *hook
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
	c := &session{store: s}
	var conns *connections
	c.rdb, c.hook, conns = patient.connect(password, sessionConnections, nil) //nolint:contextcheck // a map of a cluster is renewed for later calls, too
	defer func() { _ = c.rdb.Close() }()                                      // there is nothing left to lose
	defer context.AfterFunc(ctx, conns.closeAll)()

	err = do(ctx, c)
	if _, ok := errors.AsType[store.Conflicts](err); ok || err == nil {
		return err
	}
	return s.fail(ctx, doing, s.refused(err))
}

// transact calls f with a connection for a transaction, and again while f fails because other writers
// were quicker.
func (c *session) transact(ctx context.Context, f func(*transaction) error) error {
	for range maxAttempts {
		err := c.rdb.Watch(ctx, func(tx *redis.Tx) error {
			if _, ok := c.rdb.(*redis.ClusterClient); ok {
				tx.AddHook(c.hook) // the client of a node has none
			}
			return f(&transaction{store: c.store, tx: tx})
		}, c.store.metaKey())
		if !errors.Is(err, redis.TxFailedErr) {
			return err
		}
	}
	return ErrContended
}
