package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

// value is what a key holds: nothing, data, or what no data can be made of.
type value struct {
	data []byte
	err  error
}

func (v value) nothing() bool { return v.data == nil && v.err == nil }

// values reads the strings at keys, "" for none, of at most limit bytes each, with batch of them in one
// round trip. The head is read before all.
func (s *Store) values(ctx context.Context, keys []string, limit int64, batch int) ([]value, store.Head, error) {
	var head store.Head
	values := make([]value, len(keys))
	for begin := 0; begin == 0 || begin < len(keys); begin += batch {
		var reply headReply
		end := min(begin+batch, len(keys))
		r := newReading(keys[begin:end], values[begin:end], limit)
		err := s.pipeline(ctx, func(p redis.Pipeliner) {
			if begin == 0 {
				reply = s.askHead(ctx, p)
			}
			r.ask(ctx, p)
		})
		if err == nil && begin == 0 {
			head, err = reply.head(ctx)
		}
		if err == nil {
			err = r.settle(ctx, s.pipeline)
		}
		if err != nil {
			return nil, store.Head{}, err
		}
	}
	return values, head, nil
}

// reading reads some keys. It reads not more of a value than it must to see that the value is too
// large. MGET would read all of it, and say of a list that there is nothing. For GETRANGE, in turn,
// an empty string is like no key at all; so one EXISTS counts the keys, and only when an
// empty string is among them they are looked at one by one.
type reading struct {
	keys   []string
	values []value
	limit  int64

	ranges []*redis.StringCmd
	exist  []*redis.IntCmd // first one for all keys, then one for each of empty
	// empty are the places of keys that gave nothing.
	empty []int
	found int64
}

func newReading(keys []string, values []value, limit int64) *reading {
	return &reading{keys: keys, values: values, limit: limit, ranges: make([]*redis.StringCmd, len(keys))}
}

func (r *reading) ask(ctx context.Context, p redis.Pipeliner) {
	asked := make([]string, 0, len(r.keys))
	for i, key := range r.keys {
		if key != "" {
			r.ranges[i] = p.GetRange(ctx, key, 0, r.limit)
			asked = append(asked, key)
		}
	}
	if len(asked) > 0 {
		r.exist = append(r.exist, p.Exists(ctx, asked...))
	}
}

// settle takes the replies, and looks again where they leave a doubt.
func (r *reading) settle(ctx context.Context, pipeline func(context.Context, func(redis.Pipeliner)) error) error {
	if err := r.take(ctx); err != nil || !r.doubtful() {
		return err
	}
	if err := pipeline(ctx, func(p redis.Pipeliner) { r.askAgain(ctx, p) }); err != nil {
		return err
	}
	return r.takeAgain(ctx)
}

func (r *reading) take(ctx context.Context) error {
	for i, cmd := range r.ranges {
		if cmd == nil {
			continue
		}
		if err := r.takeOne(ctx, i); err != nil {
			return err
		}
		if r.values[i].nothing() {
			r.empty = append(r.empty, i)
		} else {
			r.found++
		}
	}
	if len(r.exist) > 0 {
		return r.exist[0].Err()
	}
	return nil
}

func (r *reading) takeOne(ctx context.Context, i int) error {
	data, err := r.ranges[i].Bytes()
	switch {
	case classify(ctx, err) == ErrorWrongType:
		r.values[i].err = store.ErrWrongType
	case err != nil:
		return err
	case int64(len(data)) > r.limit:
		r.values[i].err = store.ErrTooLarge
	case len(data) > 0:
		r.values[i].data = data
	}
	return nil
}

// doubtful reports whether there are more keys than there were values. An empty string is a broken
// document, and not an absent one.
func (r *reading) doubtful() bool { return len(r.empty) > 0 && r.exist[0].Val() > r.found }

func (r *reading) askAgain(ctx context.Context, p redis.Pipeliner) {
	r.exist = r.exist[:0]
	for _, i := range r.empty {
		r.exist = append(r.exist, p.Exists(ctx, r.keys[i]))
		r.ranges[i] = p.GetRange(ctx, r.keys[i], 0, r.limit) // it may have been made meanwhile
	}
}

func (r *reading) takeAgain(ctx context.Context) error {
	for n, i := range r.empty {
		if err := r.takeOne(ctx, i); err != nil {
			return err
		}
		count, err := r.exist[n].Result()
		if err != nil {
			return err
		}
		if r.values[i].nothing() && count > 0 {
			r.values[i].data = []byte{}
		}
	}
	return nil
}
