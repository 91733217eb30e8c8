package statefile

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant/store"
)

// groupSize is how much of a new log may come before a commit: what damage behind
// it cannot take away.
const groupSize = 1 << 20

// reread reads the log of this process again: what it holds is kept on disk only.
func (f *File) reread(ctx context.Context) (*image, error) {
	l := f.log
	m, err := scan(l, l.at.end, f.opt.Identity)
	if err != nil {
		f.closeLog() // and open what is there, next time
		return nil, fmt.Errorf("reading the log to make it anew: %w", err)
	}
	if m.at != l.at {
		// This process knows only what it has changed: what else is lost, it cannot tell.
		f.continues(m)
		f.opt.Log.ErrorContext(ctx, "the state file has been damaged since it was written", "file", f.path(logName), "error", m.problem)
	}
	return m, nil
}

// renew makes the log anew from what this process has written.
func (f *File) renew(ctx context.Context) error {
	m, err := f.reread(ctx)
	if err != nil {
		return err
	}
	return f.replace(ctx, m)
}

// replace makes the log anew from an image of it.
func (f *File) replace(ctx context.Context, m *image) error {
	if len(m.places) < f.log.documents/2 {
		if err := f.setAside(beforeAll); err != nil {
			return err
		}
	}
	return f.remake(ctx, f.log.File, m)
}

// remake writes what an image holds to a new file, and puts it in the place of the log,
// whole or not at all.
func (f *File) remake(ctx context.Context, from *os.File, m *image) error {
	if err := f.step("create"); err != nil {
		return err
	}
	temp := f.path(tempName)
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing what an earlier try left: %w", err)
	}
	file, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making a new log: %w", err)
	}
	l, err := f.fill(ctx, file, from, m)
	if err == nil {
		err = f.step("rename")
	}
	if err == nil {
		err = os.Rename(temp, f.path(logName))
	}
	if err != nil {
		file.Close()
		os.Remove(temp) // if it stays: the next try removes it
		return fmt.Errorf("making a new log: %w", err)
	}
	f.adopt(l, m.saved)
	f.renamed = true
	return f.syncDir()
}

// fill writes a new log to file and syncs it.
func (f *File) fill(ctx context.Context, file, from *os.File, m *image) (*logFile, error) {
	var nonce [8]byte
	rand.Read(nonce[:]) // never fails
	header := appendHeader(nil, f.opt.Identity, binary.LittleEndian.Uint64(nonce[:]))
	w := writer{to: file, pace: &f.pace, step: f.step, hash: *xxhash.New(), buf: header}
	hashed(&w.hash, header)
	if from != nil && m.at.end > m.first {
		if err := f.copyLive(ctx, &w, from, m); err != nil {
			return nil, err
		}
	}
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	if err := f.sync(file); err != nil {
		return nil, err
	}
	return &logFile{
		File: file, at: mark{hash: w.hash.Sum64(), end: w.written}, hash: w.hash,
		limit: f.limit(w.written), documents: w.records, records: w.records,
	}, nil
}

// copyLive copies the documents of an image, and commits them. What Keep gives up is dropped, the
// oldest first, but never more than half of what the log had before: who is
// asked may have lost its memory for a moment.
func (f *File) copyLive(ctx context.Context, w *writer, from *os.File, m *image) error {
	had := len(m.places)
	if f.log != nil {
		had = f.log.documents
	}
	mayDrop := len(m.places) - (had+1)/2
	part := m.saved
	part.Complete = false
	group := w.end()
	stop := eachRecord(from, m.first, m.at.end, func(r record, at int64) error {
		if r.kind != kindPut || m.places[string(r.id)].at != at {
			return nil
		}
		id := string(r.id)
		if !f.opt.ValidID(id) {
			return nil
		}
		if mayDrop > 0 && !f.opt.Keep(id) {
			mayDrop--
			m.saved.Complete = false
			f.others = &store.Saved{} // nor will later commits be
			return nil
		}
		if w.end()-group > groupSize {
			w.commit(part)
			group = w.end()
		}
		return w.copied(ctx, r.raw)
	})
	if stop.err != nil {
		return fmt.Errorf("copying the log at byte %d: %w", stop.at, stop.err)
	}
	m.saved.Complete = m.saved.Complete && m.problem == nil
	w.commit(m.saved)
	return nil
}

// syncDir makes the last rename certain.
func (f *File) syncDir() error {
	if !f.renamed {
		return nil
	}
	if err := f.step("syncdir"); err != nil {
		return err
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return fmt.Errorf("syncing the state directory: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("syncing the state directory: %w", err)
	}
	f.renamed = false
	return nil
}

// compact makes the log anew when more than half of it is dead, and not little. When that fails the
// log is whole and goes on growing; the next try is made after a pause.
func (f *File) compact(ctx context.Context) {
	l := f.log
	if l.at.end <= l.limit {
		f.compactErr = nil
		return
	}
	if time.Now().Before(f.compactAfter) {
		return
	}
	m, err := f.reread(ctx)
	switch {
	case err != nil:
	case m.at == l.at && l.at.end <= f.limit(f.live(m)):
		l.limit = max(f.limit(f.live(m)), l.at.end+l.at.end/8)
		l.documents = max(l.documents, len(m.places))
	default:
		err = f.replace(ctx, m)
	}
	if ctx.Err() != nil {
		return
	}
	if f.compactErr = err; err != nil {
		f.failure(err)
		f.compactAfter = time.Now().Add(f.compactRetry.failed())
		return
	}
	f.compactRetry.worked()
}

// limit is the size of a log of which so many bytes are live that calls for making it anew.
func (f *File) limit(live int64) int64 { return live + max(live, f.rewriteFrom) }

// live is the size of the records that are worth their place.
func (f *File) live(m *image) int64 {
	size := int64(0)
	for id, p := range m.places {
		if f.opt.Keep(id) {
			size += int64(p.size)
		}
	}
	return size
}
