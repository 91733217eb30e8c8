package store

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

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
