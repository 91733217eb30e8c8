package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/istio"
	"github.com/corsgate/corsgate/internal/config"
)

// istioSettings are the flags of render istio.
type istioSettings struct {
	options            istio.Options
	design, place      string
	service            string
	workload, selector []string
	output             string
}

func (p *program) renderIstioCommand() *cobra.Command {
	s := istioSettings{options: istio.DefaultOptions(envoy.Metadata)}
	cmd := &cobra.Command{
		Use:   "istio [flags]",
		Short: "Write the objects that attach corsgate to Istio's proxies",
		Long: "Writes an EnvoyFilter and a DestinationRule, and on request a Service and a PeerAuthentication, which attach corsgate\n" +
			"to gateways, or to the sidecars of a workload, ahead of authentication and authorization.",
		Example: "  corsgate render istio --workload istio=ingressgateway | kubectl apply -f -\n" +
			"  corsgate render istio --namespace edge --gateway public\n" +
			"  corsgate render istio --namespace shop --place sidecar --workload app=shop --mesh --selector app.kubernetes.io/name=corsgate",
	}
	s.bind(cmd.Flags())
	return p.finish(leaf{cmd: cmd, check: s.check, run: func(context.Context, []string) error {
		text, err := istio.Render(s.options)
		if err != nil {
			return fmt.Errorf("rendering the objects: %w", err)
		}
		return p.writeRendered(text, s.output)
	}})
}

func (s *istioSettings) bind(f *pflag.FlagSet) {
	o := &s.options
	config.Choice(f, &s.design, config.Choices{Name: "design", Values: []string{"c", "a"}, Usage: "how corsgate is attached"})
	config.Choice(f, &s.place, config.Choices{Name: "place", Values: []string{"gateway", "sidecar"}, Usage: "which listeners get the filters: all of a gateway, or the inbound ones of sidecars"})
	f.StringVar(&o.Name, "name", o.Name, "`NAME` of the objects")
	f.StringVar(&o.Namespace, "namespace", o.Namespace, "`NAMESPACE` of the proxies")
	f.StringSliceVar(&o.Gateways, "gateway", nil, "`NAME` of a Gateway (Gateway API) whose proxies get the filters; repeat for more")
	f.StringSliceVar(&s.workload, "workload", nil, "`LABEL=VALUE` of the pods whose proxies get the filters; repeat for more")
	f.StringVar(&s.service, "processor-service", "corsgate/corsgate:9002", "`NAMESPACE/NAME:PORT` of the Service of corsgate")
	f.StringVar(&o.Service.Domain, "cluster-domain", o.Service.Domain, "DNS `SUFFIX` of the cluster")
	f.BoolVar(&o.Service.Mesh, "mesh", false, "corsgate's pods have sidecars: ask them by mutual TLS, and have them refuse all else")
	f.StringSliceVar(&s.selector, "selector", nil, "`LABEL=VALUE` of corsgate's pods: write their Service too; repeat for more")
	f.DurationVar(&o.MessageTimeout, "message-timeout", o.MessageTimeout, "how long a proxy waits for one answer of corsgate")
	f.BoolVar(&o.FailOpen, "fail-open", false, "design a: let cross-origin requests pass undecided when corsgate fails, unless a policy may refuse them")
	f.BoolVar(&o.NoRefusals, "no-refusals", false, "no document has denied_requests: BLOCK or websockets: ENFORCE: let unsafe methods and websockets of other origins pass undecided, too")
	f.StringVarP(&s.output, "output", "o", "", "`FILE` to write; empty for standard output")
}

// check completes the options and reports every one that cannot be rendered.
func (s *istioSettings) check(src config.Sources) config.Problems {
	var problems config.Problems
	s.options.Design, s.options.Place = envoy.Design(s.design), istio.Place(s.place)
	s.options.Workload = labelFlags(s.workload, src.Of("workload"), &problems)
	s.options.Service.Selector = labelFlags(s.selector, src.Of("selector"), &problems)
	at, port := namePort(s.service)
	s.options.Service.Namespace, s.options.Service.Name, s.options.Service.Port = object(at).Namespace, object(at).Name, port
	if len(problems) > 0 {
		return problems
	}
	_, err := istio.Render(s.options)
	return optionProblems(err, src, flagOfIstioOption)
}

// labelFlags reads LABEL=VALUE.
func labelFlags(list []string, source string, problems *config.Problems) map[string]string {
	out := map[string]string{}
	for _, text := range list {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			*problems = append(*problems, config.Problem{Source: source, Detail: fmt.Sprintf("%q is not LABEL=VALUE", text), Fix: "write it so"})
			continue
		}
		out[key] = value
	}
	return out
}

// flagOfIstioOption is the flag that sets a field of [istio.Options].
func flagOfIstioOption(option string) string {
	return map[string]string{
		"Design": "design", "Name": "name", "Namespace": "namespace", "Place": "place", "Gateways": "gateway", "Workload": "workload",
		"Service.Name": "processor-service", "Service.Namespace": "processor-service", "Service.Port": "processor-service", "Service.Domain": "cluster-domain",
		"Service.Selector": "selector", "MessageTimeout": "message-timeout",
	}[option]
}
