package store

import (
	"context"
	"fmt"
	"time"
)

// Day is a day by UTC, counted from 1970-01-01.
type Day int64

const day = 24 * time.Hour

// DayOf is the day of a moment.
func DayOf(t time.Time) Day { return Day(t.Unix() / int64(day/time.Second)) }

// ParseDay reads "2026-11-26".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("reading the day %q: %w", s, err)
	}
	return DayOf(t), nil
}

// String is what [ParseDay] reads.
func (d Day) String() string {
	return time.Unix(int64(d)*int64(day/time.Second), 0).UTC().Format(time.DateOnly)
}

// Use says that an entry of a tenant, as its document writes it, allowed something on a day.
type Use struct {
	Tenant, Entry string
	Day           Day
}

// UseWriter keeps the last uses of entries.
type UseWriter interface {
	// RecordUses keeps uses, and that they were recorded on today, also when there are none.
	// After an error some may be kept; keeping them again does no harm.
	RecordUses(ctx context.Context, today Day, uses []Use) error
}

// Entries are some entries of a tenant, as its document writes them.
type Entries struct {
	Tenant  string
	Entries []string
}

// UseReader tells the last uses of entries.
type UseReader interface {
	// Uses returns, for each of the lists, the day of the last use of each of its entries; 0 when none was
	// ever recorded.
	Uses(ctx context.Context, lists []Entries) ([][]Day, error)
	// RecordedDays reports for each of the days whether uses were recorded on it.
	RecordedDays(ctx context.Context, days []Day) ([]bool, error)
}
