package istio

import (
	"slices"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/page"
)

// contexts are Istio's names for the listeners that take requests, and for the clusters of the same proxy.
func (o *Options) contexts() (in, out string) {
	if o.Place == Sidecar {
		return "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"
	}
	return "GATEWAY", "GATEWAY"
}

// envoyFilter puts the filters into the listeners and tunes the cluster.
func (o *Options) envoyFilter() (page.Object, error) {
	filters, err := o.attachment().Filters()
	if err != nil {
		return page.Object{}, err
	}
	in, out := o.contexts()
	listeners := object{
		{"context", in},
		{"listener", object{{"filterChain", object{{"filter", object{{"name", "envoy.filters.network.http_connection_manager"}}}}}}},
	}
	p := patcher{comments: []page.Comment{page.At("spec/configPatches", `Each patch puts its filter first, so that the one which ends up at the head of the chain stands last here: `+chain(filters)+`, and then Istio's own, authentication and authorization among them. A preflight carries no credentials and must be answered before those, and their 401 and 403 need CORS headers too.`)}}
	for _, f := range slices.Backward(filters) {
		if err := p.add("HTTP_FILTER", listeners, "INSERT_FIRST", f.Config, f.Comments); err != nil {
			return page.Object{}, err
		}
	}
	cluster, err := o.clusterPatch()
	if err != nil {
		return page.Object{}, err
	}
	clusters := object{{"context", out}, {"cluster", object{{"service", o.Service.host()}, {"portNumber", o.Service.Port}}}}
	if err := p.add("CLUSTER", clusters, "MERGE", cluster, clusterComments()); err != nil {
		return page.Object{}, err
	}
	return page.Object{
		APIVersion: "networking.istio.io/v1alpha3", Kind: "EnvoyFilter", Namespace: o.Namespace, Name: o.Name,
		Spec: append(o.proxies(), page.Member{"configPatches", p.patches}), Comments: p.comments,
	}, nil
}

// proxies say whose the listeners are.
func (o *Options) proxies() object {
	if len(o.Workload) > 0 {
		return object{{"workloadSelector", object{{"labels", o.Workload}}}}
	}
	var refs []object
	for _, g := range o.Gateways {
		refs = append(refs, object{{"group", "gateway.networking.k8s.io"}, {"kind", "Gateway"}, {"name", g}})
	}
	return object{{"targetRefs", refs}}
}

// patcher collects patches.
type patcher struct {
	patches  []object
	comments []page.Comment
}

func (p *patcher) add(to string, match object, operation string, value proto.Message, comments []page.Comment) error {
	node, err := page.Node(value)
	if err != nil {
		return err
	}
	at := "spec/configPatches/" + strconv.Itoa(len(p.patches))
	p.comments = append(p.comments, above(at, comments)...)
	p.patches = append(p.patches, object{
		{"applyTo", to},
		{"match", match},
		{"patch", object{{"operation", operation}, {"value", node}}},
	})
	return nil
}

// above moves the remark on a value itself up to its patch.
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
	whole, _, err := envoy.ProcessorCluster(o.Service.cluster(""), []string{o.Service.host() + ":" + strconv.Itoa(o.Service.Port)}, nil)
	if err != nil {
		return nil, err
	}
	return &clusterv3.Cluster{
		CommonLbConfig:                &clusterv3.Cluster_CommonLbConfig{UpdateMergeWindow: whole.GetCommonLbConfig().GetUpdateMergeWindow()},
		TypedExtensionProtocolOptions: whole.GetTypedExtensionProtocolOptions(),
		HealthChecks:                  whole.GetHealthChecks(),
		IgnoreHealthOnHostRemoval:     true,
	}, nil
}

func clusterComments() []page.Comment {
	return []page.Comment{
		page.At("", `What a DestinationRule has no words for. It is merged into the cluster that Istio makes of the Service.`),
		page.At("common_lb_config", `A change of health reaches the workers at once; by default a second one within a second waits.`),
		page.At("health_checks", `Finds a process that hangs or is about to stop within a second, before Kubernetes says so. no_traffic_interval counts until the first request; its default of 60 s would leave a new process unchecked.`),
		page.At("ignore_health_on_host_removal", `A pod that Kubernetes has removed is asked no more, also if another that answers has got its address.`),
		page.At("typed_extension_protocol_options", `gRPC needs HTTP/2. The pings find connections that died silently; corsgate allows them.`),
	}
}
