package envoy

import (
	"errors"
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/envoy/page"
	"github.com/corsgate/corsgate/envoy/wire"
)

// Attachment is what asks the processor, wherever it is put: into a configuration of its own
// (see [Options]) or into the one that a control plane makes.
type Attachment struct {
	// Design is how the processor is attached.
	Design Design
	// Cluster is the name of the cluster of processors, and PreflightCluster that of the cluster which
	// preflights ask; see [PreflightCluster].
	Cluster, PreflightCluster string
	// MessageTimeout is how long Envoy waits for one answer of the processor, 1ms to 10s.
	MessageTimeout time.Duration
	// FailOpen and NoRefusals are those of [Options].
	FailOpen, NoRefusals bool
}

// Filter is one filter for the chain of a connection manager.
type Filter struct {
	// Config is the filter.
	Config *hcmv3.HttpFilter
	// Comments stand in it; their paths begin below it.
	Comments []page.Comment
}

// Filters are what belongs at the head of the chain, in this order. The error joins an
// [*OptionError] for every field that is wrong.
func (a Attachment) Filters() ([]Filter, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	var p packer
	list := a.filters(&p)
	if err := p.err(); err != nil {
		return nil, err
	}
	return list, nil
}

func (a Attachment) check() error {
	var c checker
	c.attachment(a)
	if a.Cluster == "" {
		c.add("Cluster", "", "is empty")
	}
	if a.PreflightCluster == "" {
		c.add("PreflightCluster", "", "is empty")
	}
	return errors.Join(c.errs...)
}

func (a Attachment) filters(p *packer) []Filter {
	var out []Filter
	if a.Design == Metadata {
		out = append(out,
			Filter{Config: p.filter(FilterApply, applyDecision()), Comments: applyComments()},
			Filter{Config: p.filter(FilterVary, p.varyOrigin()), Comments: varyComments()})
	} else {
		out = append(out, Filter{Config: p.filter(FilterNoStore, keepOut(wire.MetaUnedited)), Comments: noStoreComments()})
	}
	decide := chooser{packer: p, a: a}.decide()
	return append(out, Filter{Config: p.filter(FilterDecide, decide), Comments: decideComments(a)})
}

// ProcessorCluster is the cluster of processors under a name, and its remarks, whose paths begin
// below it. Endpoints and TLS are [Options.Processors] and [Options.ProcessorTLS]. The error joins
// an [*OptionError] for every one that is wrong.
func ProcessorCluster(name string, endpoints []string, t *TLS) (*clusterv3.Cluster, []page.Comment, error) {
	var c checker
	c.processors(endpoints)
	c.tls(t)
	if err := errors.Join(c.errs...); err != nil {
		return nil, nil, err
	}
	var p packer
	cluster := p.processorCluster(name, endpoints, t)
	return cluster, processorComments(t), p.err()
}

// PreflightCluster makes of a [ProcessorCluster] the one that preflights ask: under another name, and with a bound on
// how many may be open at once. However many preflights a client sends, they then cannot take
// the processors' time from requests; what is over the bound gets 503 from Envoy.
func PreflightCluster(name string, processors *clusterv3.Cluster) *clusterv3.Cluster {
	c := proto.CloneOf(processors)
	c.Name = name
	c.LoadAssignment.ClusterName = name
	c.CircuitBreakers.Thresholds[0].MaxRequests = count(MaxPreflights)
	return c
}

// MaxPreflights is how many preflights Envoy asks about at once.
const MaxPreflights = 200

// packer packs messages and keeps what went wrong.
type packer struct{ errs []error }

// any packs m with a fixed field order, so that equal options give equal bytes. A message
// that cannot be packed (only a filter from outside could be) is reported by err.
func (p *packer) any(m proto.Message) *anypb.Any {
	out := new(anypb.Any)
	if err := anypb.MarshalFrom(out, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		p.errs = append(p.errs, err)
	}
	return out
}

// extension packs m under a name.
func (p *packer) extension(name string, m proto.Message) *corev3.TypedExtensionConfig {
	return &corev3.TypedExtensionConfig{Name: name, TypedConfig: p.any(m)}
}

func (p *packer) filter(name string, config proto.Message) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name:       name,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: p.any(config)},
	}
}

func (p *packer) err() error {
	if len(p.errs) == 0 {
		return nil
	}
	return fmt.Errorf("packing the configuration: %w", errors.Join(p.errs...))
}
