package statefile

import (
	"context"
	"errors"
	"time"
)

// lockRetry is how often a process that does not own the directory tries to.
const lockRetry = 5 * time.Second

// Run writes what is committed, until ctx ends; then it writes what is left, for at most
// [Options.ExitWithin], and returns nil. It begins when Load has returned. What is to be
// written last must be committed before ctx ends. A disk that fails is no error: see
// [File.Status].
func (f *File) Run(ctx context.Context) error {
	select {
	case <-f.loaded:
	case <-ctx.Done():
		select {
		case <-f.loaded: // both: there may be something to write
		default:
			return nil
		}
	}
	defer f.close()
	f.pace.hurried = f.crowded
	var retry backOff
	var err error
	pause := time.Duration(0)
	for sleep(ctx, pause) && (err != nil || f.wait(ctx)) {
		err = f.work(ctx)
		if ctx.Err() != nil {
			break // what failed did so because of that, and is tried once more below
		}
		switch {
		case err == nil:
			f.compact(ctx)
			f.state(f.compactErr)
			retry.worked()
			pause = f.opt.Interval
		case errors.Is(err, ErrLocked):
			f.state(err)
			pause = lockRetry
		default:
			f.failure(err)
			f.state(err)
			pause = retry.failed()
		}
	}
	f.exit(ctx)
	return nil
}

// wait waits until there is something to write, or the log is not open; false means that
// ctx has ended.
func (f *File) wait(ctx context.Context) bool {
	for f.log != nil {
		due, is := f.due()
		if is && due <= 0 {
			break
		}
		var later <-chan time.Time
		if is {
			later = time.After(due)
		}
		select {
		case <-f.wake:
		case <-later:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// due says when there is something to do for [File.work]; false when there is nothing.
func (f *File) due() (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pending
	if p.saved == nil {
		return time.Until(f.compactAfter), f.compactErr != nil
	}
	news := *p.saved
	news.At = f.asked.At
	if len(p.committed.changes) > 0 || news != f.asked {
		return 0, true
	}
	return time.Until(f.flushed.Add(f.opt.IdleInterval)), true
}

// work writes what there is to write.
func (f *File) work(ctx context.Context) error {
	if err := f.acquire(); err != nil {
		return err
	}
	if err := f.ready(ctx); err != nil {
		return err
	}
	return f.write(ctx)
}

// ready makes sure that the log is open and is the one that others would load.
func (f *File) ready(ctx context.Context) error {
	if f.log == nil {
		return f.open(ctx)
	}
	if err := f.syncDir(); err != nil {
		return err
	}
	if f.rewrite || !sameFile(f.log.File, f.path(logName)) {
		return f.renew(ctx)
	}
	return nil
}

// write appends what is committed.
func (f *File) write(ctx context.Context) error {
	b, s, is := f.take()
	if !is {
		return nil
	}
	if err := f.append(ctx, b, s); err != nil {
		f.giveBack(b, s)
		return err
	}
	return nil
}

// exit writes what is left.
func (f *File) exit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.opt.ExitWithin)
	defer cancel()
	f.pace.hurried = func() bool { return true }
	if _, is := f.due(); !is {
		return
	}
	if err := f.work(ctx); err != nil {
		f.failure(err)
		f.state(err)
	}
}

// crowded reports whether so much waits that the rate does not count.
func (f *File) crowded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pending.size() > f.opt.MaxPending/2
}

func (f *File) close() {
	f.closeLog()
	if f.lock != nil {
		f.lock.Close()
		f.lock = nil
	}
}
