package envoy

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Render gives the configuration of [Bootstrap] as YAML with comments for operators. Equal
// options give equal bytes. The error is that of Bootstrap, or says which extra filter
// could not be printed.
func Render(o Options) ([]byte, error) {
	boot, err := Bootstrap(o)
	if err != nil {
		return nil, err
	}
	doc, err := tree(boot)
	if err != nil {
		return nil, fmt.Errorf("printing the configuration: %w", err)
	}
	var missing []error
	for _, c := range comments(&o) {
		missing = append(missing, annotate(doc, c))
	}
	if err := errors.Join(missing...); err != nil {
		return nil, fmt.Errorf("commenting the configuration: %w", err)
	}
	compact(doc, 0)

	var out bytes.Buffer
	out.WriteString(preamble(&o))
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return out.Bytes(), enc.Close()
}

// tree prints m as JSON, with the field names of Envoy's documentation and in the order of
// its definitions, and reads that as YAML, of which JSON is a part.
func tree(m proto.Message) (*yaml.Node, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}
