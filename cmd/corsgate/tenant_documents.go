package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/internal/report"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/files"
)

// stdinName is the path of standard input, and its name in problems.
const (
	stdinPath = "-"
	stdinName = "stdin"
)

// documentSource is a file of documents, or standard input.
type documentSource struct{ path, name string }

// documentSources are the files that paths stand for, each once.
func documentSources(paths []string) ([]documentSource, document.Problems) {
	var sources []documentSource
	var problems document.Problems
	add := func(s documentSource) {
		if !slices.Contains(sources, s) {
			sources = append(sources, s)
		}
	}
	for _, path := range paths {
		if path == stdinPath {
			add(documentSource{stdinPath, stdinName})
			continue
		}
		path = filepath.Clean(path)
		names, err := files.Files(path)
		switch {
		case err != nil:
			problems = append(problems, fileProblem(path, codePath, err.Error()))
		case len(names) == 0:
			problems = append(problems, fileProblem(path, files.CodeNoFiles, "there is no *.yaml, *.yml or *.json here"))
		}
		for _, name := range names {
			add(documentSource{name, name})
		}
	}
	return sources, problems
}

func fileProblem(name string, code policy.Code, detail string) document.Problem {
	return document.Problem{File: name, Problem: policy.Problem{Code: code, Detail: detail}}
}

// division cuts a stream into pieces of whole documents; line is how many lines stand before a piece.
type division func(r io.Reader, take func(piece []byte, line int) error) error

// eachDocument reads paths, each divided by cut, and gives every good document to take. It returns the number of
// files, and the problems of all that is not good.
func (p *program) eachDocument(ctx context.Context, paths []string, cut division, take func(*document.Document)) (int, document.Problems, error) {
	sources, problems := documentSources(paths) //nolint:contextcheck // reading files has a time limit of its own
	for _, source := range sources {
		found, err := p.readSource(ctx, source, cut, take)
		if err != nil {
			return 0, nil, err
		}
		problems = append(problems, found...)
	}
	return len(sources), problems, nil
}

func (p *program) readSource(ctx context.Context, source documentSource, cut division, take func(*document.Document)) (document.Problems, error) {
	var in io.Reader
	if source.path == stdinPath {
		in = interruptible(ctx, p.stdin)
	} else {
		f, err := os.Open(source.path)
		if err != nil {
			return document.Problems{fileProblem(source.name, files.CodeFile, err.Error())}, nil
		}
		defer func() { _ = f.Close() }() // opened for reading: nothing can be lost
		in = f
	}
	var problems document.Problems
	documents := 0
	err := cut(in, func(piece []byte, line int) error {
		if ctx.Err() != nil {
			return errInterrupted
		}
		good, broken, found := document.Decode(source.name, piece)
		documents += len(good) + len(broken) + len(found)
		for _, d := range good {
			take(d)
		}
		for i := range found {
			if found[i].Line > 0 {
				found[i].Line += line
			}
		}
		problems = append(problems, found...)
		return nil
	})
	switch {
	case errors.Is(err, errInterrupted):
		return nil, err
	case err != nil:
		problems = append(problems, fileProblem(source.name, files.CodeFile, err.Error()))
	case documents == 0:
		problems = append(problems, fileProblem(source.name, files.CodeEmpty, "the file holds no document"))
	}
	return problems, nil
}

// interruptible reads r until it ends or ctx does. A terminal or pipe that nobody writes to cannot be
// closed under who reads it, so that the reading is left behind with the process.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(errInterrupted) }) // it always succeeds
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err)
	}()
	return out
}

var (
	errPiece = fmt.Errorf("more than %d bytes stand between two lines of ---", files.MaxFileBytes)
	errWhole = fmt.Errorf("it has more than %d bytes", files.MaxFileBytes)
)

// undivided takes a stream as one piece, so that what is said of a document has its place in the file.
func undivided(r io.Reader, take func(piece []byte, line int) error) error {
	text, err := io.ReadAll(io.LimitReader(r, files.MaxFileBytes+1))
	switch {
	case err != nil:
		return err
	case len(text) > files.MaxFileBytes:
		return errWhole
	default:
		return take(text, 0)
	}
}

// pieces divides a stream before each line that starts a YAML document, so that a stream of any length can be
// read with little memory. Documents then know their places in the piece only.
func pieces(r io.Reader, take func(piece []byte, line int) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	var piece []byte
	first, line := 0, 0
	atStart := true
	for {
		text, err := in.ReadSlice('\n')
		if atStart && startsDocument(text) && len(piece) > 0 {
			if err := take(piece, first); err != nil {
				return err
			}
			piece, first = nil, line // a new one: documents may refer to the old one
		}
		piece = append(piece, text...)
		if len(piece) > files.MaxFileBytes {
			return errPiece
		}
		atStart = err == nil
		switch {
		case err == nil:
			line++
		case errors.Is(err, io.EOF):
			return take(piece, first)
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// startsDocument reports whether a line is "---", with a blank and more perhaps.
func startsDocument(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0)
}

// documentSet is what -f names, read as one.
type documentSet struct {
	docs []*document.Document // by id
	// findings are the problems; none when the set can be used.
	findings report.Report
}

// readDocuments reads all paths together: what is good, and every problem of every document.
func (p *program) readDocuments(ctx context.Context, paths []string, bar *progress) (*documentSet, error) {
	set := &documentSet{}
	bar.begin("reading documents", 0)
	defer bar.end()
	read, problems, err := p.eachDocument(ctx, paths, undivided, func(d *document.Document) {
		set.docs = append(set.docs, d)
		bar.at(len(set.docs))
	})
	if err != nil {
		return nil, err
	}
	records := make([]*tenant.Record, len(set.docs))
	for i, d := range set.docs {
		records[i] = d.Record
	}
	problems = append(problems, files.Conflicts(records)...)
	set.findings.Files, set.findings.Tenants = read, len(set.docs)
	set.findings.Add(report.Error, problems)
	slices.SortFunc(set.docs, func(a, b *document.Document) int {
		return strings.Compare(a.Record.ID(), b.Record.ID())
	})
	return set, nil
}
