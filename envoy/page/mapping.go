package page

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Mapping is a mapping whose members stay in order.
type Mapping []Member

// Member is a key of a [Mapping], which is a string, and what it has: a plain value, a list, a
// Mapping or a node.
type Member [2]any

// MarshalYAML makes m a mapping. The error names the member that cannot be printed.
func (m Mapping) MarshalYAML() (any, error) {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, one := range m {
		for _, part := range one {
			var node yaml.Node
			if err := node.Encode(part); err != nil {
				return nil, fmt.Errorf("%v: %w", one[0], err)
			}
			out.Content = append(out.Content, &node)
		}
	}
	return out, nil
}

// Object is an object of Kubernetes.
type Object struct {
	APIVersion, Kind string
	Namespace, Name  string
	Spec             Mapping
	// Comments stand in it.
	Comments []Comment
}

// RenderObjects gives the objects as [Render] gives documents. The error also says which of them
// cannot be printed.
func RenderObjects(head string, objects ...Object) ([]byte, error) {
	var docs []Document
	for _, o := range objects {
		root := new(yaml.Node)
		if err := root.Encode(Mapping{
			{"apiVersion", o.APIVersion},
			{"kind", o.Kind},
			{"metadata", Mapping{{"namespace", o.Namespace}, {"name", o.Name}}},
			{"spec", o.Spec},
		}); err != nil {
			return nil, fmt.Errorf("printing %s %s: %w", o.Kind, o.Name, err)
		}
		docs = append(docs, Document{Root: root, Comments: o.Comments})
	}
	return Render(head, docs...)
}
