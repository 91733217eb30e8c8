// Package page prints configuration for people: YAML made of Envoy's own types
// or of mappings, with a remark above each place that needs one.
package page

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Document is one YAML document.
type Document struct {
	// Root is its content.
	Root *yaml.Node
	// Comments stand in it. Each must find its place.
	Comments []Comment
}

// Node prints m as JSON, with the field names of Envoy's documentation and in the order of
// its definitions, and reads that as YAML, of which JSON is a part. The error says what m
// holds that cannot be printed.
func Node(m proto.Message) (*yaml.Node, error) {
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

// Render gives the documents as one stream below a head of comment lines. Equal documents
// give equal bytes. The error names every comment whose place is not there.
func Render(head string, docs ...Document) ([]byte, error) {
	var missing []error
	for _, d := range docs {
		for _, c := range d.Comments {
			missing = append(missing, annotate(d.Root, c))
		}
		compact(d.Root, 0)
	}
	if err := errors.Join(missing...); err != nil {
		return nil, fmt.Errorf("commenting the configuration: %w", err)
	}
	var out bytes.Buffer
	out.WriteString(Wrap(head) + "\n")
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	for _, d := range docs {
		if err := enc.Encode(d.Root); err != nil {
			return nil, fmt.Errorf("writing YAML: %w", err)
		}
	}
	return out.Bytes(), enc.Close()
}
