package filestore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// MaxFileBytes bounds what is read of one file.
const MaxFileBytes = 64 << 20

// ErrNoTenants means that not one good document was found.
var ErrNoTenants = errors.New("no tenant document without problems")

// Load reads path once: a file, or a directory of *.yaml, *.yml and *.json. It
// returns every document without a problem and a snapshot of them. The error joins
// a [document.Problems] with all problems and, when no document is good,
// [ErrNoTenants]; the snapshot is never nil.
func Load(path string, opt tenant.Options) (*tenant.Snapshot, []*document.Document, error) {
	names, err := list(path)
	if err != nil {
		empty, _ := tenant.NewSnapshot(nil, opt)
		return empty, nil, err
	}
	var docs []*document.Document
	var records []*tenant.Record
	var problems document.Problems
	for _, name := range names {
		data, err := read(name)
		if err != nil {
			problems = append(problems, unreadable(name, err))
			continue
		}
		good, broken, found := document.Decode(name, data)
		for _, d := range good {
			records = append(records, d.Record)
		}
		docs = append(docs, good...)
		records = append(records, broken...)
		problems = append(problems, found...)
	}
	snapshot, conflicts := tenant.NewSnapshot(records, opt)
	err = append(problems, document.Conflicts(conflicts)...).Err()
	if snapshot.Tenants() == 0 {
		err = errors.Join(fmt.Errorf("reading tenants from %s: %w", path, ErrNoTenants), err)
	}
	return snapshot, docs, err
}

// Files returns the files that [Load] reads of path, in that order: path itself if it is no
// directory, else the documents in it.
func Files(path string) ([]string, error) { return list(path) }

// list returns the files of path in the order of their names: path itself, or
// the documents in it.
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
		if !isDocument(entry.Name()) {
			continue
		}
		name := filepath.Join(path, entry.Name())
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			continue
		}
		names = append(names, name)
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

var (
	errNotRegular = errors.New("it is not a regular file")
	errTooLarge   = fmt.Errorf("it has more than %d bytes", MaxFileBytes)
)

// read returns the content of a regular file of bounded size. A pipe or a
// device would block or never end.
func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "reading", Path: name, Err: errNotRegular}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFileBytes {
		return nil, &os.PathError{Op: "reading", Path: name, Err: errTooLarge}
	}
	return data, nil
}

// Codes of problems with files as a whole.
const (
	// CodeFile is a file, or the path itself, that cannot be read.
	CodeFile policy.Code = "file_unreadable"
	// CodeEmpty is a file without a document.
	CodeEmpty policy.Code = "file_empty"
	// CodeNoFiles is a directory without files; what was in force stays.
	CodeNoFiles policy.Code = "files_missing"
	// CodeNothingLeft is a change that would leave no tenant; what was in force stays.
	CodeNothingLeft policy.Code = "files_without_tenants"
)

// unreadable is the problem of a file that could not be read.
func unreadable(name string, err error) document.Problem {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return document.Problem{File: name, Problem: policy.Problem{Code: CodeFile, Detail: "the file cannot be read: " + err.Error()}}
}
