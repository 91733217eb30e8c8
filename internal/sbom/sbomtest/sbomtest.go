// Package sbomtest holds bills of materials against the official schema and the official types of CycloneDX.
package sbomtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"testing"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/xeipuuv/gojsonschema"
)

// Valid reports what the schema of CycloneDX 1.6 has against a bill.
func Valid(tb testing.TB, bill []byte) error {
	tb.Helper()
	// The schemas name each other by addresses, which would else be fetched.
	loader := gojsonschema.NewSchemaLoader()
	for address, name := range map[string]string{"spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		if err := loader.AddSchema("http://cyclonedx.org/schema/"+address, file(tb, name)); err != nil {
			return err
		}
	}
	schema, err := loader.Compile(file(tb, "bom-1.6.schema.json"))
	if err != nil {
		return err
	}
	result, err := schema.Validate(gojsonschema.NewBytesLoader(bill))
	if err != nil {
		return err
	}
	if !result.Valid() {
		return fmt.Errorf("%v", result.Errors())
	}
	return nil
}

// file is one of the schemas that the library of CycloneDX carries and does not export.
func file(tb testing.TB, name string) gojsonschema.JSONLoader {
	tb.Helper()
	library, err := build.Import("github.com/CycloneDX/cyclonedx-go", ".", build.FindOnly)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(library.Dir, "schema", name))
	if err != nil {
		tb.Fatal(err)
	}
	return gojsonschema.NewBytesLoader(data)
}

// Modules are the components of a bill as NAME@VERSION, read by the library of CycloneDX, and the version of its subject.
func Modules(bill []byte) (modules []string, version string, err error) {
	var bom cyclonedx.BOM
	d := json.NewDecoder(bytes.NewReader(bill))
	d.DisallowUnknownFields()
	if err := d.Decode(&bom); err != nil {
		return nil, "", err
	}
	if bom.Components == nil || bom.Metadata == nil || bom.Metadata.Component == nil {
		return nil, "", fmt.Errorf("the bill has no components or no subject: %.100s", bill)
	}
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		modules = append(modules, c.Name+"@"+c.Version)
	}
	return modules, bom.Metadata.Component.Version, nil
}
