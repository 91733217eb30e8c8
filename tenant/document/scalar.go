package document

import (
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/corsgate/corsgate/policy"
)

// fault is a problem before its place is known.
type fault struct {
	code        policy.Code
	detail, fix string
}

// Names of the messages that are written as one string.
const (
	durationName  protoreflect.FullName = "google.protobuf.Duration"
	timestampName protoreflect.FullName = "google.protobuf.Timestamp"
)

// isNested reports whether fd's values are mappings of fields.
func isNested(fd protoreflect.FieldDescriptor) bool {
	if fd.Kind() != protoreflect.MessageKind {
		return false
	}
	name := fd.Message().FullName()
	return name != durationName && name != timestampName
}

// wrongType says what was expected where n stands.
func wrongType(n *yaml.Node, want, fix string) fault {
	if n.Tag == "!!null" {
		return fault{CodeType, "the value is missing; " + want + " belongs here", "write a value or leave the field out"}
	}
	return fault{CodeType, "this is " + kindName(n) + "; " + want + " belongs here", fix}
}

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!bool":
		return "true or false"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!timestamp":
		return "a date"
	default:
		return "a string"
	}
}

// scalarValue reads one value of fd's type, as the protobuf JSON mapping writes it.
func (d *decoder) scalarValue(n *yaml.Node, fd protoreflect.FieldDescriptor) (protoreflect.Value, fault, bool) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		s, f, ok := stringValue(n)
		return protoreflect.ValueOfString(s), f, ok
	case protoreflect.BoolKind:
		return boolValue(n)
	case protoreflect.EnumKind:
		return enumValue(n, fd.Enum())
	case protoreflect.Int32Kind:
		i, f, ok := intValue(n, 32)
		return protoreflect.ValueOfInt32(int32(i)), f, ok //nolint:gosec // intValue keeps to the bits it is given
	case protoreflect.Int64Kind:
		i, f, ok := intValue(n, 64)
		return protoreflect.ValueOfInt64(i), f, ok
	case protoreflect.MessageKind:
		if fd.Message().FullName() == durationName {
			return durationValue(n)
		}
		return timestampValue(n)
	default:
		return protoreflect.Value{}, fault{CodeType, "documents cannot hold this type", ""}, false
	}
}

// scalarFault finds what no scalar may be.
func scalarFault(n *yaml.Node, want string) (fault, bool) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return fault{CodeReference, "documents have no anchors and aliases", "write the value out"}, true
	case n.Style&yaml.TaggedStyle != 0:
		return fault{CodeTag, "documents have no tags", "remove the tag"}, true
	case n.Kind != yaml.ScalarNode, n.Tag == "!!null":
		return wrongType(n, want, ""), true
	}
	return fault{}, false
}

func stringValue(n *yaml.Node) (string, fault, bool) {
	const want = "a string"
	if f, bad := scalarFault(n, want); bad {
		return "", f, false
	}
	if n.Tag != "!!str" {
		return "", wrongType(n, want, "write "+strconv.Quote(n.Value)+", in quotes"), false
	}
	return n.Value, fault{}, true
}

func boolValue(n *yaml.Node) (protoreflect.Value, fault, bool) {
	const want = "true or false"
	if f, bad := scalarFault(n, want); bad {
		return protoreflect.Value{}, f, false
	}
	// YAML 1.1 readers also take yes, on and True; a public contract has one spelling.
	if n.Tag == "!!bool" && (n.Value == "true" || n.Value == "false") {
		return protoreflect.ValueOfBool(n.Value == "true"), fault{}, true
	}
	fix := ""
	switch strings.ToLower(n.Value) {
	case "true", "yes", "on":
		fix = "write true"
	case "false", "no", "off":
		fix = "write false"
	}
	return protoreflect.Value{}, wrongType(n, want, fix), false
}

