package document

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/internal/wording"
	"github.com/corsgate/corsgate/policy"
)

// Bounds of what a problem repeats of a document, in bytes.
const (
	maxValue = 128
	maxPath  = 256
	maxText  = 512
)

// printable makes s fit for a line of text.
func printable(s string, limit int) string {
	return wording.Printable(cut(s, limit))
}

// cut shortens s at a border between characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// collector gathers the problems of one document. Later phases see what
// earlier ones made of a broken value, so what they say about it, or about
// anything inside it, would only be noise: see covered.
type collector struct {
	doc      *text
	id       string
	problems Problems
	earlier  map[string]bool // :: field path → reported by an earlier phase
}

// maxProblems bounds the problems of one document. A document within its limits can have one with
// every origin of its largest policy.
const maxProblems = MaxOrigins

// add reports a problem of the current phase at a place in the document. What
// it repeats of the document is bounded, and printable except for its Value.
func (c *collector) add(line, column int, p policy.Problem) {
	if len(c.problems) > maxProblems {
		return
	}
	if len(c.problems) == maxProblems {
		p = policy.Problem{Code: CodeProblems, Detail: "there are more problems than are listed", Fix: "solve these first"}
		line, column = c.doc.locate("")
	}
	p.Value = cut(p.Value, maxValue)
	p.Path = printable(p.Path, maxPath)
	p.Detail = printable(p.Detail, maxText)
	if len(p.Fix) > maxText {
		p.Fix = "" // half of a thing to write is worse than none
	}
	p.Fix = printable(p.Fix, maxText)
	line, column = c.doc.place(line, column)
	c.problems = append(c.problems, Problem{
		Problem: p, File: c.doc.file, Document: c.doc.index, Line: line, Column: column,
	})
}

// addAt reports a problem by its path, unless an earlier phase covered it.
func (c *collector) addAt(p policy.Problem) {
	if c.covered(cut(p.Path, maxPath)) {
		return
	}
	line, column := c.doc.locate(p.Path)
	c.add(line, column, p)
}

// nextPhase makes what was reported so far cover its paths.
func (c *collector) nextPhase() {
	if c.earlier == nil {
		c.earlier = make(map[string]bool)
	}
	for i := range c.problems {
		c.earlier[c.problems[i].Path] = true
	}
}

// covered reports whether path, or a value around it, was reported by an earlier phase.
func (c *collector) covered(path string) bool {
	for path != "" {
		if c.earlier[path] {
			return true
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return false
}

// sorted returns the problems in document order.
func (c *collector) sorted() Problems {
	for i := range c.problems {
		c.problems[i].Tenant = c.id
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return c.problems
}

// locate finds the place of a field path in the document, from 1. Of a path
// that is not there it finds the nearest value around it.
func (t *text) locate(path string) (line, column int) {
	node := t.root
	if node == nil {
		return 0, 0
	}
	for path != "" {
		step, rest := cutStep(path)
		next := child(node, step)
		if next == nil {
			break
		}
		node, path = next, rest
	}
	return node.Line, node.Column
}

// cutStep splits a field path into its first step and the rest: "a[0].b" gives
// "a" and "[0].b"; "[0].b" gives "[0]" and "b".
func cutStep(path string) (step, rest string) {
	if path[0] == '[' {
		end := strings.IndexByte(path, ']')
		if end < 0 {
			return path, ""
		}
		return path[:end+1], strings.TrimPrefix(path[end+1:], ".")
	}
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		return path, ""
	}
	return path[:end], strings.TrimPrefix(path[end:], ".")
}

// child returns the value of a mapping's key or of a list's index, or nil.
func child(node *yaml.Node, step string) *yaml.Node {
	key := step
	if inner, found := strings.CutPrefix(step, "["); found {
		inner = strings.TrimSuffix(inner, "]")
		if i, err := strconv.Atoi(inner); err == nil && node.Kind == yaml.SequenceNode {
			if i < 0 || i >= len(node.Content) {
				return nil
			}
			return node.Content[i]
		}
		if unquoted, err := strconv.Unquote(inner); err == nil {
			inner = unquoted
		}
		key = inner
	}
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}
