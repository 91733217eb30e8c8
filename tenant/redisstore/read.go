package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// maxDocumentBytes is the limit of a document; one byte more is read, to know.
	maxDocumentBytes = 1 << 20
	// documentBatch and hostBatch are read in one round trip.
	documentBatch = 500
	hostBatch     = 1000
	// maxHostBytes bounds a host that is asked for: 253 bytes of a name and a wildcard.
	maxHostBytes = 256
)

// Head implements [store.Reader].
func (s *Store) Head(ctx context.Context) (store.Head, error) {
	const doing = "reading the head"
	var reply headReply
	var clock *redis.TimeCmd
	cluster, isCluster := s.rdb.(*redis.ClusterClient)
	err := s.pipeline(ctx, func(p redis.Pipeliner) {
		reply = s.askHead(ctx, p)
		if !isCluster {
			clock = p.Time(ctx)
		}
	})
	if err != nil {
		return store.Head{}, s.fail(ctx, doing, err)
	}
	head, err := reply.head()
	if err != nil {
		return store.Head{}, s.fail(ctx, doing, err)
	}
	if isCluster {
		// TIME has no key: in the pipeline it would go to any node.
		ctx, cancel := s.bounded(ctx)
		defer cancel()
		node, err := cluster.MasterForKey(ctx, s.metaKey())
		if err != nil {
			return store.Head{}, s.fail(ctx, doing, err)
		}
		clock = node.Time(ctx)
	}
	if head.Time, err = clock.Result(); err != nil {
		return store.Head{}, s.fail(ctx, doing, err)
	}
	return head, nil
}

// Documents implements [store.Reader]. An id that cannot be a tenant's has no document.
func (s *Store) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	docs := store.Documents{All: make([]store.Document, len(ids))}
	keys := make([]string, len(ids))
	for i, id := range ids {
		docs.All[i].ID = id
		if tenant.ValidID(id) {
			keys[i] = s.tenantKey(id)
		}
	}
	values, head, err := s.values(ctx, keys, maxDocumentBytes, documentBatch)
	if err != nil {
		return store.Documents{}, s.fail(ctx, "reading documents", err)
	}
	docs.Head = head
	for i, v := range values {
		docs.All[i].Data, docs.All[i].Err = v.data, v.err
	}
	return docs, nil
}

// Owners implements [store.Reader]. What is not a valid id owns nothing.
func (s *Store) Owners(ctx context.Context, hosts []string) (store.Owners, error) {
	owners := store.Owners{IDs: make([]string, len(hosts))}
	keys := make([]string, len(hosts))
	for i, host := range hosts {
		if host != "" && len(host) <= maxHostBytes {
			keys[i] = s.hostKey(host)
		}
	}
	values, head, err := s.values(ctx, keys, maxWordBytes, hostBatch)
	if err != nil {
		return store.Owners{}, s.fail(ctx, "reading the owners of hosts", err)
	}
	owners.Head = head
	for i, v := range values {
		switch {
		case v.err == nil && tenant.ValidID(string(v.data)):
			owners.IDs[i] = string(v.data)
		case !v.nothing():
			s.counts.dropped.Add(1)
		}
	}
	return owners, nil
}

// value is what a key holds: nothing, data, or what no data can be made of.
type value struct {
	data []byte
	err  error
}

func (v value) nothing() bool { return v.data == nil && v.err == nil }

// values reads the strings at keys, "" for none, of at most limit bytes each, with batch of them in one
// round trip. The head is read before all.
func (s *Store) values(ctx context.Context, keys []string, limit int64, batch int) ([]value, store.Head, error) {
	values := make([]value, len(keys))
	var head store.Head
	for begin := 0; begin == 0 || begin < len(keys); begin += batch {
		part := keys[begin:min(begin+batch, len(keys))]
		var reply headReply
		ranges := make([]*redis.StringCmd, len(part))
		var exist *redis.IntCmd
		err := s.pipeline(ctx, func(p redis.Pipeliner) {
			if begin == 0 {
				reply = s.askHead(ctx, p)
			}
			exist = askValues(ctx, p, part, ranges, limit)
		})
		if err == nil && begin == 0 {
			head, err = reply.head()
		}
		if err == nil {
			err = s.takeValues(ctx, values[begin:], part, ranges, exist, limit)
		}
		if err != nil {
			return nil, store.Head{}, err
		}
	}
	return values, head, nil
}

