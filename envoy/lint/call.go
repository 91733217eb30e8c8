package lint

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/envoy/wire"
)

// call is an external processing filter that asks corsgate, as it is for some requests: the one
// in the chain, or what a route makes of it.
type call struct {
	*extprocv3.ExternalProcessor
	// manager, filter and position are where it stands.
	manager  *manager
	filter   *filter
	position int
	at       Place
	serves   serves
	// route is nil for the one in the chain, and metadata is what it adds to that of the filter.
	route    *override
	metadata []*corev3.HeaderValue
}

// group is what findings of one filter have in common, whatever routes make of it.
func (c *call) group() string { return c.manager.group() + "\x00" + c.filter.name }

// sendsRequest and sendsResponse say which headers the processor sees. The default is to send.
func (c *call) sendsRequest() bool {
	return c.GetProcessingMode().GetRequestHeaderMode() != extprocv3.ProcessingMode_SKIP
}

func (c *call) sendsResponse() bool {
	return c.GetProcessingMode().GetResponseHeaderMode() != extprocv3.ProcessingMode_SKIP
}

// byMetadata reports whether the call can have an effect on a response only by what it leaves in
// dynamic metadata: design C.
func (c *call) byMetadata() bool { return c.sendsRequest() && !c.sendsResponse() }

// cluster is the name of the cluster that it asks, "" when it asks no cluster.
func (c *call) cluster() string { return c.GetGrpcService().GetEnvoyGrpc().GetClusterName() }

// Options say what to look for.
type Options struct {
	// Clusters are the names of the processors' clusters; none means that corsgate's calls are recognized
	// by what they are named.
	Clusters []string
}

// isOurs reports whether an external processor is corsgate. There may be others in a chain.
func (o Options) isOurs(p *extprocv3.ExternalProcessor, names ...string) bool {
	g := p.GetGrpcService()
	target := g.GetEnvoyGrpc().GetClusterName() + g.GetGoogleGrpc().GetTargetUri()
	if len(o.Clusters) > 0 {
		return slices.Contains(o.Clusters, target)
	}
	cors := func(s string) bool { return strings.Contains(strings.ToLower(s), "cors") }
	return cors(target) || cors(p.GetHttpService().GetHttpService().GetHttpUri().GetCluster()) || cors(p.GetStatPrefix()) ||
		slices.ContainsFunc(names, cors) || slices.Contains(received(p), wire.Namespace) ||
		slices.ContainsFunc(g.GetInitialMetadata(), func(h *corev3.HeaderValue) bool { return h.GetKey() == wire.GRPCPhase })
}

// received are the namespaces of metadata that the processor may write.
func received(p *extprocv3.ExternalProcessor) []string {
	return p.GetMetadataOptions().GetReceivingNamespaces().GetUntyped()
}

// findCalls finds the calls of a manager.
func (m *manager) findCalls(o Options) {
	for i, f := range m.filters {
		for _, in := range f.inner {
			p, ok := in.config.(*extprocv3.ExternalProcessor)
			if !ok || !o.isOurs(p, f.name, in.name) {
				continue
			}
			c := &call{ExternalProcessor: p, manager: m, filter: f, position: i, at: in.at, serves: in.serves}
			if !f.disabled {
				m.calls = append(m.calls, c)
			}
			m.calls = append(m.calls, c.onRoutes()...)
		}
	}
}

// onRoutes are the calls that routes make of c.
func (c *call) onRoutes() []*call {
	if c.manager.table == nil {
		return nil
	}
	var out []*call
	made := overridden{}
	for i := range c.manager.table.overrides {
		over := &c.manager.table.overrides[i]
		if over.key != c.filter.name {
			continue
		}
		config := over.config
		if fc, ok := config.(*routev3.FilterConfig); ok {
			if fc.GetDisabled() {
				continue
			}
			config = unpack(fc.GetConfig())
		}
		per, _ := config.(*extprocv3.ExtProcPerRoute)
		if per.GetDisabled() {
			continue
		}
		changed := *c
		changed.ExternalProcessor = made.by(c.ExternalProcessor, per.GetOverrides())
		changed.metadata = per.GetOverrides().GetGrpcInitialMetadata()
		changed.at, changed.route = over.at, over
		changed.serves = c.serves.and(over.serves)
		out = append(out, &changed)
	}
	return out
}

// overridden is what routes make of the processor of a filter. Routes that differ in metadata only,
// as those of tenants do, share one.
type overridden map[string]*extprocv3.ExternalProcessor

// by gives p as a route has it, but for initial metadata.
func (m overridden) by(p *extprocv3.ExternalProcessor, o *extprocv3.ExtProcOverrides) *extprocv3.ExternalProcessor {
	rest, ok := proto.Clone(o).(*extprocv3.ExtProcOverrides)
	if !ok || o == nil {
		return p
	}
	rest.GrpcInitialMetadata = nil
	key, err := proto.MarshalOptions{Deterministic: true}.Marshal(rest)
	if err != nil || len(key) == 0 {
		return p
	}
	if out, made := m[string(key)]; made {
		return out
	}
	out, ok := proto.Clone(p).(*extprocv3.ExternalProcessor)
	if !ok {
		return p
	}
	replace(out, rest)
	m[string(key)] = out
	return out
}

// replace changes p as a route says.
func replace(p *extprocv3.ExternalProcessor, o *extprocv3.ExtProcOverrides) {
	if o.GetProcessingMode() != nil {
		p.ProcessingMode = o.GetProcessingMode()
	}
	if o.GetGrpcService() != nil {
		p.GrpcService = o.GetGrpcService()
	}
	if o.GetFailureModeAllow() != nil {
		p.FailureModeAllow = o.GetFailureModeAllow().GetValue()
	}
	if n := o.GetMetadataOptions().GetReceivingNamespaces(); n != nil {
		if p.MetadataOptions == nil {
			p.MetadataOptions = &extprocv3.MetadataOptions{}
		}
		p.MetadataOptions.ReceivingNamespaces = n
	}
}
