package files

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"time"

	"github.com/corsgate/corsgate/internal/boundedfile"
	"github.com/corsgate/corsgate/tenant/document"
)

// content is what was read of a file, and what its end proves.
type content struct {
	data  []byte // nil when the documents have been read
	sum   [sha256.Size]byte
	info  os.FileInfo
	proof proof
	ends  int
	// unchanged: nothing was read, since the file is as it was.
	unchanged bool
}

// read reads a file, unless it is as known says. It blocks for as long as the file system does.
func read(name string, known *stamp) (content, error) {
	if known != nil {
		if info, err := os.Stat(name); err == nil && known.proves(info) {
			return content{unchanged: true}, nil
		}
	}
	data, info, err := boundedfile.Content(name, MaxFileBytes)
	if err != nil {
		return content{}, err
	}
	c := content{data: data, info: info, sum: sha256.Sum256(data)}
	c.proof, c.ends = prove(data)
	return c, nil
}

// stamp is what a file was when it was read.
type stamp struct {
	info   os.FileInfo
	readAt time.Time
}

// racyWindow is how old a file's time stamp must be to prove anything: two
// writes can share the stamp of a coarse clock.
const racyWindow = 2 * time.Second

// proves reports whether a file is still as it was read.
func (s *stamp) proves(info os.FileInfo) bool {
	return os.SameFile(s.info, info) && s.info.Size() == info.Size() &&
		s.info.ModTime().Equal(info.ModTime()) && s.readAt.Sub(info.ModTime()) > racyWindow
}

// file is the state of one file.
type file struct {
	name string
	// known is the file as it was last read, or nil when that failed.
	known *stamp
	// counts is the version that counts, or nil before there is one.
	counts *version
	// seen is the newest content when it does not count, or not yet, else nil. It is there since a time.
	seen  *content
	since time.Time
	// met is when the file was first there.
	met time.Time
	// goneSince is when the file was first missing; zero when it is there.
	goneSince time.Time
	// problem keeps the file, as it is now, from counting.
	problem *document.Problem
}

// moment is when a look at the files is taken, and what it goes by.
type moment struct {
	now    time.Time
	settle time.Duration
	// first: the files count as they are.
	first bool
	// wake is how soon a file can count that is not still yet; 0 when there is none.
	wake time.Duration
	// growing: a new file is being written, which may hold what is missing in others.
	growing bool
	// lost is the time that went into waiting for files that did not answer.
	lost time.Duration
}

// wait reports whether less than the settle time has passed since a time, and remembers when it will have.
func (m *moment) wait(since time.Time) bool {
	left := m.settle - m.now.Sub(since)
	if left <= 0 {
		return false
	}
	if m.wake == 0 || left < m.wake {
		m.wake = left
	}
	return true
}

// look takes note of what was read of f and reports whether another version counts now.
func (f *file) look(m *moment, c *content, err error) (changed bool) {
	f.goneSince = time.Time{}
	if err != nil {
		p := unreadable(f.name, err)
		f.known, f.problem = nil, &p
		return false
	}
	if !c.unchanged {
		f.known = &stamp{info: c.info, readAt: m.now}
		if f.counts != nil && c.sum == f.counts.sum {
			return f.confirm(c)
		}
		if f.seen == nil || f.seen.sum != c.sum {
			f.since = m.now
		}
		f.seen = c
	}
	if f.seen == nil {
		f.problem = f.mismatch(f.counts.proof)
		return false
	}
	return f.settle(m)
}

// confirm notes that the file is as the version that counts. A file that was replaced by the same text is whole.
func (f *file) confirm(c *content) (changed bool) {
	changed = f.counts.partial && !os.SameFile(f.counts.info, c.info)
	next := *f.counts
	next.info = c.info
	next.partial = next.partial && !changed
	f.counts, f.seen, f.problem = &next, nil, f.mismatch(c.proof)
	return changed
}

// mismatch is the problem of a file that counts although its checksum is wrong, since the process started with it.
func (f *file) mismatch(p proof) *document.Problem {
	if p != wrong {
		return nil
	}
	return f.notWhole("the checksum in its last line is that of another text", "write the checksum of all bytes before that line")
}

func (f *file) notWhole(detail, fix string) *document.Problem {
	p := problem(f.name, CodeNotWhole, "the file is not whole: "+detail, fix)
	return &p
}

// howToEnd is what makes a file count.
const howToEnd = "end the file with a line of three dots (...), or replace it by renaming a new file over it (mv)"

// settle decides whether what was seen counts now.
func (f *file) settle(m *moment) (changed bool) {
	p := f.seen.proof
	if p == marked && f.counts != nil && f.counts.ends > 1 && f.seen.ends == 1 {
		p = none // its documents each end like that, so that this may be the first of them
	}
	replaced := f.counts != nil && !os.SameFile(f.counts.info, f.seen.info)
	switch {
	case m.first, p == complete, p == marked, replaced && p != wrong:
		return f.take(false)
	case m.wait(f.since):
		return false
	case p == wrong:
		f.problem = f.mismatch(p)
	case f.counts != nil && f.counts.proof == marked:
		f.problem = f.notWhole("it does not end with the mark that its last version ended with", howToEnd)
	case p == cut:
		f.problem = f.notWhole("its last line does not end", howToEnd)
	default:
		return f.take(true)
	}
	f.seen.data = nil // it will not count as it is
	return false
}

// growing reports whether f is new and does not count yet. Who writes one for longer than this is not waited for.
func (f *file) growing(m *moment) bool {
	return f.counts == nil && f.seen != nil && f.problem == nil && m.now.Sub(f.met) < 10*m.settle
}

// take lets what was seen count.
func (f *file) take(partial bool) bool {
	next, _ := decode(f.name, f.seen)
	next.partial = partial
	f.counts, f.seen = next, nil
	f.problem = f.mismatch(next.proof)
	return true
}

// shortWait is how long a look waits for a file that has not answered before, or when it has lost its time to others.
const shortWait = 10 * time.Millisecond

// fetch reads a file within what is left of the time that a look may lose to files that do not answer.
func (s *Store) fetch(ctx context.Context, m *moment, f *file) (content, error) {
	wait := max(shortWait, readTimeout-m.lost)
	if s.reader.Busy(f.name) {
		wait = shortWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	known, began := f.known, time.Now()
	c, err := boundedfile.Do(ctx, &s.reader, f.name, func() (content, error) { return s.read(f.name, known) })
	if errors.Is(err, boundedfile.ErrTimeout) {
		m.lost += time.Since(began)
	}
	return c, err
}
