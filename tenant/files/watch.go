package files

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/corsgate/corsgate/internal/boundedfile"
)

// watch hears of changes to a path, to the files in it, and to every symlink
// on the way to them: a ConfigMap changes by a swap of the link ..data, an editor by a
// rename over the file. Directories are watched rather than files, since a
// watch on a file dies with the file. Where the path does not exist yet, the
// nearest directory above it is watched.
type watch struct {
	path string
	log  *slog.Logger
	fs   *fsnotify.Watcher // nil when the system has no watches left
	now  atomic.Pointer[watched]
}

// watched is what a watch listens to. It does not change.
type watched struct {
	dirs  map[string]os.FileInfo // :: directory → itself when the watch was set
	names map[string]bool        // :: full name → a change of it matters
	dir   string                 // real directory of documents, or ""
}

func newWatch(path string, log *slog.Logger) *watch {
	w := &watch{path: path, log: log}
	w.now.Store(&watched{})
	var err error
	if w.fs, err = fsnotify.NewWatcher(); err != nil {
		w.fs = nil
		log.Warn("file notifications are not available; tenant files are polled", "error", err)
	}
	return w
}

func (w *watch) alive() bool { return w.fs != nil }

func (w *watch) close() {
	if w.fs != nil {
		if err := w.fs.Close(); err != nil {
			w.log.Warn("closing file notifications failed", "error", err)
		}
	}
}

// events gives the channels to listen on; they block for ever without notifications.
func (w *watch) events() (<-chan fsnotify.Event, <-chan error) {
	if w.fs == nil {
		return nil, nil
	}
	return w.fs.Events, w.fs.Errors
}

// matters reports whether an event can have changed a document.
func (w *watch) matters(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false // also sent for reads on some systems; the poll finds changed rights
	}
	now := w.now.Load()
	return now.names[e.Name] || (filepath.Dir(e.Name) == now.dir && isDocument(filepath.Base(e.Name)))
}

// sync watches the directories that count now, and reports whether there are
// new ones: what happened in them before may have been missed. A file system that does not answer is left to the poll.
func (w *watch) sync(ctx context.Context, reader *boundedfile.Reader) (added bool) {
	if w.fs == nil {
		return false
	}
	added, err := within(ctx, reader, "watch", func() (bool, error) { return w.update(), nil })
	if err != nil && ctx.Err() == nil {
		w.log.DebugContext(ctx, "watching the tenant files takes too long; they are polled", "error", err)
	}
	return added
}

func (w *watch) update() (added bool) {
	next := &watched{dirs: make(map[string]os.FileInfo), names: make(map[string]bool)}
	wanted := make(map[string]bool)
	next.follow(w.path, wanted)
	for dir, info := range w.now.Load().dirs {
		now, err := os.Stat(dir)
		if wanted[dir] && err == nil && os.SameFile(info, now) {
			next.dirs[dir] = info
			continue
		}
		_ = w.fs.Remove(dir) // fails when the directory is gone, and its watch with it
	}
	for dir := range wanted {
		if next.dirs[dir] != nil {
			continue
		}
		info, err := os.Stat(dir)
		if err == nil {
			err = w.fs.Add(dir)
		}
		if err != nil {
			w.log.Debug("watching a directory failed; it is polled", "directory", dir, "error", err)
			continue
		}
		next.dirs[dir], added = info, true
	}
	w.now.Store(next)
	return added
}

// follow notes what a change of would change path or, when it is a directory,
// the documents in it.
func (w *watched) follow(path string, wanted map[string]bool) {
	dir := w.resolve(path, wanted)
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return
	}
	w.dir = dir
	wanted[dir] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if isDocument(entry.Name()) && entry.Type()&fs.ModeSymlink != 0 {
			w.resolve(filepath.Join(dir, entry.Name()), wanted)
		}
	}
}

// maxLinks bounds the symlinks on one path, as the kernel does.
const maxLinks = 40

// resolve walks path from the root, notes each symlink, the first missing
// name, and the end, and returns the real path, or "" when it does not exist.
func (w *watched) resolve(path string, wanted map[string]bool) string {
	dir, rest := string(filepath.Separator), splitPath(path)
	for links := 0; len(rest) > 0; {
		name := filepath.Join(dir, rest[0])
		info, err := os.Lstat(name)
		isLink := err == nil && info.Mode()&fs.ModeSymlink != 0
		if err != nil || isLink || len(rest) == 1 {
			w.names[name], wanted[dir] = true, true
		}
		switch {
		case err != nil:
			return ""
		case !isLink:
			dir, rest = name, rest[1:]
			continue
		}
		target, err := os.Readlink(name)
		if links++; err != nil || links > maxLinks {
			return ""
		}
		if filepath.IsAbs(target) {
			dir = string(filepath.Separator)
		}
		rest = append(splitPath(target), rest[1:]...)
	}
	return dir
}

// splitPath keeps "..", which after a symlink leads elsewhere than it says.
func splitPath(path string) []string {
	var parts []string
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return parts
}

// debounce waits until nothing has happened for a while, but not for ever.
type debounce struct {
	timer *time.Timer
	quiet time.Duration
	first time.Time // of the changes waited for; zero when there are none
}

// maxQuiet bounds the wait for quiet in multiples of it: someone who writes
// without end must not keep all other changes out.
const maxQuiet = 8

func newDebounce(quiet time.Duration) *debounce {
	d := &debounce{timer: time.NewTimer(quiet), quiet: quiet}
	d.timer.Stop()
	return d
}

func (d *debounce) touch() {
	now := time.Now()
	if d.first.IsZero() {
		d.first = now
	}
	d.timer.Reset(max(0, min(d.quiet, d.first.Add(maxQuiet*d.quiet).Sub(now))))
}

func (d *debounce) done() { d.first = time.Time{} }

func (d *debounce) stop() { d.timer.Stop() }
