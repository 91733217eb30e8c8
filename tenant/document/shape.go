package document

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// Limits of a tenant document. The same limits hold where documents are
// written and where they are loaded; those with a field are also written
// beside it in tenant.proto. Those of an id and a path_prefix are package tenant's.
const (
	// MaxDocumentBytes bounds the text of one document.
	MaxDocumentBytes = 1 << 20
	// MaxHosts bounds the hosts of one tenant.
	MaxHosts = 1000
	// MaxRoutes bounds the routes of one tenant, and of one candidate.
	MaxRoutes = 100
	// MaxOrigins bounds the origins, and the temporary origins, of one policy.
	MaxOrigins = 10_000
	// MaxMethods bounds the methods of one policy.
	MaxMethods = 100
	// MaxHeaderNames bounds the request headers, and the exposed headers, of one policy.
	MaxHeaderNames = 500
	// MaxLabels bounds the labels of one tenant.
	MaxLabels = 32
)

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
