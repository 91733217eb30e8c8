// Package sariftest holds logs against the JSON schema of SARIF 2.1.0.
package sariftest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	official "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/xeipuuv/gojsonschema"
)

// Valid reads a log strictly, so that no member is there that the standard does not have, and holds
// it against the schema.
func Valid(tb testing.TB, log string) error {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(log))
	d.DisallowUnknownFields()
	if err := d.Decode(new(official.Report)); err != nil {
		return err
	}
	result, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schema(tb)), gojsonschema.NewStringLoader(log))
	if err != nil {
		return err
	}
	if !result.Valid() {
		return fmt.Errorf("%v", result.Errors())
	}
	return nil
}

// schema is the one that the library carries and does not export; its own validation looks at what
// it has read, defaults filled in.
func schema(tb testing.TB) string {
	tb.Helper()
	library, err := build.Import("github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif", ".", build.FindOnly)
	if err != nil {
		tb.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(library.Dir, "schema.go"), nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var found string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == "schema" {
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				found, err = strconv.Unquote(literal.Value)
			}
		}
		return true
	})
	if err != nil || found == "" {
		tb.Fatalf("the library keeps its schema in another form now: %v", err)
	}
	return found
}