// askValues reads not more than it must to see that a value is too large. MGET would read all of it,
// and call a list absent. For GETRANGE an empty string is as absent as no key, so that
// one EXISTS counts them all.
func askValues(ctx context.Context, p redis.Pipeliner, keys []string, ranges []*redis.StringCmd, limit int64) *redis.IntCmd {
	var asked []string
	for i, key := range keys {
		if key != "" {
			ranges[i] = p.GetRange(ctx, key, 0, limit)
			asked = append(asked, key)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return p.Exists(ctx, asked...)
}

// takeValues reads the replies to askValues.
func (s *Store) takeValues(ctx context.Context, values []value, keys []string, ranges []*redis.StringCmd, exist *redis.IntCmd, limit int64) error {
	if exist == nil {
		return nil
	}
	var found int64
	var empty []int
	for i, r := range ranges {
		if r == nil {
			continue
		}
		var err error
		if values[i], err = takeValue(ctx, r, limit); err != nil {
			return err
		}
		if values[i].nothing() {
			empty = append(empty, i)
		} else {
			found++
		}
	}
	count, err := exist.Result()
	if err != nil || count <= found || len(empty) == 0 {
		return err
	}
	return s.takeEmpty(ctx, values, keys, empty, limit)
}

// takeEmpty looks again at keys that gave nothing although one of them exists: as an empty string,
// which is a broken document and not an absent one, or made meanwhile.
func (s *Store) takeEmpty(ctx context.Context, values []value, keys []string, empty []int, limit int64) error {
	ranges := make([]*redis.StringCmd, len(empty))
	exist := make([]*redis.IntCmd, len(empty))
	err := s.pipeline(ctx, func(p redis.Pipeliner) {
		for n, i := range empty {
			exist[n] = p.Exists(ctx, keys[i])
			ranges[n] = p.GetRange(ctx, keys[i], 0, limit)
		}
	})
	if err != nil {
		return err
	}
	for n, i := range empty {
		if values[i], err = takeValue(ctx, ranges[n], limit); err != nil {
			return err
		}
		if values[i].nothing() && exist[n].Val() > 0 {
			values[i].data = []byte{}
		}
	}
	return nil
}

func takeValue(ctx context.Context, r *redis.StringCmd, limit int64) (value, error) {
	data, err := r.Bytes()
	switch {
	case classify(ctx, err) == ErrorWrongType:
		return value{err: store.ErrWrongType}, nil
	case err != nil:
		return value{}, err
	case int64(len(data)) > limit:
		return value{err: store.ErrTooLarge}, nil
	case len(data) == 0:
		return value{}, nil
	default:
		return value{data: data}, nil
	}
}

// headReply are the replies that a head is made of.
type headReply struct {
	meta   *redis.SliceCmd
	stream *redis.XInfoStreamCmd
}

func (s *Store) askHead(ctx context.Context, p redis.Pipeliner) headReply {
	return headReply{
		meta:   p.HMGet(ctx, s.metaKey(), fieldEpoch, fieldSchema, fieldConfirmed),
		stream: p.XInfoStream(ctx, s.changesKey()),
	}
}

// head reads the replies; it does not know the time.
func (r headReply) head() (store.Head, error) {
	var head store.Head
	values, err := r.meta.Result()
	if err == nil {
		err = parseMeta(&head, values)
	}
	if err != nil {
		return store.Head{}, fmt.Errorf("meta data: %w", err)
	}
	info, err := r.stream.Result()
	switch {
	case err == nil:
		err = parseStream(&head, info)
	case classify(context.Background(), err) == "": // there is none
		err = nil
	}
	if err != nil {
		return store.Head{}, fmt.Errorf("change stream: %w", err)
	}
	return head, nil
}

// pipeline makes one round trip. An error reply to one of the commands is no error here, and is found
// at that command.
func (s *Store) pipeline(ctx context.Context, fill func(redis.Pipeliner)) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		return nil
	})
	var reply redis.Error
	if errors.As(err, &reply) {
		return nil
	}
	return err
}
