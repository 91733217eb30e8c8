package document

import (
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsgate/corsgate/internal/spelling"
	"github.com/corsgate/corsgate/policy"
)

// decoder walks a document and its message type side by side and fills the
// message. It refuses everything that two readers of one text could
// understand differently: duplicate and unknown keys, other spellings of names, references,
// tags, values of another type.
type decoder struct {
	*collector
	nested int // messages met in lists
}

// maxNested bounds the messages in lists of one document. The shortest useful
// one, a temporary origin, has about 50 bytes, so a document within its size
// has fewer; only empty ones could be more, each with problems of its own.
const maxNested = 1 << 15

// decodeMessage fills m from the document and reports what does not fit.
func decodeMessage(c *collector, m proto.Message) {
	d := decoder{collector: c}
	d.message("", c.doc.root, m.ProtoReflect())
}

func (d *decoder) fault(path string, n *yaml.Node, f fault) {
	value := n.Value
	if n.Kind != yaml.ScalarNode {
		value = ""
	}
	d.add(n.Line, n.Column, policy.Problem{Path: path, Value: value, Code: f.code, Detail: f.detail, Fix: f.fix})
}

// holds reports whether n is a collection of a kind that can be looked at one by one; the limits of single
// fields are checked by shape.
func (d *decoder) holds(path string, n *yaml.Node, kind yaml.Kind, want string) bool {
	f := indirect(n)
	switch {
	case f.code != "":
	case n.Kind != kind:
		fix := ""
		if kind == yaml.SequenceNode && n.Kind == yaml.ScalarNode && n.Value != "" {
			fix = "write [" + strconv.Quote(n.Value) + "]"
		}
		f = wrongType(n, want, fix)
	case kind == yaml.SequenceNode && len(n.Content) > MaxOrigins, len(n.Content)/2 > MaxOrigins:
		f = fault{CodeTooMany, "no field holds more than " + strconv.Itoa(MaxOrigins) + " values", ""}
	default:
		return true
	}
	d.fault(path, n, f)
	return false
}

func (d *decoder) message(path string, n *yaml.Node, m protoreflect.Message) {
	if !d.holds(path, n, yaml.MappingNode, "a mapping of fields") {
		return
	}
	fields := m.Descriptor().Fields()
	for key, value := range d.pairs(path, n) {
		at := join(path, key.Value)
		fd := fields.ByName(protoreflect.Name(key.Value))
		if fd == nil {
			d.fault(at, key, unknownField(key.Value, fields))
			continue
		}
		d.field(at, value, m, fd)
	}
}

// pairs gives the keys and values of a mapping and refuses keys that are
// no plain names, or were there before.
func (d *decoder) pairs(path string, n *yaml.Node) func(func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		seen := make(map[string]bool, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at, f := path, indirect(key)
			switch {
			case key.Tag == "!!merge":
				f = fault{CodeReference, "documents have no merge keys", "write the fields out"}
			case f.code != "":
			case key.Kind != yaml.ScalarNode:
				f = fault{CodeKey, "the key of a field is a name", ""}
			case seen[key.Value]:
				at, f = join(path, key.Value), fault{CodeDuplicate, "the field is there twice", "remove one of the two"}
			}
			if f.code != "" {
				d.fault(at, key, f)
				continue
			}
			seen[key.Value] = true
			if !yield(key, value) {
				return
			}
		}
	}
}

func (d *decoder) field(path string, n *yaml.Node, m protoreflect.Message, fd protoreflect.FieldDescriptor) {
	switch {
	case fd.IsMap():
		d.stringMap(path, n, m.Mutable(fd).Map(), fd.MapValue())
	case fd.IsList():
		d.list(path, n, m.Mutable(fd).List(), fd)
	case isNested(fd):
		d.message(path, n, m.Mutable(fd).Message())
	default:
		if v, f := scalarValue(n, fd); f.code != "" {
			d.fault(path, n, f)
		} else {
			m.Set(fd, v)
		}
	}
}

// list keeps the places of broken elements, so that what later phases say about
// "origins[3]" is about the fourth entry of the text.
func (d *decoder) list(path string, n *yaml.Node, list protoreflect.List, fd protoreflect.FieldDescriptor) {
	if !d.holds(path, n, yaml.SequenceNode, "a list") {
		return
	}
	for i, item := range n.Content {
		value := list.NewElement()
		if isNested(fd) {
			if d.nested++; d.nested > maxNested {
				d.fault(path, n, fault{CodeTooMany, "the document holds more than " + strconv.Itoa(maxNested) + " entries", ""})
				return
			}
			d.message(element(path, i), item, value.Message())
			list.Append(value)
			continue
		}
		if v, f := scalarValue(item, fd); f.code != "" {
			d.fault(element(path, i), item, f)
		} else {
			value = v
		}
		list.Append(value)
	}
}

// stringMap fills a map of strings to strings, the only kind that the document has.
func (d *decoder) stringMap(path string, n *yaml.Node, m protoreflect.Map, fd protoreflect.FieldDescriptor) {
	if !d.holds(path, n, yaml.MappingNode, "a mapping of names to strings") {
		return
	}
	for key, value := range d.pairs(path, n) {
		at := path + "[" + strconv.Quote(key.Value) + "]"
		if v, f := scalarValue(value, fd); f.code != "" {
			d.fault(at, value, f)
		} else {
			m.Set(protoreflect.ValueOfString(key.Value).MapKey(), v)
		}
	}
}

// unknownField names the nearest field, since most unknown fields are typing
// mistakes or the camel-case spelling of other protobuf tools.
func unknownField(name string, fields protoreflect.FieldDescriptors) fault {
	f := fault{code: CodeUnknownField, detail: "there is no such field here"}
	if len(name) > 2*maxFieldName {
		return f
	}
	folded := fold(name)
	best, bestDistance := "", 3
	for i := range fields.Len() {
		known := string(fields.Get(i).Name())
		distance := spelling.Distance(fold(known), folded)
		if distance < bestDistance && distance*3 <= len(known) {
			best, bestDistance = known, distance
		}
	}
	if best != "" {
		f.fix = "write " + best
	}
	return f
}

// maxFieldName is about the longest name of a field, in bytes.
const maxFieldName = 32

// fold drops what spellings of one name differ in.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '_' || c == '-' {
			return -1
		}
		return unicode.ToLower(c)
	}, name)
}

// join adds a field to a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}
