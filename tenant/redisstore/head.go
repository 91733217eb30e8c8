package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// Names of fields of the hash of meta data.
	fieldEpoch     = "epoch"
	fieldSchema    = "schema"
	fieldConfirmed = "confirmed"

	// maxTokenBytes bounds an epoch and a confirmation; ours have fewer.
	maxTokenBytes = 128
	// maxSchema bounds a number that only has to be compared.
	maxSchema = 1 << 30
	// maxPositionBytes is the longest position: two numbers of 20 digits.
	maxPositionBytes = 41
)

// Head implements [store.Source]. It asks one server, as TIME has no key and a cluster would send it to any node.
func (s *Store) Head(ctx context.Context) (store.Head, error) {
	const doing = "reading the head"
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	conn, err := s.primary(ctx)
	if err != nil {
		return store.Head{}, s.fail(ctx, doing, err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	var reply headReply
	var clock *redis.TimeCmd
	err = pipelined(ctx, conn, func(p redis.Pipeliner) { reply, clock = s.askHead(ctx, p), p.Time(ctx) })
	if err != nil {
		return store.Head{}, s.fail(ctx, doing, err)
	}
	head, err := reply()
	if err == nil {
		head.Time, err = clock.Result()
	}
	if err != nil {
		return store.Head{}, s.fail(ctx, doing, err)
	}
	return head, nil
}

// headReply reads what a head is made of, but for the time, when the replies are there.
type headReply func() (store.Head, error)

func (s *Store) askHead(ctx context.Context, p redis.Pipeliner) headReply {
	meta := p.HMGet(ctx, s.metaKey(), metaFields()...)
	stream := p.XInfoStream(ctx, s.changesKey())
	return func() (store.Head, error) {
		var head store.Head
		values, err := meta.Result()
		if err == nil {
			err = parseMeta(&head, values)
		}
		if err != nil {
			return store.Head{}, fmt.Errorf("meta data: %w", err)
		}
		info, err := stream.Result()
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
}

// parseMeta reads epoch, schema and confirmed. What cannot be ours is an error, not an absence: the
// store would look as if it had been emptied.
func parseMeta(head *store.Head, values []any) error {
	if len(values) != 3 {
		return fmt.Errorf("%d fields instead of 3", len(values))
	}
	var texts [3]string
	for i, v := range values {
		text, ok := v.(string)
		if v != nil && !ok || !isToken(text) {
			return fmt.Errorf("the field %s is not of at most %d visible characters", metaFields()[i], maxTokenBytes)
		}
		texts[i] = strings.Clone(text)
	}
	head.Epoch, head.Confirmed = texts[0], texts[2]
	if texts[1] == "" {
		return nil
	}
	n, err := strconv.Atoi(texts[1])
	if err != nil || n < 1 || n > maxSchema {
		return errors.New("the schema is not a version number")
	}
	head.Schema = n
	return nil
}

// metaFields are those of a head, in order.
func metaFields() []string { return []string{fieldEpoch, fieldSchema, fieldConfirmed} }

func isToken(s string) bool {
	return len(s) <= maxTokenBytes && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// parseStream reads what the server says of the change stream.
func parseStream(head *store.Head, info *redis.XInfoStream) error {
	head.Exists = true
	var deleted store.Position
	var err error
	for _, f := range []struct {
		to   *store.Position
		text string
	}{{&head.First, info.FirstEntry.ID}, {&head.Last, info.LastGeneratedID}, {&deleted, info.MaxDeletedEntryID}} {
		if f.text == "" {
			continue // an empty stream, or a server before 7.0
		}
		if *f.to, err = parsePosition(f.text); err != nil {
			return err
		}
	}
	// Redis does not say what it trimmed, only what was deleted one by one. Both are known to be
	// before the first entry.
	switch {
	case head.First.IsZero():
		head.Trimmed = head.Last
	case head.First.Before(deleted):
		head.Trimmed = deleted
	}
	return nil
}

func parsePosition(text string) (store.Position, error) {
	if len(text) > maxPositionBytes {
		return store.Position{}, fmt.Errorf("a stream position of %d bytes", len(text))
	}
	return store.ParsePosition(text)
}
