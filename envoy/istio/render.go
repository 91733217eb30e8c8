package istio

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/page"
)

// Render gives the objects as YAML documents with comments for operators. Equal options give
// equal bytes. The error joins an [*envoy.OptionError] for every option that is wrong.
func Render(o Options) ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	var b builder
	filter, comments, err := o.envoyFilter()
	if err != nil {
		return nil, err
	}
	b.add(filter, comments)
	b.add(o.destinationRule())
	if len(o.Service.Selector) > 0 {
		b.add(o.service())
	}
	if o.Service.Mesh {
		b.add(o.peerAuthentication())
	}
	if err := errors.Join(b.errs...); err != nil {
		return nil, fmt.Errorf("printing the objects: %w", err)
	}
	return page.Render(o.preamble(), b.docs...)
}

type builder struct {
	docs []page.Document
	errs []error
}

func (b *builder) add(o object, comments []page.Comment) {
	root, err := page.Of(o)
	b.errs = append(b.errs, err)
	b.docs = append(b.docs, page.Document{Root: root, Comments: comments})
}

// contexts are Istio's names for the listeners that take requests, and for the clusters of the same proxy.
func (o *Options) contexts() (in, out string) {
	if o.Place == Sidecar {
		return "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"
	}
	return "GATEWAY", "GATEWAY"
}

func (o *Options) envoyFilter() (object, []page.Comment, error) {
	in, out := o.contexts()
	attachment := envoy.Attachment{
		Design: o.Design, Cluster: o.Service.cluster(), MessageTimeout: o.MessageTimeout, FailOpen: o.FailOpen,
	}
	filters, err := attachment.Filters()
	if err != nil {
		return object{}, nil, err
	}
	spec := envoyFilter{}
	for _, g := range o.Gateways {
		spec.TargetRefs = append(spec.TargetRefs, targetRef{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: g})
	}
	if len(o.Workload) > 0 {
		spec.WorkloadSelector = &labels{o.Workload}
	}
	comments := []page.Comment{page.At("spec/configPatches", `Each patch puts its filter first, so that the one which ends up at the head of the chain stands last here: `+chain(filters)+`, and then Istio's own, authentication and authorization among them. A preflight carries no credentials and must be answered before those, and their 401 and 403 need CORS headers too.`)}
	for _, f := range slices.Backward(filters) {
		value, err := page.Node(f.Config)
		if err != nil {
			return object{}, nil, err
		}
		p := patch{ApplyTo: "HTTP_FILTER", Match: match{Context: in, Listener: &listenerMatch{}}, Patch: edit{Operation: "INSERT_FIRST", Value: value}}
		p.Match.Listener.FilterChain.Filter.Name = "envoy.filters.network.http_connection_manager"
		at := "spec/configPatches/" + strconv.Itoa(len(spec.ConfigPatches))
		comments = append(comments, above(at, f.Comments)...)
		spec.ConfigPatches = append(spec.ConfigPatches, p)
	}
	cluster, err := o.clusterPatch()
	if err != nil {
		return object{}, nil, err
	}
	value, err := page.Node(cluster)
	if err != nil {
		return object{}, nil, err
	}
	at := "spec/configPatches/" + strconv.Itoa(len(spec.ConfigPatches))
	spec.ConfigPatches = append(spec.ConfigPatches, patch{
		ApplyTo: "CLUSTER",
		Match:   match{Context: out, Cluster: &clusterMatch{Service: o.Service.host(), PortNumber: o.Service.Port}},
		Patch:   edit{Operation: "MERGE", Value: value},
	})
	comments = append(comments, clusterComments(at)...)
	return object{
		APIVersion: "networking.istio.io/v1alpha3", Kind: "EnvoyFilter",
		Metadata: metadata{Name: o.Name, Namespace: o.Namespace}, Spec: spec,
	}, comments, nil
}

// above moves the remark on a filter itself up to its patch.
func above(at string, comments []page.Comment) []page.Comment {
	out := page.Below(at+"/patch/value", comments)
	for i := range out {
		if comments[i].Path == "" {
			out[i].Path = at
		}
	}
	return out
}

func chain(filters []envoy.Filter) string {
	var names []string
	for _, f := range filters {
		names = append(names, f.Config.GetName())
	}
	return strings.Join(names, ", ")
}

// clusterPatch are the settings of [envoy.ProcessorCluster] for which a DestinationRule has no words.
func (o *Options) clusterPatch() (*clusterv3.Cluster, error) {
	whole, _, err := envoy.ProcessorCluster(o.Service.cluster(), []string{o.Service.host() + ":" + strconv.Itoa(o.Service.Port)}, nil)
	if err != nil {
		return nil, err
	}
	return &clusterv3.Cluster{
		CommonLbConfig:                &clusterv3.Cluster_CommonLbConfig{UpdateMergeWindow: whole.GetCommonLbConfig().GetUpdateMergeWindow()},
		TypedExtensionProtocolOptions: whole.GetTypedExtensionProtocolOptions(),
		HealthChecks:                  whole.GetHealthChecks(),
	}, nil
}

func clusterComments(at string) []page.Comment {
	value := at + "/patch/value"
	return []page.Comment{
		page.At(at, `What a DestinationRule has no words for. It is merged into the cluster that Istio makes of the Service.`),
		page.At(value+"/common_lb_config", `A change of health reaches the workers at once; by default a second one within a second waits.`),
		page.At(value+"/health_checks", `Finds a process that hangs or is about to stop within a second, before Kubernetes says so. no_traffic_interval counts until the first request; its default of 60 s would leave a new process unchecked.`),
		page.At(value+"/typed_extension_protocol_options", `gRPC needs HTTP/2. The pings find connections that died silently; corsgate allows them.`),
	}
}
