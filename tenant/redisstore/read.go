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
	head, err := reply.head(ctx)
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
func (r headReply) head(ctx context.Context) (store.Head, error) {
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
	case classify(ctx, err) == "": // there is none
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
	if _, ok := errors.AsType[redis.Error](err); ok {
		return nil
	}
	return err
}
