package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/gateway"
	"github.com/corsgate/corsgate/internal/config"
)

// gatewaySettings are the flags of render envoy-gateway.
type gatewaySettings struct {
	options          gateway.Options
	form, design     string
	gateway, route   string // NAMESPACE/NAME
	backend, service string
	tls              envoy.TLS
	output           string
}

func (p *program) renderEnvoyGatewayCommand() *cobra.Command {
	s := gatewaySettings{options: gateway.DefaultOptions(gateway.Policies)}
	cmd := &cobra.Command{
		Use:   "envoy-gateway [flags]",
		Short: "Write commented resources that attach corsgate to an Envoy Gateway",
		Long: "Writes what attaches corsgate to an Envoy Gateway, in one of two forms:\n\n" +
			"  policies  an HTTPRoute of three rules and Envoy Gateway's own policies on them\n" +
			"  patch     one EnvoyPatchPolicy with corsgate's own filters, for all routes of a Gateway",
		Example: "  corsgate render envoy-gateway --gateway infra/eg --listener https --route shop/api --host api.shop.example --backend shop:8080\n" +
			"  corsgate render envoy-gateway --form patch --gateway infra/eg --listener https",
	}
	s.bind(cmd.Flags())
	return p.finish(leaf{cmd: cmd, check: s.check, run: func(context.Context, []string) error {
		return p.renderEnvoyGateway(s)
	}})
}

func (s *gatewaySettings) bind(f *pflag.FlagSet) {
	o := &s.options
	config.Choice(f, &s.form, config.Choices{Name: "form", Values: []string{"policies", "patch"}, Usage: "the kind of resources"})
	config.Choice(f, &s.design, config.Choices{Name: "design", Values: []string{"c", "a", "b"}, Usage: "how corsgate is attached; policies can only be c"})
	f.StringVar(&s.gateway, "gateway", "default/eg", "`NAMESPACE/NAME` of the Gateway")
	f.StringSliceVar(&o.Listeners, "listener", o.Listeners, "`NAME` of a listener of it; repeat for more")
	f.StringVar(&s.route, "route", "default/shop", "policies: `NAMESPACE/NAME` of the HTTPRoute")
	f.StringSliceVar(&o.Route.Hosts, "host", o.Route.Hosts, "policies: host `NAME` of the route; repeat for more")
	f.StringVar(&s.backend, "backend", "shop:8080", "policies: `SERVICE:PORT` of the application, in the namespace of the route")
	f.StringVar(&s.service, "processor-service", "corsgate/corsgate:9002", "`NAMESPACE/NAME:PORT` of the Service of corsgate")
	f.StringSliceVar(&o.Processor.Addresses, "processor", nil, "patch: `ADDRESS` (host:port) of corsgate instead of its Service's name; repeat for more")
	f.StringVar(&o.Processor.CAConfigMap, "processor-ca-configmap", "", "policies: `NAME` of the ConfigMap, beside the Service, with the authorities (ca.crt) of corsgate; given, TLS is spoken to it")
	f.StringVar(&o.Processor.SAN, "processor-san", "", "DNS `NAME` in corsgate's certificate")
	f.StringVar(&s.tls.CA, "processor-ca", "", "patch: `FILE` of the authorities (PEM), in the pods of Envoy; given, TLS is spoken to corsgate")
	f.StringVar(&s.tls.Cert, "processor-cert", "", "patch: `FILE` of Envoy's own certificate (PEM) there, for mutual TLS")
	f.StringVar(&s.tls.Key, "processor-key", "", "patch: `FILE` of its private key (PEM) there")
	f.DurationVar(&o.MessageTimeout, "message-timeout", o.MessageTimeout, "how long Envoy waits for one answer of corsgate")
	f.BoolVar(&o.FailOpen, "fail-open", false, "designs a and b: let cross-origin requests pass undecided when corsgate fails, unless a policy may refuse them")
	f.BoolVar(&o.NoRefusals, "no-refusals", false, "no document has denied_requests: BLOCK or websockets: ENFORCE: let unsafe methods and websockets of other origins pass undecided, too")
	f.StringVarP(&s.output, "output", "o", "", "`FILE` to write; empty for standard output")
}

// check completes the options and reports every one that cannot be rendered.
func (s *gatewaySettings) check(src config.Sources) config.Problems {
	o := &s.options
	o.Form, o.Design = gateway.Form(s.form), envoy.Design(s.design)
	o.Gateway, o.Route.Object = object(s.gateway), object(s.route)
	o.Route.Backend, o.Route.BackendPort = namePort(s.backend)
	service, port := namePort(s.service)
	o.Processor.Service, o.Processor.Port = object(service), port
	if s.tls != (envoy.TLS{}) {
		s.tls.SAN, o.Processor.SAN = o.Processor.SAN, ""
		o.Processor.TLS = &s.tls
	}
	_, err := gateway.Render(*o)
	return optionProblems(err, src, flagOfGatewayOption)
}

// object reads NAMESPACE/NAME. What is missing is empty, which gateway refuses.
func object(text string) gateway.Object {
	namespace, name, _ := strings.Cut(text, "/")
	return gateway.Object{Namespace: namespace, Name: name}
}

// namePort reads NAME:PORT; a port that is none is 0, which gateway refuses.
func namePort(text string) (name string, port int) {
	name, digits, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return name, 0
	}
	return name, int(n)
}

// flagOfGatewayOption is the flag that sets a field of [gateway.Options].
func flagOfGatewayOption(name string) string {
	switch {
	case name == "Form":
		return "form"
	case strings.HasPrefix(name, "Gateway"):
		return "gateway"
	case name == "Listeners":
		return "listener"
	case name == "Route.Hosts":
		return "host"
	case strings.HasPrefix(name, "Route.Backend"):
		return "backend"
	case strings.HasPrefix(name, "Route"):
		return "route"
	case name == "Processor.Addresses":
		return "processor"
	case name == "Processor.CAConfigMap":
		return "processor-ca-configmap"
	case name == "Processor.SAN":
		return "processor-san"
	case name == "Processor.TLS":
		return "processor-ca"
	case strings.HasPrefix(name, "Processor."):
		return "processor-service"
	case name == "FailOpen":
		return "fail-open"
	default:
		return flagOfOption(name)
	}
}

func (p *program) renderEnvoyGateway(s gatewaySettings) error {
	text, err := gateway.Render(s.options)
	if err != nil {
		return fmt.Errorf("rendering for Envoy Gateway: %w", err)
	}
	return p.writeRendered(text, s.output)
}
