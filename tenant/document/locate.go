package document

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

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
