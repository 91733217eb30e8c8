package statefile

import (
	"errors"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// Status says how the copy on disk is.
type Status struct {
	// Path of the log.
	Path string
	// Saved is the last commit on disk, zero when none is known; Written when this process wrote
	// it, zero when it has not.
	Saved   store.Saved
	Written time.Time
	// Bytes and Records are the size of the log; records that are superseded count, too.
	Bytes   int64
	Records int
	// Pending and PendingBytes are the changes that wait to be written.
	Pending, PendingBytes int
	// Lost is the number of tenants that are not on disk because they did not fit.
	Lost int
	// Loaded is the number of documents that Load found, and Cut that of the bytes
	// behind them which were not committed.
	Loaded int
	Cut    int64
	// Ignored is why Load did not use the file, or not all of it; nil when it did.
	Ignored error
	// Errors counts what failed on the disk since the start.
	Errors uint64
	// Err is what fails on the disk now, nil when nothing does. [ErrLocked]
	// when another process owns the directory, which does not count as a failure.
	Err error
	// LastError is the last failure, and LastErrorAt when it was, also when it is over.
	LastError   error
	LastErrorAt time.Time
}

var errWords = errors.New("a commit whose epoch or confirmation is longer than 1,024 bytes cannot be written")

// Status is for people and metrics.
func (f *File) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, p := f.status, &f.pending
	s.Pending = len(p.open.changes) + len(p.committed.changes) + len(p.writing.changes)
	s.PendingBytes = p.size()
	s.Lost = len(p.lost)
	return s
}

// wrote notes a commit that is on disk.
func (f *File) wrote(s store.Saved) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending.writing = batch{}
	f.status.Saved, f.status.Written = s, f.flushed
	f.status.Bytes, f.status.Records = f.log.at.end, f.log.records
}

// state notes how the last attempt ended, and logs when that is news.
func (f *File) state(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.status.Err
	f.status.Err = err
	locked := errors.Is(err, ErrLocked)
	switch {
	case (err == nil) == (was == nil) && locked == errors.Is(was, ErrLocked):
	case err == nil:
		f.opt.Log.Info("the state directory is written again", "directory", f.dir)
	case locked:
		f.opt.Log.Warn("another process writes to the state directory; this one waits for it", "directory", f.dir)
	default:
		f.opt.Log.Error("the state directory cannot be written; tenants are decided as before", "directory", f.dir, "error", err)
	}
}

// failure counts what failed.
func (f *File) failure(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed(err)
}

// failed is failure for those who hold mu.
func (f *File) failed(err error) {
	f.status.Errors++
	f.status.LastError, f.status.LastErrorAt = err, time.Now()
}
