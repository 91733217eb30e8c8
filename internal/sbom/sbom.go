// Package sbom writes a bill of materials: the modules that are linked into a program, as CycloneDX 1.6 in JSON. It takes them from
// what the linker left in the program itself, so that the bill cannot differ from the program. The same program gives the same bytes.
package sbom

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
)

// Program is what a bill is made of.
type Program struct {
	// Info is what the program was built from: [debug.ReadBuildInfo] for the running one, debug/buildinfo for a file.
	Info *debug.BuildInfo
	// Version and Revision are those of the main module, which Info does not have where the linker was told them. Revision
	// may be empty.
	Version, Revision string
	// License is the SPDX identifier of the main module's license.
	License string
}

// Names of properties; CycloneDX has no member for these facts.
const (
	// propertySum is the checksum of a module as in go.sum. It is the hash of a list of hashes, so it must not stand as a
	// hash of a file.
	propertySum      = "corsgate:go:sum"
	propertyReplaces = "corsgate:go:replaces"
	propertyRevision = "corsgate:revision"
	propertySetting  = "corsgate:go:build:"
)

// Write writes the bill of p. It fails for a program that does not know its modules, and with the error of w.
func Write(w io.Writer, p Program) error {
	if p.Info == nil || p.Info.Main.Path == "" {
		return errors.New("the program does not know its modules: it was not built by the go command in module mode")
	}
	d := compose(p)
	serial, err := serialOf(d)
	if err != nil {
		return fmt.Errorf("encoding the bill of materials: %w", err)
	}
	d.Serial = serial
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("writing the bill of materials: %w", err)
	}
	return nil
}

// compose is the bill without its serial number.
func compose(p Program) document {
	main := component{
		Type: "application", Name: p.Info.Main.Path, Version: p.Version, PURL: packageURL(p.Info.Main.Path, p.Version),
		Properties: settings(p),
	}
	main.Ref = main.PURL
	if p.License != "" {
		main.Licenses = []licensing{{License: license{ID: p.License}}}
	}
	components := []component{toolchain(p.Info.GoVersion)}
	for _, m := range p.Info.Deps {
		components = append(components, library(m))
	}
	slices.SortFunc(components, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	linked := dependency{Ref: main.Ref}
	edges := make([]dependency, 1, len(components)+1)
	for i := range components {
		linked.DependsOn = append(linked.DependsOn, components[i].Ref)
		edges = append(edges, dependency{Ref: components[i].Ref})
	}
	edges[0] = linked
	return document{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata:     metadata{Lifecycles: []lifecycle{{Phase: "post-build"}}, Component: main},
		Components:   components,
		Dependencies: edges,
		// All that is linked is there; what of it needs what of it is not recorded in a program.
		Compositions: []composition{{Aggregate: "complete", Dependencies: []string{main.Ref}}},
	}
}

// settings are the facts of the build that change what is linked.
func settings(p Program) []property {
	var list []property
	if p.Revision != "" {
		list = append(list, property{propertyRevision, p.Revision})
	}
	for _, s := range p.Info.Settings {
		if s.Value != "" && slices.Contains([]string{"CGO_ENABLED", "GOARCH", "GOOS", "-tags"}, s.Key) {
			list = append(list, property{propertySetting + s.Key, s.Value})
		}
	}
	return list
}

// library is one linked module, or what stands in its place.
func library(m *debug.Module) component {
	var properties []property
	if m.Replace != nil {
		properties = append(properties, property{propertyReplaces, m.Path + "@" + m.Version})
		if m.Replace.Version == "" { // a directory, which nobody else could find
			m = &debug.Module{Path: m.Path}
		} else {
			m = m.Replace
		}
	}
	if m.Sum != "" {
		properties = append(properties, property{propertySum, m.Sum})
	}
	purl := packageURL(m.Path, m.Version)
	return component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl, Properties: properties}
}

// toolchain is the standard library, under the name that advisories of Go have for it.
func toolchain(goVersion string) component {
	// A toolchain may say more after a blank or a hyphen, such as experiments.
	version, _, _ := strings.Cut(strings.TrimPrefix(goVersion, "go"), " ")
	version, _, _ = strings.Cut(version, "-")
	purl := packageURL("stdlib", version)
	return component{
		Type: "library", Ref: purl, Name: "stdlib", Version: version, PURL: purl,
		CPE: "cpe:2.3:a:golang:go:" + version + ":*:*:*:*:*:*:*",
	}
}

// packageURL is a module as https://github.com/package-url/purl-spec has it: in lower case, versions escaped.
func packageURL(path, version string) string {
	u := "pkg:golang/" + strings.ToLower(path)
	if version == "" {
		return u
	}
	return u + "@" + url.QueryEscape(version)
}

// serialOf is a UUID (RFC 9562, version 8) of the content: another program has another one, the same program the same.
func serialOf(d document) (string, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	id := sha256.Sum256(text)
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16]), nil
}
