package document

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// MarshalJSON writes m as one line of JSON with snake_case names and sorted
// labels. Equal documents give equal bytes.
func MarshalJSON(m *tenantv1.Tenant) ([]byte, error) {
	loose, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("marshalling tenant %q: %w", m.GetId(), err)
	}
	// protojson varies its blanks from build to build, on purpose.
	var b bytes.Buffer
	if err := json.Compact(&b, loose); err != nil {
		return nil, fmt.Errorf("marshalling tenant %q: %w", m.GetId(), err)
	}
	return b.Bytes(), nil
}

// MarshalYAML writes m as a YAML document with snake_case names and sorted
// labels. Equal documents give equal bytes.
func MarshalYAML(m *tenantv1.Tenant) ([]byte, error) {
	line, err := MarshalJSON(m)
	if err != nil {
		return nil, err
	}
	t := text{data: line}
	var node yaml.Node
	if err := yaml.Unmarshal(t.plainJSON(), &node); err != nil {
		return nil, fmt.Errorf("marshalling tenant %q: %w", m.GetId(), err)
	}
	unstyle(&node)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&node); err != nil {
		return nil, fmt.Errorf("marshalling tenant %q: %w", m.GetId(), err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("marshalling tenant %q: %w", m.GetId(), err)
	}
	return b.Bytes(), nil
}

// unstyle drops the braces and quotes of JSON; the encoder puts quotes where
// YAML needs them.
func unstyle(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		unstyle(child)
	}
}
