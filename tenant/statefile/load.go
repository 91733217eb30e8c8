package statefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/corsgate/corsgate/tenant/store"
)

// Why a file was not used, or not all of it.
var (
	// ErrIdentity: the file is the copy of another store.
	ErrIdentity = errors.New("the file is the copy of another store")
	// ErrFormat: the file is no state file, or one of another version.
	ErrFormat = errors.New("the file is no state file of a known version")
	// ErrDamaged: bytes of the file are not what was written.
	ErrDamaged = errors.New("the file is damaged")
	// ErrLocked: another process writes to the directory.
	ErrLocked = errors.New("another process writes to the state directory")
)

// Load implements [store.State]: it calls each with every document of the last whole
// commit, as a slice of its own, so that a caller who keeps one of them does not
// keep others. It takes no lock and changes nothing on disk.
//
// An error does not take back what was given. [ErrDamaged]: the documents are those of an
// older commit, and Saved is not complete. [ErrIdentity], [ErrFormat]: there is a file
// of somebody else, and nothing is given. Without a file there is no error.
func (f *File) Load(each func(id string, data []byte)) (store.Saved, error) {
	defer f.once.Do(func() { close(f.loaded) })
	file, size, err := openLog(f.path(logName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return store.Saved{}, nil
	case err != nil:
		return store.Saved{}, f.unusable(err)
	}
	defer file.Close()
	m, err := scan(file, size, f.opt.Identity)
	if err != nil {
		return store.Saved{}, f.unusable(err)
	}
	f.seen, f.loadedTo = m.at, m.saved.Position
	skipped := 0
	stop := f.give(file, m, each, &skipped)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Loaded, f.status.Cut = len(m.places), m.cut
	f.pending.last = m.saved
	if m.problem == nil {
		m.problem = stop.err
	}
	if m.problem != nil {
		m.saved.Complete = false
		err = fmt.Errorf("loading %s: %w: %w; %d bytes are not used", f.path(logName), ErrDamaged, m.problem, m.cut)
		f.status.Ignored = err
		return m.saved, err
	}
	if skipped > 0 {
		m.saved.Complete = false
		f.opt.Log.Warn("documents on disk have an id that no tenant can have", "documents", skipped)
	}
	return m.saved, nil
}

// give hands out the documents of an image.
func (f *File) give(file *os.File, m *image, each func(id string, data []byte), skipped *int) stopped {
	return eachRecord(file, m.first, m.at.end, func(r record, at int64) error {
		if r.kind != kindPut || m.places[string(r.id)].at != at {
			return nil
		}
		id := string(r.id)
		if !f.opt.ValidID(id) {
			*skipped++
			return nil
		}
		each(id, append(make([]byte, 0, len(r.data)), r.data...))
		return nil
	})
}

// unusable remembers why the file that is there cannot be used.
func (f *File) unusable(err error) error {
	err = fmt.Errorf("loading %s: %w", f.path(logName), err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Ignored = err
	return err
}

// openLog opens a log for reading, and says how large it is. What is not a regular
// file is not opened: a pipe would block.
func openLog(path string) (*os.File, int64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, ErrFormat
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}
