package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	// maxPending bounds the text that waits to be written. When the disk is slower than that the backup is given up
	// until everything is read again.
	maxPending = 64 << 20
	// maxChunk is how much waits of a whole reading before it is written.
	maxChunk = 4 << 20
	// markInterval is how often a backup is written to which nothing has changed.
	markInterval = time.Hour
	// previousSuffix names the backup before the last one.
	previousSuffix = ".previous"
)

// backup writes the copy to one file. The follower tells it what changes, and never waits for the disk; the goroutine
// of run makes a new file of the last one and the changes, and puts it in its place.
type backup struct {
	path, identity string
	interval       time.Duration
	log            *slog.Logger
	wake           chan struct{}

	mu      sync.Mutex // guards what follows
	pending pending
	at      time.Time // of the last one
	err     error     // of the last try
	// broken: documents were not written, so that there can be no backup until all are read again.
	broken bool

	// Of the goroutine of run.
	base    *os.File // the last backup
	whole   *writer  // of a whole reading, which is not at its end
	reading int
}

// pending is what is not written yet.
type pending struct {
	texts map[string][]byte // nil: removed
	// read are texts of a whole reading of which the store has yet to be judged: they count when the reading ends.
	read  map[string][]byte
	bytes int // of them
	mark  mark
	// kept are the sums of documents in force that a whole reading does not give, since the store has something else
	// that does not count. Their texts are in the last backup.
	kept map[string]uint64
	// reading counts the whole readings; whole says that texts are of one, done that it is at its end.
	reading     int
	whole, done bool
}

func newBackup(path, identity string, interval time.Duration, log *slog.Logger) *backup {
	return &backup{
		path: path, identity: identity, interval: interval, log: log, wake: make(chan struct{}, 1),
		pending: pending{texts: make(map[string][]byte)}, broken: true,
	}
}

// begin says that every document will be put or kept, until end.
func (b *backup) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pending
	for _, text := range p.read {
		p.bytes -= len(text)
	}
	p.read, p.kept = make(map[string][]byte), make(map[string]uint64)
	p.reading++
	p.whole, p.done, b.broken = true, false, false
}

// tidy removes what a run left that was killed while it wrote. It is called before run.
func (b *backup) tidy() {
	left, _ := filepath.Glob(b.path + unfinished) // a path that is no pattern has nothing to tidy
	for _, name := range left {
		_ = os.Remove(name) // it only takes space
	}
}

// resume goes on from the backup of the last run. It is called before run.
func (b *backup) resume(base *os.File, m mark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base, b.broken, b.at, b.pending.mark = base, false, m.At, m
}

// end says that every document was put since begin.
func (b *backup) end() {
	b.mu.Lock()
	b.pending.done = b.pending.whole
	b.mu.Unlock()
	b.signal()
}

// put keeps a document; nil removes it. It keeps text.
func (b *backup) put(id string, text []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return
	}
	delete(b.pending.kept, id)
	b.add(b.pending.texts, id, text)
}

// putRead keeps a document of a whole reading that may turn out to be of another store. It keeps text.
func (b *backup) putRead(id string, text []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.broken && b.pending.whole {
		b.add(b.pending.read, id, text)
	}
}

// add is called under mu.
func (b *backup) add(to map[string][]byte, id string, text []byte) {
	p := &b.pending
	p.bytes += len(text) - len(to[id])
	to[id] = text
	switch {
	case p.bytes > maxPending:
		b.giveUp(errors.New("the disk is too slow for the changes"))
	case p.whole && p.bytes > maxChunk:
		b.signal()
	}
}

// keep says that a document of this sum stays in force, whatever was read of it.
func (b *backup) keep(id string, sum uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending.whole {
		b.pending.kept[id] = sum
	}
}

// mark says where the copy is.
func (b *backup) mark(m mark) {
	b.mu.Lock()
	b.pending.mark = m
	b.mu.Unlock()
}

