package filestore

import (
	"crypto/sha256"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// version is what one content of a file says. It does not change.
type version struct {
	sum      [sha256.Size]byte
	records  []*tenant.Record // also of broken documents whose hosts are known
	problems document.Problems
}

func (v *version) good() bool { return len(v.problems) == 0 }

// file is the state of one file.
type file struct {
	name   string
	info   os.FileInfo // of the newest version; nil when it could not be read
	readAt time.Time
	newest *version
	// good is the last version that was in force as a whole, or nil.
	good *version
	// current is the version in force, and records what of it is. Between looks it is
	// good, or good is nil.
	current *version
	records []*tenant.Record
}

// kept reports whether an older version than the newest is in force.
func (f *file) kept() bool { return f.current != f.newest }

// complete reports whether all of a good version is in force.
func (f *file) complete() bool {
	return f.current != nil && f.current.good() && len(f.records) == len(f.current.records)
}

// racyWindow is how old a file's time stamp must be to prove anything: two
// writes can share the stamp of a coarse clock.
const racyWindow = 2 * time.Second

// unchanged reports whether info proves that the newest version is still the file's content.
func (f *file) unchanged(info os.FileInfo) bool {
	return f.info != nil && os.SameFile(f.info, info) && f.info.Size() == info.Size() &&
		f.info.ModTime().Equal(info.ModTime()) && f.readAt.Sub(info.ModTime()) > racyWindow
}

// look returns the state of f after a look at the disk; f itself stays as it
// is, since the new state may be rejected.
func (f *file) look() *file {
	next := *f
	info, err := os.Stat(f.name)
	if err == nil && f.unchanged(info) {
		return &next
	}
	next.info, next.readAt = info, time.Now()
	data, err := read(f.name)
	if err != nil {
		next.info = nil
		next.newest = f.same(&version{problems: document.Problems{unreadable(f.name, err)}})
		return &next
	}
	if sum := sha256.Sum256(data); f.newest == nil || f.newest.sum != sum {
		next.newest = decode(f.name, data, sum)
	}
	return &next
}

// same returns the version that f knows already, if v says the same: a file
// that stays unreadable is no news at each look.
func (f *file) same(v *version) *version {
	if f.newest != nil && f.newest.sum == v.sum && slices.Equal(f.newest.problems, v.problems) {
		return f.newest
	}
	return v
}

func decode(name string, data []byte, sum [sha256.Size]byte) *version {
	good, broken, problems := document.Decode(name, data)
	v := &version{sum: sum, records: broken, problems: problems}
	for _, d := range good {
		v.records = append(v.records, d.Record)
	}
	if len(v.records) == 0 && len(problems) == 0 {
		v.problems = document.Problems{{
			File: name, Problem: policy.Problem{Code: CodeEmpty, Detail: "the file holds no document", Fix: "remove the file"},
		}}
	}
	return v
}

// scan looks at all files. It returns nil files when there is nothing to go
// by: what is in force then stays.
func (s *Store) scan() ([]*file, document.Problems) {
	names, err := list(s.opt.Path)
	if err != nil {
		return nil, document.Problems{unreadable(s.opt.Path, err)}
	}
	if len(names) == 0 {
		return nil, document.Problems{s.problem(CodeNoFiles, "there is no *.yaml, *.yml or *.json here; what was in force stays")}
	}
	next := make([]*file, 0, len(names))
	for _, name := range names {
		f := &file{name: name}
		if i := slices.IndexFunc(s.files, func(f *file) bool { return f.name == name }); i >= 0 {
			f = s.files[i]
		}
		next = append(next, f.look())
	}
	return next, nil
}

// settle decides which version of each file is in force and returns what is
// wrong. A file whose newest version is broken keeps its last good one; one
// that has none gives what is good in it, since that takes nothing away. Of
// two files that claim one host or id, the one that has it stays; of two new
// claims, the first by name. The other file counts as broken.
func settle(files []*file) document.Problems {
	problems := make(map[*file]document.Problems)
	for _, f := range files {
		problems[f] = slices.Clone(f.newest.problems)
		f.choose(f.newest)
		if !f.newest.good() && f.good != nil {
			f.choose(f.good)
		}
	}
	for reverted := true; reverted; {
		var conflicts []conflict
		conflicts, reverted = resolve(files)
		for _, c := range conflicts {
			problems[c.file] = append(problems[c.file], document.ConflictProblem(c.Conflict))
		}
	}
	var all document.Problems
	for _, f := range files {
		if f.complete() {
			f.good = f.current
		}
		all = append(all, problems[f]...)
	}
	return all
}

// conflict is a record that cannot be in force, and its file.
type conflict struct {
	tenant.Conflict
	file *file
}

// resolve reverts the files whose newest version claims what others have. A
// reverted version may clash with another new one in turn, so the caller asks
// again. When no file can be reverted, the clashing records are left out.
func resolve(files []*file) (told []conflict, reverted bool) {
	files = byClaim(files)
	owner := make(map[*tenant.Record]*file)
	for _, f := range files {
		for _, r := range f.records {
			owner[r] = f
		}
	}
	var rest []conflict
	for _, c := range tenant.Conflicts(inForce(files)) {
		f := owner[c.Later]
		if f.held() || f.good == nil {
			rest = append(rest, conflict{c, f})
			continue
		}
		told = append(told, conflict{c, f})
	}
	for _, c := range told {
		c.file.choose(c.file.good)
	}
	if len(told) > 0 {
		return told, true
	}
	for _, c := range rest {
		c.file.records = slices.DeleteFunc(slices.Clone(c.file.records), func(r *tenant.Record) bool { return r == c.Later })
	}
	return rest, false
}

func (f *file) choose(v *version) { f.current, f.records = v, v.records }

// held reports whether the version that was in force as a whole is chosen again.
func (f *file) held() bool { return f.good != nil && f.current == f.good }

// byClaim orders files by who comes first in a conflict: those that keep what
// they have, then by name.
func byClaim(files []*file) []*file {
	order := slices.Clone(files)
	slices.SortStableFunc(order, func(a, b *file) int {
		if a.held() != b.held() {
			if a.held() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return order
}

// inForce lists the records of files in order.
func inForce(files []*file) []*tenant.Record {
	var records []*tenant.Record
	for _, f := range files {
		records = append(records, f.records...)
	}
	return records
}
