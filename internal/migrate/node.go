package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// node is a part of a decoded document. A node that is not there is empty, and has nothing below it.
type node struct{ value any }

func (n node) get(name string) node {
	m, _ := n.value.(map[string]any)
	return node{m[name]}
}

func (n node) has(name string) bool { return n.get(name).value != nil }

// field is a field of a protobuf message, which may be written in two ways.
func (n node) field(name string) node {
	if v := n.get(name); v.value != nil {
		return v
	}
	return n.get(camel(name))
}

// camel is the other spelling of a name in snake case.
func camel(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '_' && i+1 < len(name) {
			i++
			out.WriteString(strings.ToUpper(name[i : i+1]))
			continue
		}
		out.WriteByte(name[i])
	}
	return out.String()
}

// at is n.get for a path.
func (n node) at(names ...string) node {
	for _, name := range names {
		n = n.get(name)
	}
	return n
}

// items are the elements of a list.
func (n node) items() []node {
	list, _ := n.value.([]any)
	out := make([]node, len(list))
	for i, v := range list {
		out[i] = node{v}
	}
	return out
}

// keys are the names of a mapping, sorted.
func (n node) keys() []string {
	m, _ := n.value.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

// text is a scalar as text.
func (n node) text() string {
	switch v := n.value.(type) {
	case nil, map[string]any, map[any]any, []any:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func (n node) boolean() bool {
	v, _ := n.value.(bool)
	return v
}

// texts are the elements of a list of scalars.
func (n node) texts() []string {
	var out []string
	for _, item := range n.items() {
		out = append(out, item.text())
	}
	return out
}

// fields reports the fields of a policy that are not known, and those of another type than the known ones have.
func (n node) fields(out *notes, at place, known map[string]fieldType) {
	if _, ok := n.value.(map[string]any); !ok && n.value != nil {
		out.narrower(CodeField, at, n.text(), "this is no mapping of fields; it is taken for empty", "")
	}
	for _, name := range n.keys() {
		value := n.get(name)
		if value.value == nil {
			continue
		}
		kind, ok := known[name]
		switch {
		case !ok:
			out.changed(CodeUnknownField, at.in(name), value.text(), "this field is not known and is not converted", "look at what it does")
		case !kind.fits(value):
			out.narrower(CodeField, at.in(name), value.text(), "the value has another type than the field; it is taken for empty", "")
		}
	}
}

type fieldType uint8

const (
	textField fieldType = iota
	boolField
	listField
)

func (t fieldType) fits(n node) bool {
	switch t {
	case boolField:
		_, ok := n.value.(bool)
		return ok
	case listField:
		_, ok := n.value.([]any)
		return ok
	default:
		return n.text() != "" || n.value == ""
	}
}
