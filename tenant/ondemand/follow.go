package ondemand

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// maxChanges bounds one read of the changes.
const maxChanges = 1000

// Pauses of the follower.
const (
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
	// distrustPause is how often a store that is not where it should be is looked at.
	distrustPause = time.Second
	// pollFor is how long the changes are polled after waiting for them has failed.
	pollFor = time.Minute
)

// errElsewhere says that changes were read from another store than the head after them.
var errElsewhere = errors.New("the changes are not those of the store")

// follower reads the store's changes. It is one goroutine's.
type follower struct {
	*Registry
	trust trust.Trust
	// position is the last change that was taken.
	position store.Position
	// checked is when the store last said where it is, pollUntil until when waiting for changes is not tried, after it
	// has failed.
	checked, pollUntil int64
	// failed: the last read that waited has.
	failed bool
	// page bounds the documents of one read.
	page int
}

// Run follows the changes of the store until ctx ends; it then returns nil. A store that cannot be reached is no error.
// Loads that are under way when it returns end within twice [Options.LoadTimeout].
func (r *Registry) Run(ctx context.Context) error {
	defer func() {
		r.documents.StopAllGoroutines()
		r.hosts.StopAllGoroutines()
		r.absent.StopAllGoroutines()
	}()
	f := &follower{Registry: r, page: maxPage}
	pause := minPause
	for ctx.Err() == nil {
		began := r.clock()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		if err == nil || r.confirmed.Load() > began {
			pause = minPause
		}
		if err != nil {
			f.lost(ctx, err)
			rest(ctx, pause)
			pause = min(2*pause, maxPause)
		}
	}
	return nil
}

// rest waits for about d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d/2 + rand.N(d/2+1)) //nolint:gosec // spreads load, hides nothing
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// lost notes that the store cannot be followed.
func (f *follower) lost(ctx context.Context, err error) {
	f.reachable.Store(false)
	if f.following.Swap(false) {
		f.opt.Log.WarnContext(ctx, "the store cannot be followed; deciding by what is in memory", "error", err)
		f.opt.OnChange()
	}
}

// follow looks where the store is, and takes its changes until something fails or the store is not trusted.
func (f *follower) follow(ctx context.Context) error {
	if _, err := f.check(ctx); err != nil {
		return err
	}
	wait := time.Duration(0) // what happened meanwhile, and then that it is all
	for f.trust.Verdict() == trust.Trusted {
		if err := f.next(ctx, wait); err != nil {
			return err
		}
		wait = f.opt.Heartbeat
	}
	rest(ctx, distrustPause)
	return nil
}

// next reads some changes, and waits for them. Together with them it checks where the store is.
func (f *follower) next(ctx context.Context, wait time.Duration) error {
	if wait > 0 && f.clock() < f.pollUntil {
		rest(ctx, wait)
		wait = 0
	}
	began := f.clock()
	changes, err := f.opt.Source.Changes(ctx, f.position, maxChanges, wait)
	if wait > 0 {
		if err != nil && f.failed { // though reads that do not wait succeed
			f.pollUntil = f.clock() + int64(pollFor)
		}
		f.failed = err != nil
	}
	if err != nil {
		return fmt.Errorf("following the changes: %w", err)
	}
	if due := f.clock()-f.checked >= int64(f.opt.CheckInterval); due || f.look.Load() || len(changes) > 0 {
		at := f.position
		head, err := f.check(ctx)
		switch {
		case err != nil || f.trust.Verdict() != trust.Trusted:
			return err
		case len(changes) > 0 && head.Last.Before(changes[len(changes)-1].At):
			return errElsewhere
		case len(changes) == 0 && at.Before(head.Last) && wait > 0: // waiting does not bring what there is
			f.pollUntil = f.clock() + int64(pollFor)
			return nil
		}
	}
	if err := f.take(ctx, changes); err != nil {
		return err
	}
	if len(changes) < maxChanges {
		f.confirmed.Store(began)
		if !f.following.Swap(true) {
			f.opt.Log.InfoContext(ctx, "following the store", "position", f.position.String())
			f.opt.OnChange()
		}
	}
	return nil
}

// check asks where the store is, and whether it is still the one that what is in memory was read from.
func (f *follower) check(ctx context.Context) (store.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, f.opt.LoadTimeout)
	defer cancel()
	f.look.Store(false)
	f.counters.reads.Add(1)
	began := time.Now()
	head, err := f.opt.Source.Head(ctx)
	if err != nil {
		return head, fmt.Errorf("reading where the store is: %w", err)
	}
	f.opt.OnHead(head, time.Since(began))
	before, has := f.trust.Verdict(), false
	if seen := f.trust.Seen(); holds(head, seen) {
		if has, err = f.opt.Source.HasChange(ctx, seen); err != nil {
			return head, fmt.Errorf("looking for the newest change that was seen: %w", err)
		}
		if !has {
			f.trust.Diverge()
		}
	}
	f.reachable.Store(true)
	f.checked = f.clock()
	verdict, confirmed := f.trust.Judge(head)
	if verdict != trust.Trusted && f.trust.Claims(head) {
		found, err := store.ConfirmedSince(ctx, f.opt.Source, f.trust.Seen())
		if err != nil {
			return head, err
		}
		if found {
			f.trust.Confirm(head)
		}
		verdict, confirmed = f.trust.Judge(head)
	}
	if verdict == trust.Regressed && has {
		f.trust.Recover()
	}
	f.settle(ctx, head, before, confirmed)
	return head, nil
}

// settle puts in force what was found out about the store.
func (f *follower) settle(ctx context.Context, head store.Head, before trust.Verdict, confirmed bool) {
	now, s := f.trust.Verdict(), *f.standing.Load()
	if s.turn == 0 || now != before || confirmed {
		s.turn++
	}
	s.trust = f.trust
	f.standing.Store(&s)
	isNew := f.position.IsZero() || confirmed || trimmed(head, f.position)
	if now == trust.Trusted && (isNew || f.trust.Doubtful()) {
		if confirmed {
			f.forced.Store(f.clock())
		}
		if isNew {
			f.reach(head.Last)
		}
		f.askAll()
		f.trust.Compared()
	}
	if now == before {
		return
	}
	f.counters.verdicts.Add(1)
	if now == trust.Trusted {
		f.opt.Log.InfoContext(ctx, "the store is where it should be", "before", string(before), "position", head.Last.String())
	} else {
		f.following.Store(false)
		f.opt.Log.ErrorContext(ctx, "the store is not where it should be; keeping what is in memory until it is, or until an operator confirms it",
			"why", string(now), "position", head.Last.String(), "epoch", head.Epoch)
	}
	f.opt.OnChange()
}

// reach goes on after a change.
func (f *follower) reach(at store.Position) {
	f.position = at
	f.Registry.position.Store(&at)
}

// holds reports whether a stream should have a change, as far as its head says.
func holds(head store.Head, at store.Position) bool {
	return !at.IsZero() && !head.First.IsZero() && !at.Before(head.First) && !head.Last.Before(at) && head.Trimmed.Before(at)
}

// trimmed reports whether changes after a position may have left the stream.
func trimmed(head store.Head, position store.Position) bool {
	switch {
	case !head.Trimmed.IsZero():
		return position.Before(head.Trimmed)
	case head.First.IsZero():
		return position.Before(head.Last)
	default:
		return position.Before(head.First) // the store cannot say whether there was something in between
	}
}
