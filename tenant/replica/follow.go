package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// Pauses of the follower.
const (
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
	// distrustPause is how often a store that does not count is looked at.
	distrustPause = time.Second
	// pollingTime is for how long it asks for changes where waiting for them is of no use.
	pollingTime = time.Minute
	// lateness is how old a change is that waiting should have brought.
	lateness = 2 * time.Second
)

var (
	// errDistrusted ends a session: the store is not where it should be, so what it says does not count.
	errDistrusted = errors.New("the store is not where it should be")
	// errClaimed ends a session: the store tells of a confirmation, of which the next session finds out whether it counts.
	errClaimed = errors.New("the store tells of a confirmation")
)

// follow follows the store, session after session, until ctx ends.
func (r *Replica) follow(ctx context.Context) {
	pause := minPause
	for ctx.Err() == nil {
		before, at := r.lastContact.Load(), r.position
		err := r.session(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil, errors.Is(err, errClaimed):
			pause = minPause
			continue
		case errors.Is(err, errDistrusted):
			pause = minPause
			rest(ctx, distrustPause)
			continue
		case r.lastContact.Load() > before, at.Before(r.position):
			pause = minPause
		}
		r.counters.sessions.Add(1)
		if r.set(func(s *state) bool {
			was := s.reachable || !s.failed
			s.reachable, s.following, s.failed = false, false, true
			return was
		}) {
			r.opt.Log.WarnContext(ctx, "the store cannot be followed; deciding by what is in memory", "error", err)
			r.opt.OnChange()
		}
		rest(ctx, pause)
		pause = min(2*pause, maxPause)
	}
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

// session brings the copy to where the store is, and follows the changes until something fails. It returns nil when
// the next session is to begin at once.
func (r *Replica) session(ctx context.Context) error {
	select {
	case <-r.wake: // what it was about is seen now
	default:
	}
	r.heard = r.slept.Load()
	head, gap, err := r.locate(ctx)
	if err != nil {
		return err
	}
	if gap == lost {
		r.trust.Diverge() // before the head is judged, which may look as if all were well
	}
	if err := r.judge(ctx, head); err != nil {
		return err
	}
	if why := r.needsAll(gap); why != "" {
		r.opt.Log.InfoContext(ctx, "reading the whole registry", "because", why)
		if err := r.prime(ctx, head); err != nil {
			return err
		}
	}
	r.resyncAt, r.checkAt = r.nextResync(), time.Now().Add(r.opt.CheckInterval)
	reading, stop := r.untilWoken(ctx)
	defer stop()
	err = r.read(reading)
	if ctx.Err() == nil && reading.Err() != nil {
		return nil
	}
	return err
}

// untilWoken is ctx until the follower is woken.
func (r *Replica) untilWoken(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-r.wake:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-done }
}

// read takes changes until something fails, or the next session is to begin: then it returns nil.
func (r *Replica) read(ctx context.Context) error {
	wait := time.Duration(0) // what happened meanwhile, and then what comes
	for {
		again, err := r.take(ctx, wait)
		if err != nil || again {
			return err
		}
		if now := time.Now(); !now.Before(r.checkAt) {
			r.checkAt = now.Add(r.opt.CheckInterval)
			if again, err := r.check(ctx); err != nil || again {
				return err
			}
		}
		if now := time.Now(); !now.Before(r.resyncAt) {
			r.resyncAt = r.nextResync()
			if again, err := r.resync(ctx); err != nil || again {
				return err
			}
		}
		if wait = r.opt.Heartbeat; time.Now().Before(r.pollsUntil) {
			rest(ctx, wait)
			wait = 0
		}
	}
}

// nextResync is when everything is to be read again, ± 10 %.
func (r *Replica) nextResync() time.Time {
	d := r.opt.ResyncInterval
	return time.Now().Add(d - d/10 + rand.N(d/5+1)) //nolint:gosec // spreads load, hides nothing
}

