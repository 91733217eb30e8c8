package replica

import (
	"context"
	"errors"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// comparePause is how often a store that has regressed is compared with the copy.
const comparePause = 10 * time.Second

// errAgain ends a reading of everything, since the next session is to begin.
var errAgain = errors.New("the store is to be looked at again")

// recovers reports whether a store that lacked changes has what was seen again: it has the newest that is in force,
// or taking what it has would bring nothing old back. A change that was written since proves nothing.
func (r *Replica) recovers(ctx context.Context, head store.Head) bool {
	if head.Last.Before(r.trust.Seen()) || time.Since(r.comparedAt) < comparePause && !r.comparedAt.IsZero() {
		return false
	}
	r.comparedAt = time.Now()
	asking, cancel := context.WithTimeout(ctx, r.opt.ReadTimeout)
	defer cancel()
	has, err := r.opt.Source.HasChange(asking, r.position)
	if err != nil || has {
		return has
	}
	since, err := r.opt.Source.Changes(asking, r.position, maxChanges, 0)
	if err != nil || len(since) == maxChanges {
		return false
	}
	announced := make(map[string]bool, len(since))
	for i := range since {
		announced[since[i].Tenant] = true
	}
	return r.nothingOld(ctx, announced)
}

// nothingOld compares the copy with the store: every document there is that in force, or newer or older by its
// revision, or was announced since; and none is missing. Older ones are not put in force, as long as revisions tell.
func (r *Replica) nothingOld(ctx context.Context, announced map[string]bool) bool {
	current := r.snapshot.Load()
	seen := make(map[string]bool)
	err := r.opt.Source.IDs(ctx, func(ids []string) error {
		for len(ids) > 0 {
			n := min(len(ids), r.pageSize)
			got, _, err := r.fetch(ctx, ids[:n], pageTimeout)
			if err != nil {
				return err
			}
			ids = ids[n:]
			for i, d := range r.decode(got.All) {
				seen[d.ID] = true
				if !announced[d.ID] && old(&d, current) {
					r.opt.Log.DebugContext(ctx, "the store has a document that may be an old one", "tenant", got.All[i].ID)
					return errAgain
				}
			}
		}
		return nil
	})
	if err != nil {
		return false
	}
	for record := range current.All() {
		if !seen[record.ID()] && !announced[record.ID()] && record.Readable() {
			return false
		}
	}
	return true
}

// old reports whether nobody can tell that a document of the store is not older than the one in force.
func old(d *loaded, current *tenant.Snapshot) bool {
	record, sum := current.Document(d.ID)
	switch {
	case record == nil:
		return true // its tenant may have been deleted
	case d.Sum != 0 && d.Sum == sum:
		return false
	case d.Record == nil:
		return d.Err == nil
	default:
		return d.Record.Revision() == 0 || d.Record.Revision() == record.Revision()
	}
}
