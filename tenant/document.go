package tenant

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// Document is one tenant document without a problem.
type Document struct {
	// Tenant is what the document says, with hosts in canonical form. It belongs to the
	// caller; changing it changes neither Record nor what Advise says.
	Tenant *tenantv1.Tenant
	// Record is the document compiled.
	Record *Record

	text  *text
	specs []specAt
}

// specAt is a policy of the document and where it stands.
type specAt struct {
	path string
	spec policy.Spec
}

// Decode reads every document of data, YAML or JSON, and returns those without
// a problem. file names the source in problems and need not exist. broken are
// records, without a policy, of documents whose id or hosts could be read: put into a
// snapshot, they keep those hosts from falling to the default tenant.
// problems holds all problems of all documents. Documents without content are
// skipped.
func Decode(file string, data []byte) (good []*Document, broken []*Record, problems Problems) {
	index := 0
	for t := range documents(file, data) {
		if t.blank() {
			continue
		}
		t.index = index
		index++
		doc, record, found := decode(t)
		switch {
		case doc != nil:
			good = append(good, doc)
		case record != nil:
			broken = append(broken, record)
		}
		problems = append(problems, found...)
	}
	return good, broken, problems
}

// Parse reads data, which must hold exactly one document, YAML or JSON. The
// error is a [Problems].
func Parse(file string, data []byte) (*Document, error) {
	good, broken, problems := Decode(file, data)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if n := len(good) + len(broken); n != 1 {
		return nil, Problems{{File: file, Problem: policy.Problem{
			Code: CodeSyntax, Detail: fmt.Sprintf("holds %d documents; one belongs here", n),
		}}}
	}
	return good[0], nil
}

// decode takes one document through its phases: text, message, shape, meaning.
func decode(t *text) (*Document, *Record, Problems) {
	c := &collector{doc: t, id: t.key}
	if line, column, p, ok := t.parse(); !ok {
		c.add(line, column, p)
		return nil, nil, c.sorted()
	}
	m := &tenantv1.Tenant{}
	decodeMessage(c, m)
	if c.id == "" && validID(m.GetId()) {
		c.id = m.GetId()
	}
	tombstone := t.key != "" && m.GetDeleted()
	c.nextPhase()
	checkRequired(c, m, tombstone)
	c.nextPhase()
	checkShape(c, m)
	c.nextPhase()

	record := recordOf(m)
	record.id, record.source = c.id, t.source()
	record.hosts = canonicalHosts(c, m.GetHosts())
	checkPlace(c, m)
	comp := &compiler{collector: c}
	if !tombstone {
		comp.compile(record, m)
	}
	if len(c.problems) > 0 {
		if record.id == "" && len(record.hosts) == 0 {
			return nil, nil, c.sorted()
		}
		return nil, &Record{id: record.id, hosts: record.hosts, source: record.source}, c.sorted()
	}
	record.own()
	m.Hosts = slices.Clone(record.hosts)
	t.root = nil // parsed again for advice; a tree is many times its text
	return &Document{Tenant: m, Record: record, text: t, specs: comp.specs}, record, nil
}

// recordOf takes from m what needs no compiling.
func recordOf(m *tenantv1.Tenant) *Record {
	return &Record{
		mode: modeOf(m.GetMode()), revision: m.GetRevision(), deleted: m.GetDeleted(),
		maxStale: m.GetMaxStale().AsDuration(), tier: tierOf(m.GetLabels()[tierLabel]),
	}
}

// source is the place of the document's first field, nil for a document of a store.
func (t *text) source() *source {
	if t.key != "" {
		return nil
	}
	line, column := t.place(t.root.Line, t.root.Column)
	return &source{file: t.file, document: t.index, line: line, column: column}
}

func modeOf(m tenantv1.Tenant_Mode) mode {
	switch m {
	case tenantv1.Tenant_SHADOW:
		return modeShadow
	case tenantv1.Tenant_OFF:
		return modeOff
	default:
		return modeEnforce
	}
}

// checkPlace reports a document that does not belong where it was found.
func checkPlace(c *collector, m *tenantv1.Tenant) {
	switch key := c.doc.key; {
	case key == "" && m.GetDeleted():
		c.addAt(policy.Problem{
			Path: "deleted", Code: CodeDeleted, Detail: "a deleted tenant has no document",
			Fix: "remove the document",
		})
	case key != "" && m.GetId() != key:
		c.addAt(policy.Problem{
			Path: "id", Value: m.GetId(), Code: CodeIDMismatch, Detail: "the document is stored under another id",
			Fix: "write " + key + ", or store it under its own id",
		})
	}
}

// checkRequired reports what must be there and is not, before the shape of an
// empty value is judged. A tombstone needs no policy.
func checkRequired(c *collector, m *tenantv1.Tenant, tombstone bool) {
	missing := func(path string) {
		c.addAt(policy.Problem{Path: path, Code: CodeRequired, Detail: "the field is missing"})
	}
	if m.GetId() == "" {
		missing("id")
	}
	if m.GetPolicy() == nil && !tombstone {
		missing("policy")
	}
}

// checkShape reports what the annotations of tenant.proto refuse.
func checkShape(c *collector, m proto.Message) {
	err := protovalidate.Validate(m)
	if err == nil {
		return
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		c.addAt(policy.Problem{Code: CodeFormat, Detail: "the document cannot be validated: " + err.Error()})
		return
	}
	for _, v := range invalid.Violations {
		path := protovalidate.FieldPathString(v.Proto.GetField())
		c.addAt(policy.Problem{
			Path: path, Value: shapeValue(v.FieldValue),
			Code: shapeCode(v.Proto.GetRuleId()), Detail: shapeDetail(path, v.Proto),
		})
	}
}

// shapeValue is a scalar as text, or "".
func shapeValue(v protoreflect.Value) string {
	switch value := v.Interface().(type) {
	case string, int32, int64:
		return fmt.Sprint(value)
	}
	return ""
}

// shapeCode maps the rules of protovalidate to codes of ours, which are stable.
func shapeCode(rule string) policy.Code {
	switch {
	case rule == "required":
		return CodeRequired
	case strings.HasPrefix(rule, "repeated.max"), strings.HasPrefix(rule, "map.max"):
		return CodeTooMany
	case strings.HasPrefix(rule, "string.max"):
		return CodeTooLong
	case strings.HasPrefix(rule, "int"), strings.HasPrefix(rule, "duration"):
		return CodeRange
	case rule == "repeated.unique":
		return CodeDuplicate
	default:
		return CodeFormat
	}
}

// shapeDetail says what is allowed, where protovalidate would show a regular
// expression or stay general.
func shapeDetail(path string, v *validate.Violation) string {
	const name = "a name is of a-z, 0-9, dot, underscore and hyphen, and starts and ends with a letter or digit"
	switch rule := v.GetRuleId(); {
	case rule == "required":
		return "the field is missing"
	case rule != "string.pattern":
		return "the value " + strings.TrimPrefix(v.GetMessage(), "value ")
	case path == "id" || v.GetForKey():
		return name
	case strings.HasPrefix(path, "labels"):
		return "a label holds visible ascii and blanks only"
	default:
		return "the text holds a control character"
	}
}
