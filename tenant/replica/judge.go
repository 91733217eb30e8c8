package replica

import (
	"context"
	"fmt"

	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// accept judges a head that was read in the middle of a session.
func (r *Replica) accept(ctx context.Context, head store.Head) error {
	if r.trust.Claims(head) {
		return errClaimed
	}
	return r.judge(ctx, head)
}

// judge returns errDistrusted when what was read with a head does not count.
func (r *Replica) judge(ctx context.Context, head store.Head) error {
	before := r.trust.Verdict()
	verdict, force := r.trust.Judge(head)
	if verdict != trust.Trusted && r.trust.Claims(head) {
		reading, cancel := context.WithTimeout(ctx, pageTimeout)
		defer cancel()
		found, err := store.ConfirmedSince(reading, r.opt.Source, r.trust.Seen())
		if err != nil {
			return err
		}
		if found {
			r.trust.Confirm(head)
		}
		verdict, force = r.trust.Judge(head)
	}
	if verdict == trust.Regressed && r.recovers(ctx, head) {
		r.trust.Recover()
		verdict, force = r.trust.Judge(head)
	}
	r.force = verdict == trust.Trusted && (r.force || force)
	r.judged(ctx, head, before)
	if verdict != trust.Trusted {
		return errDistrusted
	}
	return nil
}

// judged tells what became of a verdict.
func (r *Replica) judged(ctx context.Context, head store.Head, before trust.Verdict) {
	verdict := r.trust.Verdict()
	changed := r.set(func(s *state) bool {
		was := s.verdict != verdict || !s.reachable
		s.verdict, s.epoch, s.reachable = verdict, r.trust.Epoch(), true
		s.following = s.following && verdict == trust.Trusted
		return was
	})
	if verdict != before {
		r.counters.verdicts.Add(1)
		if verdict == trust.Trusted {
			r.opt.Log.InfoContext(ctx, "the store is where it should be", "before", string(before), "position", head.Last.String())
		} else {
			r.opt.Log.ErrorContext(ctx, "the store is not where it should be; keeping what is in memory until it is, or until an operator confirms it",
				"why", string(verdict), "position", head.Last.String(), "epoch", head.Epoch)
		}
	}
	if changed {
		r.opt.OnChange()
	}
}

// Gaps between the copy and the store.
const (
	none    = ""
	initial = "there is no copy"
	trimmed = "changes were trimmed before they were read"
	lost    = "the last change that was read is not in the stream"
)

// locate reads where the store is and finds the gap to it. The store may trim, or become another one, between the two
// questions, so what is lost is looked for once more.
func (r *Replica) locate(ctx context.Context) (head store.Head, gap string, err error) {
	for range 2 {
		if head, err = r.readHead(ctx); err != nil {
			return head, none, err
		}
		if gap, err = r.findGap(ctx, head); gap != lost {
			break
		}
	}
	return head, gap, err
}

// findGap says why the changes do not lead from the copy to the store, or none.
func (r *Replica) findGap(ctx context.Context, head store.Head) (string, error) {
	at := r.position
	switch {
	case at.IsZero():
		return initial, nil
	case head.Trimmed == at:
		return none, nil // nothing after it is missing
	case !head.Trimmed.IsZero() && at.Before(head.Trimmed):
		return trimmed, nil
	case head.First.IsZero():
		if at.Before(head.Last) {
			return trimmed, nil
		}
		return none, nil
	case head.Trimmed.IsZero() && at.Before(head.First):
		return trimmed, nil // the store cannot say whether there was something in between
	}
	ctx, cancel := context.WithTimeout(ctx, r.opt.ReadTimeout)
	defer cancel()
	has, err := r.opt.Source.HasChange(ctx, at)
	switch {
	case err != nil:
		return none, fmt.Errorf("looking for the last change that was read: %w", err)
	case !has:
		return lost, nil
	default:
		return none, nil
	}
}

// needsAll says why the changes alone do not bring the copy up to date, or "".
func (r *Replica) needsAll(gap string) string {
	switch {
	case r.force:
		return "an operator has confirmed the store"
	case gap != none:
		return gap
	case r.trust.Doubtful():
		return "the store was not where it should be meanwhile"
	case !r.primed.Load():
		return "there is no whole copy"
	default:
		return ""
	}
}
