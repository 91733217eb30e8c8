package redisstore

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// documentBatch and hostBatch are read in one round trip.
	documentBatch = 500
	hostBatch     = 1000
	// maxHostBytes bounds a host that is asked for: 253 bytes of a name and a wildcard.
	maxHostBytes = 256
	// maxWordBytes bounds an owner, and what a change says of its tenant and kind. Nothing valid is longer.
	maxWordBytes = 256
	// scanCount is how many keys of the server, foreign ones with them, one step of a scan looks at.
	scanCount = 500
)

// Documents implements [store.Source]. An id that cannot be a tenant's has no document.
func (s *Store) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	values := named(ids)
	head, err := s.readWithHead(ctx, s.documentReading(), values)
	if err != nil {
		return store.Documents{}, s.fail(ctx, "reading documents", err)
	}
	return store.Documents{Head: head, All: values}, nil
}

func (s *Store) documentReading() reading {
	key := func(id string) string {
		if !tenant.ValidID(id) {
			return ""
		}
		return s.tenantKey(id)
	}
	return reading{key: key, limit: maxDocumentBytes, batch: documentBatch}
}

// Owners implements [store.Source]. What is not a valid id owns nothing.
func (s *Store) Owners(ctx context.Context, hosts []string) (store.Owners, error) {
	values := named(hosts)
	head, err := s.readWithHead(ctx, s.ownerReading(), values)
	if err != nil {
		return store.Owners{}, s.fail(ctx, "reading the owners of hosts", err)
	}
	return store.Owners{Head: head, IDs: s.owners(values)}, nil
}

func (s *Store) ownerReading() reading {
	key := func(host string) string {
		if host == "" || len(host) > maxHostBytes {
			return ""
		}
		return s.hostKey(host)
	}
	return reading{key: key, limit: maxWordBytes, batch: hostBatch}
}

// owners are the ids in values that are valid.
func (s *Store) owners(values []store.Document) []string {
	ids := make([]string, len(values))
	for i, v := range values {
		switch {
		case v.Err == nil && tenant.ValidID(string(v.Data)):
			ids[i] = string(v.Data)
		case v.Err != nil || v.Data != nil:
			s.dropped.Add(1)
		}
	}
	return ids
}

// reading says how strings are read.
type reading struct {
	// key makes a key of an id or host, "" for one that has none.
	key func(string) string
	// limit is how many bytes a value may have, and batch how many values come in one round trip.
	limit int64
	batch int
}

// named are values with ids or hosts, to be filled.
func named(names []string) []store.Document {
	values := make([]store.Document, len(names))
	for i, name := range names {
		values[i].ID = name
	}
	return values
}

// readWithHead reads values, and the head before all of them on the same connection.
func (s *Store) readWithHead(ctx context.Context, r reading, values []store.Document) (store.Head, error) {
	var reply headReply
	if err := r.all(ctx, s.pipeline, values, func(p redis.Pipeliner) { reply = s.askHead(ctx, p) }); err != nil {
		return store.Head{}, err
	}
	return reply()
}

// all fills values, of which the ids or hosts are given. The first round trip begins with what before asks.
func (r reading) all(ctx context.Context, run roundTrip, values []store.Document, before func(redis.Pipeliner)) error {
	for {
		n := min(len(values), r.batch)
		if err := r.some(ctx, run, values[:n], before); err != nil {
			return err
		}
		if values = values[n:]; len(values) == 0 {
			return nil
		}
		before = nothing
	}
}

func nothing(redis.Pipeliner) {}

// some reads values in one round trip, after what before asks. It reads not more of a value than it must to see that
// the value is too large: MGET would read all of it, and say of a list that there is nothing. For GETRANGE, in
// turn, an empty string is like no key; so one EXISTS counts the keys, and when there are more than values,
// which is rare, halves are read again until the empty string is alone.
func (r reading) some(ctx context.Context, run roundTrip, values []store.Document, before func(redis.Pipeliner)) error {
	ranges := make([]*redis.StringCmd, len(values))
	keys := make([]string, 0, len(values))
	var exist *redis.IntCmd
	err := run(ctx, func(p redis.Pipeliner) {
		before(p)
		for i := range values {
			if key := r.key(values[i].ID); key != "" {
				ranges[i] = p.GetRange(ctx, key, 0, r.limit)
				keys = append(keys, key)
			}
		}
		if len(keys) > 0 {
			exist = p.Exists(ctx, keys...)
		}
	})
	if err != nil {
		return err
	}
	found := int64(0)
	for i, cmd := range ranges {
		if cmd == nil {
			continue
		}
		if err := r.take(ctx, cmd, &values[i]); err != nil {
			return err
		}
		if values[i].Data != nil || values[i].Err != nil {
			found++
		}
	}
	switch half := len(values) / 2; {
	case exist == nil:
		return nil
	case exist.Err() != nil || exist.Val() <= found:
		return exist.Err()
	case half == 0:
		values[0].Data = []byte{}
		return nil
	default:
		return errors.Join(r.some(ctx, run, values[:half], nothing), r.some(ctx, run, values[half:], nothing))
	}
}

// take fills v from the reply to a GETRANGE.
func (r reading) take(ctx context.Context, cmd *redis.StringCmd, v *store.Document) error {
	data, err := cmd.Bytes()
	v.Data, v.Err = nil, nil
	switch {
	case classify(ctx, err) == ErrorWrongType:
		v.Err = store.ErrWrongType
	case err != nil:
		return err
	case int64(len(data)) > r.limit:
		v.Err = store.ErrTooLarge
	case len(data) > 0:
		v.Data = data
	}
	return nil
}

// IDs implements [store.Source]. All steps are made on one connection, as a cursor means nothing to
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
				s.skipped.Add(1)
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
	if single, ok := s.rdb.(*redis.Client); ok {
		return single.Conn(), nil
	}
	cluster, _ := s.rdb.(*redis.ClusterClient) // newClient makes one of the two
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	node, err := cluster.MasterForKey(ctx, s.metaKey())
	if err != nil {
		return nil, err
	}
	conn := node.Conn()
	conn.AddHook(s.hook) // the client of a node has none
	return conn, nil
}
