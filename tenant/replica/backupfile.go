package replica

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// A backup is a magic line, the identity of the registry, documents, an empty id, a mark as JSON, and the hash of all
// before. Texts have their length before them, as a varint. A document with no text is removed; of two with one
// id the later counts.
const (
	backupMagic = "corsgate backup 1\n"
	// maxIdentity and maxMark bound what is read of a damaged file.
	maxIdentity = 1 << 12
	maxMark     = 64 << 20
)

// mark says where a copy was.
type mark struct {
	trust.Memory
	// Position is the last change that is in it.
	Position store.Position
	// At is when nothing was missing in it.
	At time.Time
	// Holders as in [tenant.Rules].
	Holders map[string]string
}

// writer writes one backup.
type writer struct {
	name string
	file *os.File
	out  *bufio.Writer
	sum  hash.Hash64
	err  error // the first one
}

// unfinished is the pattern of the names of backups that are not whole yet.
const unfinished = ".*.new"

func create(path, identity string) (*writer, error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+unfinished)
	if err != nil {
		return nil, err
	}
	w := &writer{name: file.Name(), file: file, sum: xxhash.New()}
	w.out = bufio.NewWriterSize(io.MultiWriter(file, w.sum), 1<<20)
	w.write([]byte(backupMagic))
	w.text([]byte(identity))
	return w, nil
}

func (w *writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(b)
	}
}

func (w *writer) text(b []byte) {
	w.write(binary.AppendUvarint(nil, uint64(len(b))))
	w.write(b)
}

func (w *writer) document(id string, text []byte) {
	w.text([]byte(id))
	w.text(text)
}

// copy writes the documents of an earlier backup that are wanted.
func (w *writer) copy(from *os.File, wanted func(id string, text []byte) bool) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := readBackup(from, "", func(id string, text []byte) {
		if wanted(id, text) {
			w.document(id, text)
		}
	})
	return err
}

// finish ends the file and makes sure that it is on the disk. It returns the file.
func (w *writer) finish(m *mark) (*os.File, error) {
	w.text(nil)
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	w.text(text)
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err == nil {
		_, w.err = w.file.Write(binary.BigEndian.AppendUint64(nil, w.sum.Sum64()))
	}
	if w.err == nil {
		w.err = w.file.Sync()
	}
	return w.file, w.err
}

func (w *writer) discard() {
	_ = w.file.Close() // it is of no use
	_ = os.Remove(w.name)
}

// errDamaged says that a backup is not as it was written.
var errDamaged = errors.New("the file is damaged")

// readBackup reads a backup of a registry, "" of any. What each was given counts only without an error; each may keep
// text.
func readBackup(from io.Reader, identity string, each func(id string, text []byte)) (m mark, err error) {
	sum := xxhash.New()
	in := bufio.NewReaderSize(from, 1<<20)
	r := &reader{in: in, sum: sum}
	magic := r.bytes(uint64(len(backupMagic)))
	if r.err == nil && !bytes.Equal(magic, []byte(backupMagic)) {
		return m, errors.New("it is no backup of this version")
	}
	of := r.text(maxIdentity)
	if r.err == nil && identity != "" && string(of) != identity {
		return m, fmt.Errorf("it is of another registry, %q", cut(string(of)))
	}
	for r.err == nil {
		id := r.text(tenant.MaxIDBytes)
		if len(id) == 0 {
			break
		}
		if text := r.text(document.MaxDocumentBytes); r.err == nil {
			each(string(id), text)
		}
	}
	text := r.text(maxMark)
	if r.err != nil {
		return m, errDamaged
	}
	want := sum.Sum64()
	var got [8]byte
	if _, err := io.ReadFull(in, got[:]); err != nil || binary.BigEndian.Uint64(got[:]) != want {
		return m, errDamaged
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, errDamaged
	}
	return m, nil
}

// reader reads texts with their lengths.
type reader struct {
	in  *bufio.Reader
	sum hash.Hash64
	err error // the first one
}

// ReadByte implements [io.ByteReader].
func (r *reader) ReadByte() (byte, error) {
	b, err := r.in.ReadByte()
	if err == nil {
		_, _ = r.sum.Write([]byte{b}) // cannot fail
	}
	return b, err
}

func (r *reader) text(limit uint64) []byte {
	if r.err != nil {
		return nil
	}
	n, err := binary.ReadUvarint(r)
	if err != nil || n > limit {
		r.err = errDamaged
		return nil
	}
	return r.bytes(n)
}

func (r *reader) bytes(n uint64) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		r.err = errDamaged
		return nil
	}
	_, _ = r.sum.Write(b) // cannot fail
	return b
}
