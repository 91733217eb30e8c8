package main

import (
	"context"
	"fmt"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// recording says as of when uses are known without a gap.
type recording struct {
	on           bool
	today, since store.Day
}

// auditDays is how far an audit looks back: what is unused for longer is unused for 90 days.
const auditDays = 90

// readRecording finds the last days on which uses were recorded without a gap. Of today nothing need have
// been written yet.
func readRecording(ctx context.Context, s store.UseReader, now time.Time) (recording, error) {
	today := store.DayOf(now)
	days := make([]store.Day, auditDays+1)
	for i := range days {
		days[i] = today - store.Day(i)
	}
	recorded, err := s.RecordedDays(ctx, days)
	if err != nil {
		return recording{}, fmt.Errorf("reading when uses were recorded: %w", err)
	}
	rec := recording{today: today, since: today, on: recorded[0]}
	for i, is := range recorded[1:] {
		if !is {
			break
		}
		rec.on, rec.since = true, days[i+1]
	}
	return rec, nil
}

// unused is for how many days an entry is known to have allowed nothing. What was before the recording is not
// known; and an entry that was never seen may be as young as its document, which is from the day updated.
func (r *recording) unused(last, updated store.Day) int {
	from := max(r.since, last)
	if last == 0 {
		from = max(r.since, updated)
	}
	return int(max(0, r.today-from))
}
