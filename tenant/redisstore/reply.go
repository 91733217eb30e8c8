package redisstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

// Names of fields, in the hash of meta data and in the stream of changes.
const (
	fieldEpoch     = "epoch"
	fieldSchema    = "schema"
	fieldConfirmed = "confirmed"

	fieldTenant   = "tenant"
	fieldRevision = "revision"
	fieldKind     = "kind"
)

const (
	// maxTokenBytes bounds an epoch and a confirmation; ours have fewer.
	maxTokenBytes = 128
	// maxSchema bounds a number that only has to be compared.
	maxSchema = 1 << 30
	// maxWordBytes bounds what a change says of its tenant and kind. Nothing valid is longer.
	maxWordBytes = 256
)

// parseMeta reads epoch, schema and confirmed. What cannot be ours is an error, not an absence: the
// store would look as if it had been emptied.
func parseMeta(head *store.Head, values []any) error {
	if len(values) != 3 {
		return fmt.Errorf("%d fields instead of 3", len(values))
	}
	var texts [3]string
	for i, v := range values {
		switch v := v.(type) {
		case nil:
		case string:
			texts[i] = v
		default:
			return fmt.Errorf("field %d is a %T", i, v)
		}
	}
	epoch, schema, confirmed := texts[0], texts[1], texts[2]
	if !isToken(epoch) {
		return fmt.Errorf("the epoch is not of at most %d visible characters", maxTokenBytes)
	}
	if !isToken(confirmed) {
		return fmt.Errorf("the confirmation is not of at most %d visible characters", maxTokenBytes)
	}
	if schema != "" {
		n, err := strconv.Atoi(schema)
		if err != nil || n < 1 || n > maxSchema {
			return errors.New("the schema is not a version number")
		}
		head.Schema = n
	}
	head.Epoch, head.Confirmed = strings.Clone(epoch), strings.Clone(confirmed)
	return nil
}

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

// maxPositionBytes is the longest position: two numbers of 20 digits.
const maxPositionBytes = 41

func parsePosition(text string) (store.Position, error) {
	if len(text) > maxPositionBytes {
		return store.Position{}, fmt.Errorf("a stream position of %d bytes", len(text))
	}
	return store.ParsePosition(text)
}

// parseChange reads an entry of the change stream. Only its position must be right: writers in other
// languages may send anything, and what they mean is found by reading documents.
func parseChange(m redis.XMessage) (store.Change, error) {
	at, err := parsePosition(m.ID)
	if err != nil {
		return store.Change{}, err
	}
	c := store.Change{At: at, Tenant: word(m.Values[fieldTenant]), Kind: word(m.Values[fieldKind])}
	if n, err := strconv.ParseInt(word(m.Values[fieldRevision]), 10, 64); err == nil && n > 0 {
		c.Revision = n
	}
	return c, nil
}

// word is a value, cut where no valid one can end, without the memory of what was cut off.
func word(value any) string {
	text, _ := value.(string)
	return strings.Clone(text[:min(len(text), maxWordBytes)])
}
