package page

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// lineWidth is where comments are broken.
	lineWidth = 96
	// flowWidth is the longest small collection that is put on one line.
	flowWidth = 64
)

// Comment is a remark for the operator and the place that it stands above.
type Comment struct {
	// Path leads to the place: keys of mappings, and for sequences the name of an item, or
	// its index, divided by slashes.
	Path string
	// Text is what it says, on one line, however long; a line break in it stays one.
	Text string
}

// At is the comment with that path and text.
func At(path, text string) Comment { return Comment{Path: path, Text: text} }

// Below are the comments moved to a place that they are relative to.
func Below(path string, list []Comment) []Comment {
	out := make([]Comment, len(list))
	for i, c := range list {
		out[i] = Comment{Path: strings.TrimSuffix(path+"/"+c.Path, "/"), Text: c.Text}
	}
	return out
}

// annotate puts c above its place. The error says at which step of the path nothing is there.
func annotate(root *yaml.Node, c Comment) error {
	at, above := root, root
	for step := range strings.SplitSeq(c.Path, "/") {
		key, value := child(at, step)
		if value == nil {
			return fmt.Errorf("comment path %q: no %q", c.Path, step)
		}
		at, above = value, key
	}
	above.HeadComment = Wrap(c.Text)
	return nil
}

// child finds what step names in n: the node that a comment is attached to, and the value.
func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			if strconv.Itoa(i) == step || nameOf(item) == step {
				return item, item
			}
		}
	}
	return nil, nil
}

func nameOf(item *yaml.Node) string {
	if item.Kind == yaml.MappingNode {
		if _, v := child(item, "name"); v != nil {
			return v.Value
		}
	}
	return ""
}

// compact sets the style of every node: block style, but for small collections of plain values.
func compact(n *yaml.Node, depth int) {
	n.Style = 0
	width, flat := 0, len(n.Content) > 0 && depth > 2
	for _, c := range n.Content {
		compact(c, depth+1)
		width += len(c.Value) + 2
		flat = flat && c.Kind == yaml.ScalarNode && c.HeadComment == ""
	}
	if flat && width <= flowWidth {
		n.Style = yaml.FlowStyle
	}
}

// Wrap breaks text into comment lines; a blank line of text stays one.
func Wrap(text string) string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := "#"
		for word := range strings.FieldsSeq(paragraph) {
			if len(line)+1+len(word) > lineWidth {
				lines = append(lines, line)
				line = "#"
			}
			line += " " + word
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