// incomplete reports whether all documents have to be put again.
func (b *backup) incomplete() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

func (b *backup) status() (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at, b.err
}

func (b *backup) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// giveUp waits for the next whole reading. It is called under mu.
func (b *backup) giveUp(err error) {
	b.broken, b.err = true, err
	p := &b.pending
	p.texts, p.read, p.bytes, p.whole, p.done = make(map[string][]byte), nil, 0, false, false
}

// run writes until ctx ends, and then what is left.
func (b *backup) run(ctx context.Context) {
	ticks := time.NewTicker(b.interval)
	defer ticks.Stop()
	defer b.close()
	for {
		select {
		case <-ctx.Done():
			b.write()
			return
		case <-b.wake:
			if !b.reads() {
				continue
			}
		case <-ticks.C:
		}
		b.write()
	}
}

// reads reports whether a whole reading is under way, for which texts are needed.
func (b *backup) reads() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending.whole
}

func (b *backup) close() {
	if b.whole != nil {
		b.whole.discard()
	}
	if b.base != nil {
		_ = b.base.Close() // read only
	}
}

// write writes what is pending.
func (b *backup) write() {
	b.mu.Lock()
	p := b.pending
	unchanged := len(p.texts) == 0 && !p.whole && time.Since(b.at) < markInterval
	if b.broken || unchanged {
		b.mu.Unlock()
		return
	}
	b.pending.texts, b.pending.read, b.pending.bytes = make(map[string][]byte), make(map[string][]byte), 0
	if p.done {
		b.pending.whole, b.pending.done, b.pending.kept = false, false, nil
	}
	b.mu.Unlock()
	err := b.writeOut(&p)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil:
		b.log.Warn("the backup of the tenants cannot be written; the last one stays", "path", b.path, "error", err)
		if b.pending.reading == p.reading {
			b.giveUp(err)
		}
	case !p.whole || p.done:
		b.at, b.err = time.Now(), nil
	}
}

// writeOut writes p into a new file, and puts it in the place of the last one when it is whole.
func (b *backup) writeOut(p *pending) (err error) {
	w := b.whole
	b.whole = nil
	if w != nil && (!p.whole || b.reading != p.reading) {
		w.discard()
		w = nil
	}
	if w == nil {
		if w, err = create(b.path, b.identity); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			w.discard()
		}
	}()
	if err := b.copyTo(w, p); err != nil {
		return err
	}
	for id, text := range p.read {
		if _, changed := p.texts[id]; !changed {
			w.document(id, text)
		}
	}
	for id, text := range p.texts {
		if text != nil || p.whole {
			w.document(id, text)
		}
	}
	if p.whole && !p.done {
		b.whole, b.reading = w, p.reading
		return w.err
	}
	base, err := w.finish(&p.mark)
	if err != nil {
		return err
	}
	if err := b.replace(w.name); err != nil {
		return err
	}
	if b.base != nil {
		_ = b.base.Close() // read only
	}
	b.base = base
	return nil
}

// copyTo writes what p takes from the last backup.
func (b *backup) copyTo(w *writer, p *pending) error {
	switch {
	case p.whole && (!p.done || len(p.kept) == 0 || b.base == nil):
		return nil
	case b.base == nil:
		return errors.New("there is no earlier backup")
	}
	err := w.copy(b.base, func(id string, text []byte) bool {
		if _, changed := p.texts[id]; changed || !p.whole {
			return !changed
		}
		sum, kept := p.kept[id]
		return kept && sum == xxhash.Sum64(text)
	})
	if err != nil {
		return fmt.Errorf("reading the last backup: %w", err)
	}
	return nil
}

// replace puts a new file in the place of the last one, which becomes the previous one.
func (b *backup) replace(name string) error {
	if err := os.Rename(b.path, b.path+previousSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(name, b.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(b.path))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // read only
	return dir.Sync()
}
