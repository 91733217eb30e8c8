package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// Names of fields of a change.
	fieldTenant   = "tenant"
	fieldRevision = "revision"
	fieldKind     = "kind"

	// maxChanges is the most that one call returns.
	maxChanges = 10_000
	// lateness is how late Redis may notice that a wait is over: an idle server looks ten times
	// a second, unless its "hz" says otherwise.
	lateness = 500 * time.Millisecond
)

// Changes implements [store.Source]. Calls that wait do so one after another. Of an entry whose fields are too long
// for a change, only the beginnings of the fields are kept; but all of it comes over the network.
func (s *Store) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	const doing = "reading the changes"
	limit = max(1, min(limit, maxChanges))
	var messages []redis.XMessage
	var err error
	if wait > 0 {
		messages, err = s.follower.wait(ctx, s, after, limit, wait)
	} else {
		messages, err = s.changesNow(ctx, "("+after.String(), "+", limit)
	}
	if err != nil {
		return nil, s.fail(ctx, doing, err)
	}
	changes := make([]store.Change, len(messages))
	for i, m := range messages {
		if changes[i], err = parseChange(m); err != nil {
			return nil, s.fail(ctx, doing, err)
		}
	}
	return changes, nil
}

func (s *Store) changesNow(ctx context.Context, first, last string, limit int) ([]redis.XMessage, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return s.rdb.XRangeN(ctx, s.changesKey(), first, last, int64(limit)).Result()
}

// HasChange implements [store.Source].
func (s *Store) HasChange(ctx context.Context, at store.Position) (bool, error) {
	messages, err := s.changesNow(ctx, at.String(), at.String(), 1)
	if err != nil {
		return false, s.fail(ctx, "looking for a change", err)
	}
	return len(messages) == 1, nil
}

// parseChange reads an entry of the change stream. Only its position must be right: writers in other
// languages may send anything, and what they mean is found by reading documents.
func parseChange(m redis.XMessage) (store.Change, error) {
	at, err := parsePosition(m.ID)
	return store.Change{At: at, Tenant: word(m.Values[fieldTenant]), Kind: word(m.Values[fieldKind]), Revision: revisionNumber(m)}, err
}

// revisionNumber is what an entry says of its revision, 0 if that cannot be one.
func revisionNumber(m redis.XMessage) int64 {
	n, err := strconv.ParseInt(word(m.Values[fieldRevision]), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, n)
}

// word is a value, cut where no valid one can end, without the memory of what was cut off.
func word(value any) string {
	text, _ := value.(string)
	return strings.Clone(text[:min(len(text), maxWordBytes)])
}

// follower waits for changes, on connections that nobody else uses: a wait can be ended only by closing
// its connection. One call at a time.
type follower struct {
	rdb   redis.UniversalClient
	conns *connections
	turn  chan struct{}
}

func (f *follower) wait(ctx context.Context, s *Store, after store.Position, limit int, wait time.Duration) ([]redis.XMessage, error) {
	begin := time.Now()
	wait = max(wait, time.Millisecond) // Redis takes milliseconds, and 0 for ever
	queue := time.NewTimer(wait)
	defer queue.Stop()
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-queue.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	wait = max(wait-time.Since(begin), time.Millisecond)
	limited, cancel := context.WithTimeout(ctx, wait+lateness+s.opt.Timeout)
	defer cancel()
	defer f.interrupt(limited)()

	streams, err := f.rdb.XRead(limited, &redis.XReadArgs{
		Streams: []string{s.changesKey(), after.String()}, Count: int64(limit), Block: wait,
	}).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, err
	case len(streams) != 1:
		return nil, errors.New("the reply has more than the one stream")
	}
	return streams[0].Messages, nil
}

// interrupt ends what waits when ctx ends, and until the function that it returns is called.
func (f *follower) interrupt(ctx context.Context) (stop func()) {
	closed := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(closed)
		f.conns.closeAll()
	})
	return func() {
		if !cancel() {
			<-closed // not later, when the connections are those of the next call
		}
	}
}
