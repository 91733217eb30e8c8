// Package store says what a registry that programs write is to those who read
// and write it, without naming one: documents by id, hosts and their owners,
// and a stream of changes with positions. redisstore is such a registry,
// storetest has one in memory and the contract that each must keep.
//
// Nothing a store says is believed beyond its [Head]: absence is no proof of
// deletion, and a store that went back in time says so by its head only.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Head is where a store is. Documents read together with a head are at least as new as it.
type Head struct {
	// Epoch is the random name that the store got with its first write of ours; "" when
	// it has none.
	Epoch string
	// Schema is the version of the layout; 0 when it is not written.
	Schema int
	// Confirmed is the token of the last confirmation by an operator ([Writer.Confirm]), or "".
	Confirmed string
	// Exists reports whether there is a change stream.
	Exists bool
	// First is the oldest change still in the stream; zero when there is none.
	First Position
	// Last is the newest change ever, also when it was trimmed: the store's generation.
	Last Position
	// Trimmed is the newest change that was removed from the stream; zero when none was, or
	// when the store cannot say.
	Trimmed Position
	// Time is the store's wall clock; zero when it was not asked.
	Time time.Time
}

// Change is one entry of the change stream.
type Change struct {
	// At is its position.
	At Position
	// Tenant is the id; foreign writers may send anything, so it need not be a valid one.
	Tenant string
	// Kind is one of [KindApply], [KindDelete], [KindConfirm], or a foreign word.
	Kind string
	// Revision of the document after the change; 0 when not given.
	Revision int64
}

// Kinds of change and of history entries.
const (
	KindApply    = "apply"
	KindDelete   = "delete"
	KindRollback = "rollback"
	KindImport   = "import"
	KindConfirm  = "confirm"
)

// Document is what the store holds under one id.
type Document struct {
	// ID is what was asked for.
	ID string
	// Data is the document or tombstone as JSON; nil when there is none.
	Data []byte
	// Err says why the value cannot be used: [ErrWrongType], [ErrTooLarge]. Data is then nil,
	// and the tenant is not absent.
	Err error
}

// Reasons of [Document.Err].
var (
	ErrWrongType = errors.New("the key holds another type than a string")
	ErrTooLarge  = errors.New("the document is larger than 1 MiB")
)

// Documents is what one read gave.
type Documents struct {
	// Head was read before any of All, on the same connection.
	Head Head
	// All has one document for each id asked for, in that order.
	All []Document
}

// Owners is who hosts belong to.
type Owners struct {
	// Head was read before IDs, on the same connection.
	Head Head
	// IDs has the tenant id of each host asked for, or "", in that order.
	IDs []string
}

// Source reads a store. Every call is bounded by its context and by time-outs
// of the store's own, retries nothing, and is safe for concurrent use.
type Source interface {
	// Head says where the store is, and what time it is there.
	Head(ctx context.Context) (Head, error)
	// IDs calls page with all ids, some hundred at a time, in no order, possibly
	// repeated. Ids that are there during the whole call are given. An error of page ends it.
	IDs(ctx context.Context, page func(ids []string) error) error
	// Documents reads ids, in one round trip when there are not more than 500.
	Documents(ctx context.Context, ids []string) (Documents, error)
	// Owners reads who hosts, in canonical form, belong to, in one round trip when there are
	// not more than 1,000.
	Owners(ctx context.Context, hosts []string) (Owners, error)
	// Changes returns at most limit changes after a position, oldest first. When there is
	// none it waits for one at most wait, and returns none. With wait 0 it does not block,
	// and uses another connection than a call that waits. Of a foreign entry that is larger than a change can be, what
	// is usable comes; if entries are so large that a call ends by its time-out, ask for fewer.
	Changes(ctx context.Context, after Position, limit int, wait time.Duration) ([]Change, error)
	// HasChange reports whether the stream holds the change at a position.
	HasChange(ctx context.Context, at Position) (bool, error)
}

// Position is a place in a change stream. Positions grow; the zero one is
// before every change.
type Position struct {
	// Time is in milliseconds since 1970, by the store's clock when the change was written.
	Time uint64
	// Sequence orders the changes of one millisecond.
	Sequence uint64
}

// ParsePosition reads "time-sequence" as Redis writes stream ids.
func ParsePosition(s string) (Position, error) {
	t, n, ok := strings.Cut(s, "-")
	if !ok {
		n = "0"
	}
	ms, err := strconv.ParseUint(t, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("reading the stream position %q: %w", s, err)
	}
	seq, err := strconv.ParseUint(n, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("reading the stream position %q: %w", s, err)
	}
	return Position{Time: ms, Sequence: seq}, nil
}

// String is what [ParsePosition] reads.
func (p Position) String() string {
	return strconv.FormatUint(p.Time, 10) + "-" + strconv.FormatUint(p.Sequence, 10)
}

// IsZero reports whether p is before every change.
func (p Position) IsZero() bool { return p == Position{} }

// Compare is negative when p is before q, positive when it is after.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Time, q.Time), cmp.Compare(p.Sequence, q.Sequence))
}

// Before reports whether p is before q.
func (p Position) Before(q Position) bool { return p.Compare(q) < 0 }
