package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/corsgate/corsgate/internal/boundedfile"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// MaxFileBytes bounds what is read of one file.
const MaxFileBytes = 64 << 20

// ErrNoTenants means that not one good document was found.
var ErrNoTenants = errors.New("no tenant document without problems")

// Codes of problems with files as a whole.
const (
	// CodeFile is a file, or the path itself, that cannot be read.
	CodeFile policy.Code = "file_unreadable"
	// CodeEmpty is a file without a document.
	CodeEmpty policy.Code = "file_empty"
	// CodeNotWhole is a file that is half written, or may be; what was in force stays.
	CodeNotWhole policy.Code = "file_not_whole"
	// CodeHeldBack is a change that does not count; what was in force stays.
	CodeHeldBack policy.Code = "document_held_back"
	// CodeNoFiles is a directory without files; what was in force stays.
	CodeNoFiles policy.Code = "files_missing"
	// CodeNothingLeft is a change that would leave no tenant; what was in force stays.
	CodeNothingLeft policy.Code = "files_without_tenants"
)

// Load reads path once: a file, or a directory of *.yaml, *.yml and *.json. It
// returns every document without a problem and a snapshot of what a process that starts now would have in force. The
// error joins a [document.Problems] with all problems and, when no document is in force,
// [ErrNoTenants]; the snapshot is never nil.
func Load(path string) (*tenant.Snapshot, []*document.Document, error) {
	names, err := Files(path)
	if err != nil {
		return tenant.NewSnapshot(), nil, err
	}
	var docs []*document.Document
	var reader boundedfile.Reader
	files := make(set, len(names))
	for _, name := range names {
		f := &file{name: name}
		c, err := within(context.Background(), &reader, name, func() (content, error) { return read(name, nil) })
		switch {
		case errors.Is(err, syscall.EISDIR):
			continue
		case err != nil:
			p := unreadable(name, err)
			f.problem = &p
		default:
			var good []*document.Document
			f.counts, good = decode(name, &c)
			f.problem = f.mismatch(c.proof)
			docs = append(docs, good...)
		}
		files[name] = f
	}
	snapshot, _ := files.merge(tenant.NewSnapshot(), true, tenant.Rules{Now: time.Now()})
	survey := snapshot.Survey(nil)
	problems, _ := files.problems(snapshot, &survey)
	err = problems.Err()
	if snapshot.Tenants() == 0 {
		err = errors.Join(fmt.Errorf("reading tenants from %s: %w", path, ErrNoTenants), err)
	}
	return snapshot, docs, err
}

// readTimeout is how long a look at the files waits for those that do not answer, all together.
const readTimeout = 5 * time.Second

// within calls f within the time for reading.
func within[T any](ctx context.Context, r *boundedfile.Reader, key string, f func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return boundedfile.Do(ctx, r, key, f)
}

// Files returns the files that [Load] reads of path, in that order: path itself if it is no
// directory, else the documents in it.
func Files(path string) ([]string, error) {
	var reader boundedfile.Reader
	return within(context.Background(), &reader, path, func() ([]string, error) { return list(path) })
}

// list returns the files of path in the order of their names: path itself, or
// the documents in it. It does not follow the links in it, which may lead to where nobody answers.
func list(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading tenants: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("reading tenants: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if isDocument(entry.Name()) && !entry.IsDir() {
			names = append(names, filepath.Join(path, entry.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

// isDocument reports whether a file of a directory holds documents. Hidden
// names are those of editors, and of the ..data of a ConfigMap.
func isDocument(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// scan looks at all files and reports whether others count now. Without files there is nothing to go by, and
// problems say why; what counts then stays.
func (s *Store) scan(ctx context.Context, m *moment) (changed bool, problems document.Problems) {
	names, err := within(ctx, &s.reader, s.opt.Path+string(filepath.Separator), func() ([]string, error) { return list(s.opt.Path) })
	if err != nil {
		return false, document.Problems{unreadable(s.opt.Path, err)}
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		f := s.files[name]
		if f == nil {
			f = &file{name: name, met: m.now}
		}
		c, err := s.fetch(ctx, m, f)
		if errors.Is(err, syscall.EISDIR) {
			continue
		}
		there[name] = true
		s.files[name] = f
		changed = f.look(m, &c, err) || changed
	}
	if len(there) == 0 {
		return false, document.Problems{problem(s.opt.Path, CodeNoFiles, "there is no *.yaml, *.yml or *.json here; what was in force stays", "")}
	}
	for _, f := range s.files {
		m.growing = m.growing || f.growing(m)
	}
	maps.DeleteFunc(s.files, func(name string, f *file) bool {
		gone := !there[name] && f.missing(m)
		changed = changed || gone
		return gone
	})
	return changed, nil
}

// missing reports whether f has been gone for the settle time: what is moved, or removed and written anew, is back by then.
func (f *file) missing(m *moment) bool {
	if f.goneSince.IsZero() {
		f.goneSince = m.now
	}
	return f.counts == nil || !m.wait(f.goneSince)
}
