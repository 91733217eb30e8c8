package istio

import (
	"fmt"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/page"
)

// object is a mapping whose members stay in order.
type object = page.Mapping

// Render gives the objects as YAML documents with comments for operators. Equal options give
// equal bytes. The error joins an [*envoy.OptionError] for every option that is wrong.
func Render(o Options) ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	filter, err := o.envoyFilter()
	if err != nil {
		return nil, fmt.Errorf("building the EnvoyFilter: %w", err)
	}
	objects := []page.Object{filter, o.destinationRule()}
	if len(o.Service.Selector) > 0 {
		objects = append(objects, o.service())
	}
	if o.Service.Mesh {
		objects = append(objects, o.peerAuthentication())
	}
	return page.RenderObjects(o.preamble(), objects...)
}

func (o *Options) preamble() string {
	what := map[envoy.Design]string{
		envoy.TwoCallbacks: "Design A: corsgate sees the request and the response of every exchange.",
		envoy.Metadata: "Design C: corsgate sees only requests that carry an Origin, once; the proxy writes the decision onto the response. " +
			"While no corsgate answers, no CORS header leaves the proxy, not even the application's.",
	}[o.Design]
	return "corsgate for Istio. Made by `corsgate render istio --design " + string(o.Design) + "`; change its flags rather than this file.\n\n" + what + "\n\n" +
		"Remove corsPolicy from VirtualServices and CORS filters from HTTPRoutes of these hosts: corsgate answers in their place. " +
		"Set meshConfig.pathNormalization.normalization to DECODE_AND_MERGE_SLASHES if policies depend on paths."
}
