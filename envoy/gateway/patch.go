package gateway

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/page"
)

const (
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
)

// cluster is that of the processors.
func (o *Options) cluster() (*clusterv3.Cluster, []page.Comment, error) {
	p := &o.Processor
	addresses := p.Addresses
	if len(addresses) == 0 {
		name := p.Service.Name + "." + p.Service.Namespace + ".svc.cluster.local"
		addresses = []string{net.JoinHostPort(name, strconv.Itoa(p.Port))}
	}
	return envoy.ProcessorCluster(envoy.ClusterProcessor, addresses, p.TLS)
}

// patch is the one policy. Envoy Gateway applies its patches in turn and, when one fails, keeps
// the others: each therefore holds only where those before it do.
func (o *Options) patch() ([]page.Object, error) {
	b := patcher{comments: []page.Comment{page.At("apiVersion",
		`Envoy Gateway applies these patches in turn, and one that it cannot apply does not stop the others. They stand in the order in which half of them is still closed: `+
			`what removes CORS headers comes first, and what asks corsgate only where all that it needs is there already.`)}}
	if err := b.cluster(o); err != nil {
		return nil, err
	}
	filters, err := o.attachment().Filters()
	if err != nil {
		return nil, err
	}
	for i, l := range o.Listeners {
		b.listener(o.Gateway.Namespace+"/"+o.Gateway.Name+"/"+l, filters, i == 0)
	}
	if b.err != nil {
		return nil, b.err
	}
	return []page.Object{{
		APIVersion: envoyV1, Kind: "EnvoyPatchPolicy", Namespace: o.Gateway.Namespace, Name: Name,
		Spec: object{
			{"targetRef", object{{"group", gatewayGroup}, {"kind", "Gateway"}, {"name", o.Gateway.Name}}},
			{"type", "JSONPatch"},
			{"jsonPatches", b.patches},
		},
		Comments: b.comments,
	}}, nil
}

// patcher collects patches.
type patcher struct {
	patches  []object
	comments []page.Comment
	err      error
}

func (b *patcher) add(kind, name string, operation object) (path string) {
	b.patches = append(b.patches, object{{"type", kind}, {"name", name}, {"operation", operation}})
	return "spec/jsonPatches/" + strconv.Itoa(len(b.patches)-1)
}

func (b *patcher) cluster(o *Options) error {
	c, comments, err := o.cluster()
	if err != nil {
		return err
	}
	preflights := envoy.PreflightCluster(envoy.ClusterPreflight, c)
	return errors.Join(b.addCluster(c, comments), b.addCluster(preflights, envoy.PreflightClusterComments()))
}

func (b *patcher) addCluster(c *clusterv3.Cluster, comments []page.Comment) error {
	value, err := page.Node(c)
	if err != nil {
		return err
	}
	at := b.add(clusterType, c.GetName(), object{{"op", "add"}, {"path", ""}, {"value", value}})
	b.comments = append(b.comments, page.Below(at+"/operation/value", comments)...)
	return nil
}

// listener puts the filters at the head of every chain of one listener, be it of HTTP (one chain)
// or of HTTPS (one for each certificate).
func (b *patcher) listener(name string, filters []envoy.Filter, commented bool) {
	head := applyFirst(filters)
	for n, i := range head {
		value, err := page.Node(filters[i].Config)
		if err != nil && b.err == nil {
			b.err = err
		}
		chain, place := where(filters, head[:n], i)
		at := b.add(listenerType, name, object{{"op", "add"}, {"jsonPath", chain}, {"path", "/http_filters/" + strconv.Itoa(place)}, {"value", value}})
		if !commented {
			continue
		}
		b.comments = append(b.comments, page.Below(at+"/operation/value", filters[i].Comments)...)
		if n == 1 {
			b.comments = append(b.comments, page.At(at+"/operation/jsonPath", `Only where the filters of the patches above stand already.`))
		}
	}
}

// applyFirst are the indices of the filters in the order in which they are put in: what removes
// CORS headers, what else stands on the way back, and last what asks.
func applyFirst(filters []envoy.Filter) []int {
	var first, rest, last []int
	for i, f := range filters {
		switch f.Config.GetName() {
		case envoy.FilterApply:
			first = append(first, i)
		case envoy.FilterDecide:
			last = append(last, i)
		default:
			rest = append(rest, i)
		}
	}
	return append(append(first, rest...), last...)
}

// where is the place of filter i in a chain at whose head the filters put in already stand, in
// their order, and the expression that finds such chains.
func where(filters []envoy.Filter, in []int, i int) (chain string, place int) {
	if len(in) == 0 {
		return `$..filters[?(@.name=='envoy.filters.network.http_connection_manager')].typed_config`, 0
	}
	condition := ""
	at := 0
	for k := range filters {
		if !slices.Contains(in, k) {
			continue
		}
		if condition != "" {
			condition += " && "
		}
		condition += fmt.Sprintf("@.typed_config.http_filters[%d].name=='%s'", at, filters[k].Config.GetName())
		if k < i {
			place = at + 1
		}
		at++
	}
	return "$..filters[?(" + condition + ")].typed_config", place
}
