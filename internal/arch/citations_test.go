package arch

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// checkCitations wants every fault number in Go files and in docs to be one of docs/faults.md or docs/probe.md, and no
// numbers of documents that are not in the repository. A range such as "F10 to F19" needs its two ends only.
func checkCitations(t *tree) []string {
	var found []string
	fault := regexp.MustCompile(`\bF\d+\b`)
	foreign := regexp.MustCompile(`(?i:\b(?:faults?|threats?|lab facts?)) [RTL]\d{1,2}\b|\bTest[RTL]\d+`)
	known := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| (F\d+) \|`).FindAllStringSubmatch(t.texts["docs/faults.md"], -1) {
		known[row[1]] = true
	}
	for _, number := range fault.FindAllString(t.texts["docs/probe.md"], -1) {
		known[number] = true
	}
	sources := map[string]string{}
	for name, text := range t.texts {
		if path.Ext(name) == ".md" {
			sources[name] = text
		}
	}
	for _, files := range t.files {
		for _, f := range files {
			sources[f.path] = f.source
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if within("internal/arch", path.Dir(name)) {
			continue // the numbers here are examples
		}
		n := 0
		for line := range strings.Lines(sources[name]) {
			n++
			for _, number := range fault.FindAllString(line, -1) {
				if !known[number] {
					found = append(found, fmt.Sprintf("%s:%d: docs/faults.md has no %s", name, n, number))
				}
			}
			if cited := foreign.FindString(line); cited != "" {
				found = append(found, fmt.Sprintf("%s:%d: %q is of no document here", name, n, cited))
			}
		}
	}
	return found
}
