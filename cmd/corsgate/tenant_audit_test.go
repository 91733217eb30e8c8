package main

import (
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

func TestRecordingIsKnownBackToAGap(t *testing.T) {
	now := time.Date(2027, 1, 31, 0, 30, 0, 0, time.UTC)
	today := store.DayOf(now)
	cases := []struct {
		name     string
		recorded []store.Day // days ago
		on       bool
		since    store.Day // days ago
	}{
		{"never", nil, false, 0},
		{"today", []store.Day{0}, true, 0},
		{"nothing was written today yet", []store.Day{1, 2, 3}, true, 3},
		{"up to today", []store.Day{0, 1, 2, 3}, true, 3},
		{"a gap", []store.Day{0, 1, 3, 4, 5}, true, 1},
		{"it ended the day before yesterday", []store.Day{2, 3, 4}, false, 0},
		{"tomorrow, by another clock", []store.Day{-1}, false, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := storetest.NewMemory()
			for _, ago := range c.recorded {
				if err := s.RecordUses(t.Context(), today-ago, nil); err != nil {
					t.Fatal(err)
				}
			}
			got, err := readRecording(t.Context(), s, now)
			if err != nil || got != (recording{on: c.on, today: today, since: today - c.since}) {
				t.Errorf("%+v, %v; want %t since %s", got, err, c.on, today-c.since)
			}
		})
	}
}

func TestUnusedIsNeverClaimedTooEarly(t *testing.T) {
	const today = store.Day(20_000)
	cases := []struct {
		name                 string
		since, last, updated store.Day // days ago; last -1 is never
		want                 int
	}{
		{"used today", 90, 0, 90, 0},
		{"used before", 90, 40, 5, 40},
		{"used before the recording", 20, 60, 90, 20},
		{"never, in an old document", 90, -1, 300, 90},
		{"never, in a young document", 90, -1, 7, 7},
		{"never, and hardly recorded", 3, -1, 300, 3},
		{"a document of tomorrow", 90, -1, -1, 0},
		{"a use of tomorrow", 90, -2, 300, 0},
	}
	for _, c := range cases {
		rec := recording{on: true, today: today, since: today - c.since}
		last := today - c.last
		if c.last == -1 {
			last = 0
		}
		if got := rec.unused(last, today-c.updated); got != c.want {
			t.Errorf("%s: unused for %d days, want %d", c.name, got, c.want)
		}
	}
}
