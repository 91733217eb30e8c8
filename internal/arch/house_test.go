package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxLines is the most that a written file may have; 300 is what to aim for.
const maxLines = 400

// maxReadme is the most that the README may have.
const maxReadme = 200

// checkNames refuses packages that are named for no subject.
func checkNames(t *tree) []string {
	var found []string
	for _, dir := range t.dirs {
		for _, f := range t.files[dir] {
			switch name := strings.TrimSuffix(f.ast.Name.Name, "_test"); name {
			case "util", "utils", "common", "helper", "helpers", "misc", "base", "manager", "shared", "types":
				found = append(found, f.at(f.ast.Name.Pos(), "package %s says nothing of its subject", name))
			}
		}
	}
	return found
}

// checkSize refuses long files.
func checkSize(t *tree) []string {
	var found []string
	for _, f := range t.written() {
		if n := strings.Count(f.source, "\n"); n > maxLines {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d", f.path, n, maxLines))
		}
	}
	if n := strings.Count(t.texts["README.md"], "\n"); n > maxReadme {
		found = append(found, fmt.Sprintf("README.md: %d lines, at most %d", n, maxReadme))
	}
	return found
}

// checkState refuses init functions and package variables that could change.
// Allowed are errors to compare with, compiled expressions, embedded files,
// what the linker is told, values made on first use, arrays that serve as tables, and assertions on "_".
// e2e is test code that several packages of tests share.
func checkState(t *tree) []string {
	var found []string
	for _, f := range t.written() {
		if within("e2e", path.Dir(f.path)) {
			continue
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					found = append(found, f.at(d.Pos(), "init function"))
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					found = append(found, mutable(f, d)...)
				}
			}
		}
	}
	return found
}

func mutable(f *file, decl *ast.GenDecl) []string {
	var found []string
	for _, s := range decl.Specs {
		spec, ok := s.(*ast.ValueSpec)
		if !ok || marked(decl.Doc) || marked(spec.Doc) {
			continue
		}
		for i, name := range spec.Names {
			if name.Name == "_" || i < len(spec.Values) && constant(spec.Values[i]) {
				continue
			}
			found = append(found, f.at(name.Pos(), "package variable %s can change", name.Name))
		}
	}
	return found
}

// marked reports whether the compiler or the linker sets a variable, once and before anything runs.
func marked(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ") || c.Text == "//corsgate:linker"
	})
}

// constant reports whether a package variable of this value is one in name only.
func constant(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.CallExpr:
		fun, ok := v.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		from, ok := fun.X.(*ast.Ident)
		return ok && slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "sync.OnceValue", "sync.OnceValues"}, from.Name+"."+fun.Sel.Name)
	case *ast.CompositeLit:
		array, ok := v.Type.(*ast.ArrayType)
		return ok && array.Len != nil
	}
	return false
}

// checkDocs wants a comment on every package and on everything exported.
func checkDocs(t *tree) []string {
	var found []string
	for _, dir := range t.dirs {
		if files := t.files[dir]; !slices.ContainsFunc(files, hasPackageDoc) && slices.ContainsFunc(files, func(f *file) bool { return !f.test && !f.generated }) {
			found = append(found, dir+": no package comment")
		}
	}
	for _, f := range t.written() {
		for _, decl := range f.ast.Decls {
			found = append(found, undocumented(f, decl)...)
		}
	}
	return found
}

func hasPackageDoc(f *file) bool {
	if f.test || f.ast.Doc == nil {
		return false
	}
	text := f.ast.Doc.Text()
	return strings.HasPrefix(text, "Package "+f.ast.Name.Name+" ") || f.ast.Name.Name == "main" && strings.HasPrefix(text, "Command ")
}

