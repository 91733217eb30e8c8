package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// snake writes a Go name as metrics do; WebSocket is one word there.
func snake(name string) string {
	name = strings.NewReplacer("WebSocket", "Websocket", "CORS", "Cors").Replace(name)
	var out strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// constantsOf lists the constants of the enumeration typ in file, in order.
func constantsOf(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, decl := range f.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		if id, ok := g.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); !ok || id.Name != typ {
			continue
		}
		for _, s := range g.Specs {
			names = append(names, s.(*ast.ValueSpec).Names[0].Name)
		}
	}
	return names
}

func TestNamesFollowTheConstants(t *testing.T) {
	reasons := slices.Collect(Reasons())
	names := constantsOf(t, "reason.go", "Reason")
	if len(names) != len(reasons) {
		t.Fatalf("%d constants, %d reasons", len(names), len(reasons))
	}
	for i, name := range names {
		r := reasons[i]
		if r.String() != snake(name) {
			t.Errorf("%s is called %q", name, r)
		}
		if !strings.HasPrefix(r.Rule(), "rule ") || r.Text() == "" {
			t.Errorf("%s: rule %q, text %q", name, r.Rule(), r.Text())
		}
		if back, ok := ParseReason(r.String()); !ok || back != r {
			t.Errorf("%s parses to %v", name, back)
		}
	}
	for i, name := range constantsOf(t, "request.go", "Kind") {
		if got := Kind(i).String(); got != snake(name) {
			t.Errorf("%s is called %q", name, got)
		}
	}
	for i, name := range constantsOf(t, "reason.go", "Outcome") {
		if got := Outcome(i).String(); got != snake(name) {
			t.Errorf("%s is called %q", name, got)
		}
	}
}

func TestNamesOutsideTheEnumerations(t *testing.T) {
	if _, ok := ParseReason("invalid"); ok {
		t.Error("invalid is a reason")
	}
	for _, name := range []string{Reason(200).String(), Kind(200).String(), Outcome(200).String()} {
		if name != "invalid" {
			t.Errorf("called %q", name)
		}
	}
}