func enumValue(n *yaml.Node, ed protoreflect.EnumDescriptor) (protoreflect.Value, fault, bool) {
	values := ed.Values()
	names := make([]string, 0, values.Len())
	fix := ""
	// The value 0 says that nothing was written, so it is not a thing to write.
	for i := 1; i < values.Len(); i++ {
		name := string(values.Get(i).Name())
		if n.Kind == yaml.ScalarNode && fold(n.Value) == fold(name) {
			fix = "write " + name
		}
		names = append(names, name)
	}
	want := "one of " + strings.Join(names, ", ")
	if f, bad := scalarFault(n, want); bad {
		return protoreflect.Value{}, f, false
	}
	if v := values.ByName(protoreflect.Name(n.Value)); v != nil && v.Number() != 0 && n.Tag == "!!str" {
		return protoreflect.ValueOfEnum(v.Number()), fault{}, true
	}
	if n.Tag != "!!str" {
		return protoreflect.Value{}, wrongType(n, want, fix), false
	}
	return protoreflect.Value{}, fault{CodeType, "there is no such value; " + want + " belongs here", fix}, false
}

// intValue reads a decimal integer. The protobuf JSON mapping writes 64-bit
// integers as strings, so those may be quoted.
func intValue(n *yaml.Node, bits int) (int64, fault, bool) {
	const want = "a whole number"
	if f, bad := scalarFault(n, want); bad {
		return 0, f, false
	}
	if n.Tag != "!!int" && (bits != 64 || n.Tag != "!!str") {
		fix := ""
		if _, err := strconv.ParseInt(n.Value, 10, bits); err == nil {
			fix = "write " + n.Value + " without quotes"
		}
		return 0, wrongType(n, want, fix), false
	}
	i, err := strconv.ParseInt(n.Value, 10, bits)
	if err != nil || strconv.FormatInt(i, 10) != n.Value {
		return 0, fault{CodeType, "this is not a decimal whole number of " + strconv.Itoa(bits) + " bits", ""}, false
	}
	return i, fault{}, true
}

func durationValue(n *yaml.Node) (protoreflect.Value, fault, bool) {
	const want = "a number of seconds such as 600s"
	if f, bad := scalarFault(n, want); bad {
		return protoreflect.Value{}, f, false
	}
	var d durationpb.Duration
	if n.Tag == "!!str" && unmarshalString(n.Value, &d) {
		return protoreflect.ValueOfMessage(d.ProtoReflect()), fault{}, true
	}
	fix := ""
	if n.Tag == "!!int" {
		fix = "write " + n.Value + "s"
	} else if parsed, err := time.ParseDuration(n.Value); err == nil && parsed%time.Second == 0 {
		fix = "write " + strconv.FormatInt(int64(parsed/time.Second), 10) + "s"
	}
	return protoreflect.Value{}, wrongType(n, want, fix), false
}

func timestampValue(n *yaml.Node) (protoreflect.Value, fault, bool) {
	const want = `a moment such as "2027-01-31T00:00:00Z"`
	if f, bad := scalarFault(n, want); bad {
		return protoreflect.Value{}, f, false
	}
	var t timestamppb.Timestamp
	if (n.Tag == "!!str" || n.Tag == "!!timestamp") && unmarshalString(n.Value, &t) {
		return protoreflect.ValueOfMessage(t.ProtoReflect()), fault{}, true
	}
	fix := ""
	for _, layout := range []string{time.DateOnly, time.DateTime} {
		if parsed, err := time.Parse(layout, n.Value); err == nil {
			fix = `write "` + parsed.Format(time.RFC3339) + `"`
		}
	}
	return protoreflect.Value{}, wrongType(n, want, fix), false
}

// unmarshalString reads a message that the JSON mapping writes as one string.
func unmarshalString(s string, m proto.Message) bool {
	if len(s) > 64 {
		return false
	}
	return protojson.Unmarshal([]byte(strconv.Quote(s)), m) == nil
}
