package statefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant/store"
)

// logFile is the log while this process writes to it.
type logFile struct {
	*os.File
	at   mark          // the last commit
	hash xxhash.Digest // up to there
	// limit is the size at which it is looked at whether the log is to be made anew.
	limit int64
	// documents is the number of tenants when it last was, or was opened.
	documents int
	// records is the number of puts and deletes.
	records int
}

// open opens the log for writing, and makes it anew where what is there cannot be
// continued. It needs the lock.
func (f *File) open(ctx context.Context) error {
	if err := f.step("open"); err != nil {
		return err
	}
	if err := os.Remove(f.path(tempName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what an earlier run left: %w", err)
	}
	file, size, err := openLog(f.path(logName))
	if errors.Is(err, fs.ErrNotExist) {
		return f.begin(ctx)
	}
	if errors.Is(err, ErrFormat) {
		return f.ignore(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer file.Close()
	m, err := scan(file, size, f.opt.Identity)
	switch {
	case errors.Is(err, ErrFormat), errors.Is(err, ErrIdentity), errors.Is(err, ErrDamaged):
		return f.ignore(ctx, err)
	case err != nil:
		return fmt.Errorf("reading the log: %w", err)
	}
	f.continues(m)
	if m.problem != nil {
		if err := f.setAside(damaged); err != nil {
			return err
		}
		return f.remake(ctx, file, m)
	}
	return f.resume(m)
}

// resume goes on with the log that is there.
func (f *File) resume(m *image) error {
	file, err := os.OpenFile(f.path(logName), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	if m.cut > 0 {
		f.opt.Log.Info("the end of the state file was not committed and is cut off", "file", f.path(logName), "bytes", m.cut)
		if err := f.truncate(file, m.at.end); err != nil {
			file.Close()
			return err
		}
	}
	f.adopt(&logFile{
		File: file, at: m.at, hash: m.hash, limit: f.limit(f.live(m)), documents: len(m.places), records: m.records,
	}, m.saved)
	return nil
}

// begin makes a log with nothing in it.
func (f *File) begin(ctx context.Context) error {
	f.continues(&image{})
	return f.remake(ctx, nil, &image{})
}

// ignore keeps a file that is not ours, and makes a new one.
func (f *File) ignore(ctx context.Context, why error) error {
	aside := f.path(logName + ignored)
	f.opt.Log.WarnContext(ctx, "the state file cannot be used and is kept aside", "file", f.path(logName), "as", aside, "error", why)
	if err := f.step("aside"); err != nil {
		return err
	}
	if err := os.Rename(f.path(logName), aside); err != nil {
		return fmt.Errorf("keeping the file that cannot be used: %w", err)
	}
	return f.begin(ctx)
}

// continues says what the log holds that is to be written to. What another process wrote
// since Load is a part of the store that this process knows nothing of. Anything else
// that is not as this process left it cannot be told.
func (f *File) continues(m *image) {
	switch {
	case m.at == f.seen:
		f.others = nil
	case !f.owned && m.problem == nil && !m.saved.Position.Before(f.loadedTo):
		s := m.saved
		f.others = &s
	default:
		f.others = &store.Saved{}
	}
}

// setAside keeps the log under another name as well.
func (f *File) setAside(suffix string) error {
	aside := f.path(logName + suffix)
	f.opt.Log.Warn("the state file is kept aside before it is made anew", "file", f.path(logName), "as", aside)
	if err := f.step("aside"); err != nil {
		return err
	}
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping the old log: %w", err)
	}
	err := os.Link(f.path(logName), aside)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		f.opt.Log.Warn("the state file could not be kept aside", "error", err)
		return nil // a file system without links; and there may be no such file any more
	}
	if err != nil {
		return fmt.Errorf("keeping the old log: %w", err)
	}
	return nil
}

// adopt makes l the log of this process.
func (f *File) adopt(l *logFile, saved store.Saved) {
	f.closeLog()
	f.log, f.rewrite = l, false
	f.owned, f.seen, f.asked = true, l.at, saved
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Bytes, f.status.Records, f.status.Saved = l.at.end, l.records, saved
}

func (f *File) closeLog() {
	if f.log != nil {
		f.log.Close()
		f.log = nil
	}
}

// append writes a batch and its commit behind the last one, and syncs it. After an
// error the log is as before.
func (f *File) append(ctx context.Context, b batch, s store.Saved) error {
	l := f.log
	w := writer{to: l, pace: &f.pace, step: f.step, hash: l.hash, written: l.at.end}
	for id, data := range b.changes {
		kind := byte(kindPut)
		if data == nil {
			kind = kindDelete
		}
		if err := w.record(ctx, kind, id, data); err != nil {
			return f.undo(err)
		}
	}
	asked := s
	s.Complete = s.Complete && f.complete(s)
	w.commit(s)
	if err := w.flush(ctx); err != nil {
		return f.undo(err)
	}
	if err := f.sync(l.File); err != nil {
		// What the kernel could not write it may drop and call clean: only a file made
		// anew is certain.
		f.rewrite = true
		return f.undo(err)
	}
	l.at, l.hash = mark{hash: w.hash.Sum64(), end: w.written}, w.hash
	l.records += w.records
	f.seen = l.at
	if s.Complete {
		f.others = nil
	}
	f.asked, f.flushed = asked, time.Now()
	f.wrote(s)
	return nil
}

// complete reports whether the log can hold every tenant once it holds what this
// process knows at s: not while it holds changes of another process from after s.
func (f *File) complete(s store.Saved) bool {
	o := f.others
	if o == nil {
		return true
	}
	return o.Complete && o.Epoch == s.Epoch && o.Confirmed == s.Confirmed && !s.Position.Before(o.Position)
}

// undo takes back what follows the last commit. What remains of it does not count, so a
// failure is none.
func (f *File) undo(cause error) error {
	if err := f.truncate(f.log.File, f.log.at.end); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

func (f *File) truncate(file *os.File, size int64) error {
	if err := f.step("truncate"); err != nil {
		return err
	}
	if err := file.Truncate(size); err != nil {
		return fmt.Errorf("cutting off what was not committed: %w", err)
	}
	return nil
}

func (f *File) sync(file *os.File) error {
	if err := f.step("sync"); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("syncing the log: %w", err)
	}
	return nil
}