// take reads changes, waiting for one, and puts their documents in force. again: the next session is to begin.
func (r *Replica) take(ctx context.Context, wait time.Duration) (again bool, err error) {
	limit := r.limit
	changes, err := r.changes(ctx, wait)
	if err != nil {
		return false, err
	}
	if len(changes) > 0 {
		if linked, err := r.linked(ctx); err != nil || !linked {
			return true, err
		}
	}
	var ids []string
	announced := make(map[string]bool, len(changes))
	for i := range changes {
		c := &changes[i]
		switch {
		case c.Kind == store.KindConfirm:
			again = true
		case !tenant.ValidID(c.Tenant):
			r.counters.integrity.Add(1)
		case !announced[c.Tenant]:
			announced[c.Tenant] = true
			ids = append(ids, c.Tenant)
		}
	}
	r.counters.changes.Add(int64(len(changes)))
	switch {
	case len(ids) > 0:
		err = r.load(ctx, ids, true)
	case len(changes) > 0:
		_, err = r.head(ctx) // nothing counts before the store was judged
	}
	if err != nil {
		return false, err
	}
	if len(changes) > 0 {
		r.reach(changes[len(changes)-1].At)
	}
	if len(changes) < limit {
		r.contact(ctx)
	}
	return again, nil
}

// changes reads changes after those that were taken. Where waiting for them fails and asking does not, it asks.
func (r *Replica) changes(ctx context.Context, wait time.Duration) ([]store.Change, error) {
	reading, cancel := context.WithTimeout(ctx, wait+r.opt.ReadTimeout)
	defer cancel()
	changes, err := r.opt.Source.Changes(reading, r.position, r.limit, wait)
	if err == nil {
		r.limit = min(2*r.limit, maxChanges)
		if wait > 0 {
			r.cut = 0
		}
		return changes, nil
	}
	r.limit = max(r.limit/8, 1) // they may be so large that fewer fit into the time
	if wait > 0 && ctx.Err() == nil {
		if r.cut++; r.cut > 1 {
			r.pollsUntil = time.Now().Add(pollingTime)
		}
	}
	return nil, fmt.Errorf("following the changes: %w", err)
}

// linked reports whether the changes that were just read come after those that were taken before: a store that was
// restored has other ones between.
func (r *Replica) linked(ctx context.Context) (bool, error) {
	if r.position.IsZero() {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.opt.ReadTimeout)
	defer cancel()
	has, err := r.opt.Source.HasChange(ctx, r.position)
	if err != nil {
		return false, fmt.Errorf("looking for the last change that was read: %w", err)
	}
	if has {
		return true, nil
	}
	head, err := r.head(ctx)
	if err != nil {
		return false, err
	}
	gap, err := r.findGap(ctx, head)
	return gap == none, err
}

// check looks where the store is. again: the changes do not lead there.
func (r *Replica) check(ctx context.Context) (again bool, err error) {
	head, err := r.head(ctx)
	switch {
	case err != nil:
		return false, err
	case r.trust.Doubtful():
		return true, nil
	case !r.position.Before(head.Last):
		return false, nil
	}
	before := r.position
	if again, err = r.take(ctx, 0); err != nil || again || r.position == before {
		return again, err
	}
	if late := head.Time.Sub(time.UnixMilli(int64(r.position.Time))); late > lateness { //nolint:gosec // a wrong time is no harm
		// The wait for changes should have ended before: whoever stands between us and the store may keep them back.
		r.pollsUntil = time.Now().Add(pollingTime)
		r.counters.stuck.Add(1)
		r.opt.Log.WarnContext(ctx, "waiting does not bring the changes; asking for them instead")
	}
	return false, nil
}

// head reads where the store is and has it judged.
func (r *Replica) head(ctx context.Context) (store.Head, error) {
	head, err := r.readHead(ctx)
	if err != nil {
		return head, err
	}
	return head, r.accept(ctx, head)
}

func (r *Replica) readHead(ctx context.Context) (head store.Head, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.opt.ReadTimeout)
	defer cancel()
	r.counters.reads.Add(1)
	began := time.Now()
	head, err = r.opt.Source.Head(ctx)
	if err != nil {
		return head, fmt.Errorf("reading where the store is: %w", err)
	}
	r.opt.OnHead(head, time.Since(began))
	return head, nil
}
