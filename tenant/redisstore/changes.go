package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// maxChanges is the most that one call returns.
	maxChanges = 10_000
	// lateness is how late Redis may notice that a wait is over: an idle server looks ten times
	// a second, unless its "hz" says otherwise.
	lateness = 500 * time.Millisecond
)

// Changes implements [store.Reader]. Calls that wait do so one after another.
func (s *Store) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	limit = max(1, min(limit, maxChanges))
	read := s.changesNow
	if wait > 0 {
		read = func(ctx context.Context, after store.Position, limit int) ([]redis.XMessage, error) {
			return s.follower.wait(ctx, s, after, limit, wait)
		}
	}
	messages, err := read(ctx, after, limit)
	if err != nil {
		return nil, s.fail(ctx, "reading the changes", err)
	}
	changes := make([]store.Change, len(messages))
	for i, m := range messages {
		if changes[i], err = parseChange(m); err != nil {
			return nil, s.fail(ctx, "reading the changes", err)
		}
	}
	return changes, nil
}

func (s *Store) changesNow(ctx context.Context, after store.Position, limit int) ([]redis.XMessage, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return s.rdb.XRangeN(ctx, s.changesKey(), "("+after.String(), "+", int64(limit)).Result()
}

// HasChange implements [store.Reader].
func (s *Store) HasChange(ctx context.Context, at store.Position) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	messages, err := s.rdb.XRangeN(ctx, s.changesKey(), at.String(), at.String(), 1).Result()
	if err != nil {
		return false, s.fail(ctx, "looking for a change", err)
	}
	return len(messages) == 1, nil
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
