package gateway

import (
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/envoy/page"
)

// object is a mapping whose members stay in order.
type object []member

type member struct {
	Key   string
	Value any
}

// MarshalYAML makes o a mapping.
func (o object) MarshalYAML() (any, error) {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, m := range o {
		var value yaml.Node
		if err := value.Encode(m.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Key, err)
		}
		out.Content = append(out.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: m.Key}, &value)
	}
	return out, nil
}

// resource is one document.
type resource struct {
	apiVersion, kind string
	at               Object
	spec             object
	comments         []page.Comment
}

func (r resource) document() (page.Document, error) {
	root := new(yaml.Node)
	err := root.Encode(object{
		{"apiVersion", r.apiVersion},
		{"kind", r.kind},
		{"metadata", object{{"namespace", r.at.Namespace}, {"name", r.at.Name}}},
		{"spec", r.spec},
	})
	return page.Document{Root: root, Comments: r.comments}, err
}

// The groups of the resources, and versions of them.
const (
	gatewayGroup = "gateway.networking.k8s.io"
	gatewayV1    = gatewayGroup + "/v1"
	grantV1      = gatewayGroup + "/v1beta1"
	envoyGroup   = "gateway.envoyproxy.io"
	envoyV1      = envoyGroup + "/v1alpha1"
)

// millis is a duration as the Gateway API writes it.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }
