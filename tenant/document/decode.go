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

// plain refuses what makes a node mean something else than it says.
func (d *decoder) plain(path string, n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fault(path, n, fault{CodeReference, "documents have no anchors and aliases", "write the value out"})
	case n.Style&yaml.TaggedStyle != 0:
		d.fault(path, n, fault{CodeTag, "documents have no tags", "remove the tag"})
	default:
		return true
	}
	return false
}

// tooMany refuses what is beyond the largest limit of any field before it is
// looked at one by one; the limits themselves are checked by shape.
func (d *decoder) tooMany(path string, n *yaml.Node, count int) bool {
	if count <= MaxOrigins {
		return false
	}
	d.fault(path, n, fault{CodeTooMany, "no field holds more than " + strconv.Itoa(MaxOrigins) + " values", ""})
	return true
}

func (d *decoder) message(path string, n *yaml.Node, m protoreflect.Message) {
	if !d.plain(path, n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fault(path, n, wrongType(n, "a mapping of fields", ""))
		return
	}
	if d.tooMany(path, n, len(n.Content)/2) {
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
			switch {
			case key.Tag == "!!merge":
				d.fault(path, key, fault{CodeReference, "documents have no merge keys", "write the fields out"})
				continue
			case !d.plain(path, key):
				continue
			case key.Kind != yaml.ScalarNode:
				d.fault(path, key, fault{CodeKey, "the key of a field is a name", ""})
				continue
			case seen[key.Value]:
				d.fault(join(path, key.Value), key, fault{CodeDuplicate, "the field is there twice", "remove one of the two"})
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
		d.stringMap(path, n, m.Mutable(fd).Map())
	case fd.IsList():
		d.list(path, n, m.Mutable(fd).List(), fd)
	case isNested(fd):
		d.message(path, n, m.Mutable(fd).Message())
	default:
		if v, ok := d.scalar(path, n, fd); ok {
			m.Set(fd, v)
		}
	}
}

// list keeps the places of broken elements, so that what later phases say about
// "origins[3]" is about the fourth entry of the text.
func (d *decoder) list(path string, n *yaml.Node, list protoreflect.List, fd protoreflect.FieldDescriptor) {
	if !d.plain(path, n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		fix := ""
		if n.Kind == yaml.ScalarNode && n.Value != "" {
			fix = "write [" + strconv.Quote(n.Value) + "]"
		}
		d.fault(path, n, wrongType(n, "a list", fix))
		return
	}
	if d.tooMany(path, n, len(n.Content)) {
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
		if v, f, ok := d.scalarValue(item, fd); ok {
			value = v
		} else {
			d.fault(element(path, i), item, f)
		}
		list.Append(value)
	}
}

// stringMap fills a map of strings to strings, the only kind that the document has.
func (d *decoder) stringMap(path string, n *yaml.Node, m protoreflect.Map) {
	if !d.plain(path, n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fault(path, n, wrongType(n, "a mapping of names to strings", ""))
		return
	}
	if d.tooMany(path, n, len(n.Content)/2) {
		return
	}
	for key, value := range d.pairs(path, n) {
		at := path + "[" + strconv.Quote(key.Value) + "]"
		if s, f, ok := stringValue(value); !ok {
			d.fault(at, value, f)
		} else {
			m.Set(protoreflect.ValueOfString(key.Value).MapKey(), protoreflect.ValueOfString(s))
		}
	}
}

func (d *decoder) scalar(path string, n *yaml.Node, fd protoreflect.FieldDescriptor) (protoreflect.Value, bool) {
	v, f, ok := d.scalarValue(n, fd)
	if !ok {
		d.fault(path, n, f)
	}
	return v, ok
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
