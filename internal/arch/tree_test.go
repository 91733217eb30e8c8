package arch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// module is the import path of everything of ours.
const module = "github.com/corsgate/corsgate"

// tree is the source of a module.
type tree struct {
	fsys fs.FS
	// dirs are all directories with at least one Go file, sorted.
	dirs []string
	// files by directory, sorted by name.
	files map[string][]*file
	// texts are all other files, by path, without binaries.
	texts map[string]string
	// empty are directories without any entry.
	empty []string
}

// file is one Go file.
type file struct {
	path      string
	source    string
	fset      *token.FileSet
	ast       *ast.File
	test      bool
	generated bool
}

// notOurs are directories that hold no source: tools, build results, repositories.
func notOurs(name string) bool {
	return slices.Contains([]string{".git", ".tools", "bin", "artifacts"}, name)
}

// load reads the tree below fsys. Go files in testdata are texts.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, files: map[string][]*file{}, texts: map[string]string{}}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file of a test that runs beside us
		}
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return t.addDir(name)
		}
		// In a second work tree of git, .git is a file.
		if !entry.Type().IsRegular() || notOurs(entry.Name()) {
			return nil
		}
		return t.addFile(name)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	for dir := range t.files {
		t.dirs = append(t.dirs, dir)
	}
	slices.Sort(t.dirs)
	return t, nil
}

func (t *tree) addDir(name string) error {
	if notOurs(name) {
		return fs.SkipDir
	}
	entries, err := fs.ReadDir(t.fsys, name)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		t.empty = append(t.empty, name)
	}
	return nil
}

func (t *tree) addFile(name string) error {
	data, err := fs.ReadFile(t.fsys, name)
	if err != nil {
		return err
	}
	source := string(data)
	if path.Ext(name) != ".go" || slices.Contains(strings.Split(name, "/"), "testdata") {
		if !strings.Contains(source, "\x00") {
			t.texts[name] = source
		}
		return nil
	}
	f := &file{path: name, source: source, fset: token.NewFileSet()}
	f.ast, err = parser.ParseFile(f.fset, name, data, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	f.test = strings.HasSuffix(name, "_test.go")
	f.generated = ast.IsGenerated(f.ast)
	t.files[path.Dir(name)] = append(t.files[path.Dir(name)], f)
	return nil
}

// written returns the files that people wrote and that end up in a program, by
// directory order.
func (t *tree) written() []*file {
	var all []*file
	for _, dir := range t.dirs {
		for _, f := range t.files[dir] {
			if !f.test && !f.generated {
				all = append(all, f)
			}
		}
	}
	return all
}

// at writes a finding with its place.
func (f *file) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

// exists reports whether there is a file or a directory of that name.
func (t *tree) exists(name string) bool {
	_, err := fs.Stat(t.fsys, name)
	return err == nil
}
