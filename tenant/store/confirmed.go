package store

import (
	"context"
	"fmt"
)

// ConfirmedSince reports whether the stream of changes has a confirmation after a position ([Writer.Confirm]). The token
// of one alone says little: it comes back with a backup.
func ConfirmedSince(ctx context.Context, s Source, after Position) (bool, error) {
	const limit = 1000
	for {
		changes, err := s.Changes(ctx, after, limit, 0)
		if err != nil {
			return false, fmt.Errorf("looking for a confirmation: %w", err)
		}
		for i := range changes {
			if after = changes[i].At; changes[i].Kind == KindConfirm {
				return true, nil
			}
		}
		if len(changes) < limit {
			return false, nil
		}
	}
}