func undocumented(f *file, decl ast.Decl) []string {
	var found []string
	missing := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d != nil }) {
			found = append(found, f.at(name.Pos(), "%s has no comment", name.Name))
		}
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		// A method that an interface of the standard library asks for says nothing new.
		known := d.Recv != nil && slices.Contains([]string{"Error", "String", "Unwrap", "MarshalText", "AppendText"}, d.Name.Name)
		if !known && (d.Recv == nil || receiver(d).IsExported()) {
			missing(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch spec := s.(type) {
			case *ast.TypeSpec:
				missing(spec.Name, d.Doc, spec.Doc)
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					missing(name, d.Doc, spec.Doc, spec.Comment)
				}
			}
		}
	}
	return found
}

func receiver(d *ast.FuncDecl) *ast.Ident {
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e
		default:
			return ast.NewIdent("_")
		}
	}
}

// place says where alone some functions of the standard library may be called.
type place struct {
	calls  []string
	inside func(dir string) bool
	why    string
}

func places() []place {
	return []place{
		{
			calls:  []string{"time.Now", "time.Since", "time.Until"},
			inside: func(dir string) bool { return dir != "policy" },
			why:    "facts that depend on time reach policy as fields",
		},
		{
			calls: []string{
				"os.Exit", "os.Getenv", "os.LookupEnv", "os.Environ", "signal.Notify", "signal.NotifyContext", "flag.Parse",
			},
			inside: func(dir string) bool {
				return within("cmd", dir) || within("bench", dir) || within("deploy", dir) || dir == "internal/config" || dir == "internal/redistest" || within("e2e", dir)
			},
			why: "signals, exits, environment and flags are for cmd and internal/config",
		},
	}
}

// checkCalls refuses calls outside their place.
func checkCalls(t *tree) []string {
	var found []string
	for _, f := range t.written() {
		dir := path.Dir(f.path)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			for _, p := range places() {
				if call := from.Name + "." + sel.Sel.Name; slices.Contains(p.calls, call) && !p.inside(dir) {
					found = append(found, f.at(sel.Pos(), "%s here: %s", call, p.why))
				}
			}
			return true
		})
	}
	return found
}

// checkHeaders keeps the names of CORS headers in policy and envoy: code that
// needs one elsewhere decides or renders in the wrong place.
func checkHeaders(t *tree) []string {
	var found []string
	for _, f := range t.written() {
		if dir := path.Dir(f.path); !within("server", dir) && !within("tenant", dir) && !within("internal/app", dir) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(strings.ToLower(lit.Value), "access-control-") {
				found = append(found, f.at(lit.Pos(), "a CORS header is named outside policy and envoy"))
			}
			return true
		})
	}
	return found
}

// machinePath matches directories that exist on somebody's machine only.
func machinePath() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\s"'=(:,\x60])/(?:root|home|work|Users)/[\w.]`)
}

// checkPaths refuses paths of one machine, in every file.
func checkPaths(t *tree) []string {
	var found []string
	match := machinePath()
	texts := maps.Clone(t.texts)
	for _, files := range t.files {
		for _, f := range files {
			texts[f.path] = f.source
		}
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		n := 0
		for line := range strings.Lines(texts[name]) {
			n++
			if match.MatchString(line) {
				found = append(found, fmt.Sprintf("%s:%d: a path of one machine", name, n))
			}
		}
	}
	return found
}

// checkEmpty refuses directories that hold nothing.
func checkEmpty(t *tree) []string {
	found := make([]string, 0, len(t.empty))
	for _, dir := range t.empty {
		found = append(found, dir+": empty directory")
	}
	return found
}

// checkLinks wants every relative link of a Markdown file to lead to a file.
func checkLinks(t *tree) []string {
	var found []string
	link := regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	for _, name := range slices.Sorted(maps.Keys(t.texts)) {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(t.texts[name], -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if !t.exists(path.Join(path.Dir(name), m[1])) {
				found = append(found, fmt.Sprintf("%s: no such file: %s", name, m[1]))
			}
		}
	}
	return found
}
