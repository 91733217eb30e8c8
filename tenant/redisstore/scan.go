package redisstore

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
)

// scanCount is how many keys of the server, foreign ones with them, one step looks at.
const scanCount = 500

// IDs implements [store.Reader]. All steps are made on one connection, as a cursor means nothing to
// another server; when it breaks, the call fails. Keys that are not of a valid id are
// left out. In a cluster, ids may be missing while the slot moves to another node.
func (s *Store) IDs(ctx context.Context, page func(ids []string) error) error {
	const doing = "listing the tenants"
	conn, err := s.primary(ctx)
	if err != nil {
		return s.fail(ctx, doing, err)
	}
	defer func() { _ = conn.Close() }() // back to the pool

	// A prefix has no characters that are special in a pattern.
	start := s.tenantKey("")
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		var keys []string
		if keys, cursor, err = s.scan(ctx, conn, cursor, start+"*"); err != nil {
			return s.fail(ctx, doing, err)
		}
		ids := keys[:0]
		for _, key := range keys {
			if id, ok := strings.CutPrefix(key, start); ok && tenant.ValidID(id) {
				ids = append(ids, id)
			} else {
				s.counts.skipped.Add(1)
			}
		}
		if len(ids) == 0 {
			continue
		}
		if err := page(ids); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) scan(ctx context.Context, conn *redis.Conn, cursor uint64, pattern string) (keys []string, next uint64, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return conn.Scan(ctx, cursor, pattern, scanCount).Result()
}

// primary is one connection to the server that holds the registry.
func (s *Store) primary(ctx context.Context) (*redis.Conn, error) {
	switch rdb := s.rdb.(type) {
	case *redis.Client:
		return rdb.Conn(), nil
	case *redis.ClusterClient:
		ctx, cancel := s.bounded(ctx)
		defer cancel()
		node, err := rdb.MasterForKey(ctx, s.metaKey())
		if err != nil {
			return nil, err
		}
		conn := node.Conn()
		conn.AddHook(s.hook) // the client of a node has none
		return conn, nil
	default:
		return nil, errors.New("a client without connections")
	}
}
