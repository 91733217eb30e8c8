package statefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant/store"
)

// Bounds of what is read from a log, whatever it says.
const (
	maxFile    = 4 << 30
	maxTenants = 2_000_000
)

// mark tells the states of a log apart: the hash at the last commit, and where it ends.
type mark struct {
	hash uint64
	end  int64
}

// image is what a log holds.
type image struct {
	saved store.Saved
	// first is where the records begin.
	first int64
	// at is the end of the last whole commit, or of the header when there is none.
	at mark
	// hash continues the hash from there.
	hash xxhash.Digest
	// places has the record of each tenant.
	places map[string]place
	// records is the number of puts and deletes up to the last whole commit.
	records int
	// cut is the number of bytes after the last whole commit.
	cut int64
	// problem is what is wrong behind the last whole commit, or nil when nothing is but a
	// tail that was not committed.
	problem error
}

// scan reads a log of size bytes. The error is that of the header, or of reading it.
func scan(r io.ReaderAt, size int64, identity string) (*image, error) {
	limit := min(size, maxFile)
	head := make([]byte, min(int64(maxHeader), limit))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	n, err := parseHeader(head, identity)
	if err != nil {
		return nil, err
	}
	m := &image{first: int64(n), places: make(map[string]place), hash: *xxhash.New()}
	hashed(&m.hash, head[:n])
	m.at = mark{hash: m.hash.Sum64(), end: m.first}
	s := scanner{image: m, hash: m.hash}
	stop := eachRecord(r, m.at.end, limit, s.record)
	m.cut = size - m.at.end
	switch {
	case stop.err == nil && size > limit:
		m.problem = fmt.Errorf("at byte %d: more than a log can have", limit)
	case stop.err == nil:
	case !errors.Is(stop.err, io.ErrUnexpectedEOF) && !isTorn(stop.err), hasCommit(r, stop.at+1, limit):
		m.problem = fmt.Errorf("at byte %d: %w", stop.at, stop.err)
	}
	return m, nil
}

// isTorn reports whether a crash may have left what cannot be read.
func isTorn(err error) bool { return errors.Is(err, errLength) || errors.Is(err, errChecksum) }

// scanner applies records at their commit.
type scanner struct {
	image *image
	hash  xxhash.Digest
	open  []change // since the last commit
	read  int
}

// place is where a record is; the zero one is that of a deletion.
type place struct {
	at   int64
	size int32
}

// change is a record that was not committed yet.
type change struct {
	id string
	place
}

func (s *scanner) record(r record, at int64) error {
	m := s.image
	if r.kind == kindCommit {
		saved, hash, ok := parseCommit(r.data)
		if !ok || hash != s.hash.Sum64() {
			return errHash
		}
		if len(m.places)+len(s.open) > maxTenants && !s.fits() {
			return errTooMany
		}
		hashed(&s.hash, r.raw)
		s.apply()
		m.saved, m.hash, m.records = saved, s.hash, m.records+s.read
		m.at = mark{hash: m.hash.Sum64(), end: at + int64(len(r.raw))}
		s.read = 0
		return nil
	}
	if len(s.open) >= 2*maxTenants {
		return errTooMany
	}
	hashed(&s.hash, r.raw)
	c := change{id: string(r.id)}
	if r.kind == kindPut {
		c.place = place{at: at, size: int32(len(r.raw))} //nolint:gosec // at most maxRecord
	}
	s.open = append(s.open, c)
	s.read++
	return nil
}

// fits reports whether the tenants are not too many after the open records.
func (s *scanner) fits() bool {
	n := len(s.image.places)
	for _, c := range s.open {
		if _, is := s.image.places[c.id]; !is && c.at != 0 {
			n++
		}
	}
	return n <= maxTenants
}

func (s *scanner) apply() {
	for _, c := range s.open {
		if c.at == 0 {
			delete(s.image.places, c.id)
		} else {
			s.image.places[c.id] = c.place
		}
	}
	s.open = s.open[:0]
}

// stopped is where reading records ended before the end, and why.
type stopped struct {
	at  int64
	err error
}

// eachRecord calls fn with each record between two offsets, until something is
// wrong: an error of fn, of reading, or of a record; io.ErrUnexpectedEOF for one that is not
// whole. What fn gets is valid during the call.
func eachRecord(r io.ReaderAt, from, to int64, fn func(record, int64) error) stopped {
	b := bufio.NewReaderSize(io.NewSectionReader(r, from, to-from), int(min(maxRecord, to-from)))
	for at := from; ; {
		rec, err := nextRecord(b)
		if errors.Is(err, io.EOF) {
			return stopped{}
		}
		if err == nil {
			err = fn(rec, at)
		}
		if err != nil {
			return stopped{at: at, err: err}
		}
		at += int64(len(rec.raw))
		b.Discard(len(rec.raw)) //nolint:errcheck // these bytes are in the buffer
	}
}

// nextRecord reads a record without taking it out of the buffer; io.EOF at the end.
func nextRecord(b *bufio.Reader) (record, error) {
	head, err := b.Peek(recordHead)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return record{}, io.EOF
	case errors.Is(err, io.EOF):
		return record{}, io.ErrUnexpectedEOF
	case err != nil:
		return record{}, err
	}
	n, err := recordLen(head)
	if err != nil {
		return record{}, err
	}
	raw, err := b.Peek(n)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull): // the buffer holds the largest record, or all
		return record{}, io.ErrUnexpectedEOF
	case err != nil:
		return record{}, err
	}
	return parseRecord(raw)
}

// hasCommit reports whether a whole commit lies somewhere between two offsets: then
// what comes before it was once whole, too. A document may pretend to be one; then
// a torn tail is taken for damage, which is the careful side.
func hasCommit(r io.ReaderAt, from, to int64) bool {
	const block = 1 << 20
	const most = recordHead + commitHead + 2*maxWord
	b := make([]byte, max(0, min(int64(block+most), to-from)))
	for ; from < to; from += block {
		n, err := r.ReadAt(b[:min(int64(len(b)), to-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return true // unreadable: it may be there
		}
		for part := b[:n]; ; {
			i := bytes.Index(part, []byte(commitMark))
			if i < 0 {
				break
			}
			if i >= recordHead && isCommit(part[i-recordHead:]) {
				return true
			}
			part = part[i+len(commitMark):]
		}
	}
	return false
}

func isCommit(b []byte) bool {
	n, err := recordLen(b)
	if err != nil || b[0] != kindCommit || n > len(b) {
		return false
	}
	_, err = parseRecord(b[:n])
	return err == nil
}

func hashed(h *xxhash.Digest, b []byte) {
	h.Write(b) //nolint:errcheck // never fails
}
