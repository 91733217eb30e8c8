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

// scalarValue reads one value of fd's type, as the protobuf JSON mapping writes it. A fault without a code is none.
func scalarValue(n *yaml.Node, fd protoreflect.FieldDescriptor) (v protoreflect.Value, f fault) {
	if f = indirect(n); f.code != "" {
		return v, f
	}
	want, read := scalarReader(fd)
	fix := ""
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		v, fix = read(n)
	}
	if !v.IsValid() {
		return v, wrongType(n, want, fix)
	}
	return v, fault{}
}

// indirect finds what makes a node mean something else than it says.
func indirect(n *yaml.Node) fault {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return fault{CodeReference, "documents have no anchors and aliases", "write the value out"}
	case n.Style&yaml.TaggedStyle != 0:
		return fault{CodeTag, "documents have no tags", "remove the tag"}
	}
	return fault{}
}

// scalarReader says how a value of fd's type is read and what people call it. What is read is not valid
// when it is no such value; fix is then what to write instead, if anybody can tell.
func scalarReader(fd protoreflect.FieldDescriptor) (want string, read func(*yaml.Node) (v protoreflect.Value, fix string)) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return "a string", stringValue
	case protoreflect.BoolKind:
		return "true or false", boolValue
	case protoreflect.EnumKind:
		names := enumNames(fd.Enum())
		return "one of " + strings.Join(names, ", "), func(n *yaml.Node) (protoreflect.Value, string) {
			return enumValue(n, names, fd.Enum())
		}
	case protoreflect.Int32Kind:
		return "a decimal whole number of 32 bits", int32Value
	case protoreflect.Int64Kind:
		return "a decimal whole number of 64 bits", int64Value
	case protoreflect.MessageKind:
		if fd.Message().FullName() == durationName {
			return "a number of seconds such as 600s", durationValue
		}
		return `a moment such as "2027-01-31T00:00:00Z"`, timestampValue
	default:
		return "nothing", func(*yaml.Node) (v protoreflect.Value, fix string) { return v, "" }
	}
}

func stringValue(n *yaml.Node) (v protoreflect.Value, fix string) {
	if n.Tag != "!!str" {
		return v, "write " + strconv.Quote(n.Value) + ", in quotes"
	}
	return protoreflect.ValueOfString(n.Value), ""
}

// boolValue takes true and false: YAML 1.1 readers also take yes, on and True, but a public contract has one spelling.
func boolValue(n *yaml.Node) (v protoreflect.Value, fix string) {
	if n.Tag == "!!bool" && (n.Value == "true" || n.Value == "false") {
		return protoreflect.ValueOfBool(n.Value == "true"), ""
	}
	switch strings.ToLower(n.Value) {
	case "true", "yes", "on":
		fix = "write true"
	case "false", "no", "off":
		fix = "write false"
	}
	return v, fix
}

// enumNames leaves out the value 0: it says that nothing was written, so it is not a thing to write.
func enumNames(ed protoreflect.EnumDescriptor) []string {
	var names []string
	for i := 1; i < ed.Values().Len(); i++ {
		names = append(names, string(ed.Values().Get(i).Name()))
	}
	return names
}

func enumValue(n *yaml.Node, names []string, ed protoreflect.EnumDescriptor) (v protoreflect.Value, fix string) {
	for _, name := range names {
		switch {
		case n.Value == name && n.Tag == "!!str":
			return protoreflect.ValueOfEnum(ed.Values().ByName(protoreflect.Name(name)).Number()), ""
		case fold(n.Value) == fold(name):
			fix = "write " + name
		}
	}
	return v, fix
}

func int32Value(n *yaml.Node) (v protoreflect.Value, fix string) {
	i, ok := decimal(n.Value, 32)
	switch {
	case ok && n.Tag == "!!int":
		v = protoreflect.ValueOfInt32(int32(i)) //nolint:gosec // of 32 bits
	case ok:
		fix = "write " + n.Value + " without quotes"
	}
	return v, fix
}

// int64Value also takes a string, which is how the protobuf JSON mapping writes 64-bit integers.
func int64Value(n *yaml.Node) (v protoreflect.Value, fix string) {
	if i, ok := decimal(n.Value, 64); ok && (n.Tag == "!!int" || n.Tag == "!!str") {
		v = protoreflect.ValueOfInt64(i)
	}
	return v, ""
}

// decimal reads a number that is written in the only way.
func decimal(s string, bits int) (int64, bool) {
	i, err := strconv.ParseInt(s, 10, bits)
	return i, err == nil && strconv.FormatInt(i, 10) == s
}

func durationValue(n *yaml.Node) (v protoreflect.Value, fix string) {
	var d durationpb.Duration
	if n.Tag == "!!str" && unmarshalString(n.Value, &d) {
		return protoreflect.ValueOfMessage(d.ProtoReflect()), ""
	}
	if n.Tag == "!!int" {
		return v, "write " + n.Value + "s"
	}
	if parsed, err := time.ParseDuration(n.Value); err == nil && parsed%time.Second == 0 {
		fix = "write " + strconv.FormatInt(int64(parsed/time.Second), 10) + "s"
	}
	return v, fix
}

func timestampValue(n *yaml.Node) (v protoreflect.Value, fix string) {
	var t timestamppb.Timestamp
	if (n.Tag == "!!str" || n.Tag == "!!timestamp") && unmarshalString(n.Value, &t) {
		return protoreflect.ValueOfMessage(t.ProtoReflect()), ""
	}
	for _, layout := range []string{time.DateOnly, time.DateTime} {
		if parsed, err := time.Parse(layout, n.Value); err == nil {
			fix = `write "` + parsed.Format(time.RFC3339) + `"`
		}
	}
	return v, fix
}

// unmarshalString reads a message that the JSON mapping writes as one string.
func unmarshalString(s string, m proto.Message) bool {
	if len(s) > 64 {
		return false
	}
	return protojson.Unmarshal([]byte(strconv.Quote(s)), m) == nil
}
