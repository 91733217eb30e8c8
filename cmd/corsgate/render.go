package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/config"
)

func (p *program) renderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Write configuration of what corsgate works with",
	}
	cmd.AddCommand(p.renderEnvoyCommand(), p.renderEnvoyGatewayCommand(), p.renderIstioCommand())
	return cmd
}

// renderSettings are the flags of render envoy.
type renderSettings struct {
	options envoy.Options
	design  string
	tls     envoy.TLS
	tracing envoy.Tracing
	rum     struct {
		pings     bool
		collector string
	}
	routes []string
	output string
}

func (p *program) renderEnvoyCommand() *cobra.Command {
	s := renderSettings{options: envoy.DefaultOptions(envoy.Metadata)}
	cmd := &cobra.Command{
		Use:   "envoy [flags]",
		Short: "Write a complete, commented Envoy configuration",
		Long: "Writes an Envoy configuration that asks corsgate for CORS decisions, in one of three designs:\n\n" +
			"  a  two callbacks: corsgate sees the request and the response of the application\n" +
			"  b  response only: for chains in which authentication has to come first\n" +
			"  c  one callback: Envoy writes the headers from dynamic metadata; the fast default",
		Example: "  corsgate render envoy -o envoy.yaml\n" +
			"  corsgate render envoy --design a --upstream shop:8080 --processor cors-1:9002 --processor cors-2:9002\n" +
			"  corsgate render envoy --route 'api.acme.example,*.acme-cdn.example=acme@10.0.0.7:8080'",
	}
	s.bind(cmd.Flags())
	return p.finish(leaf{cmd: cmd, check: s.check, run: func(context.Context, []string) error {
		return p.renderEnvoy(s)
	}})
}

func (s *renderSettings) bind(f *pflag.FlagSet) {
	o := &s.options
	config.Choice(f, &s.design, config.Choices{Name: "design", Values: []string{"c", "a", "b"}, Usage: "how corsgate is attached"})
	f.StringVar(&o.Listen, "envoy-listen", o.Listen, "`ADDRESS` (host:port) on which Envoy takes requests")
	f.StringVar(&o.Admin, "envoy-admin", o.Admin, "`ADDRESS` (host:port) of Envoy's administration interface; empty for none")
	f.StringSliceVar(&o.Processors, "processor", o.Processors, "`ADDRESS` of a corsgate process, host:port, or one unix:PATH; repeat for more")
	f.StringVar(&s.tls.CA, "processor-ca", "", "`FILE` of the authorities (PEM) of the processors; given, TLS is spoken to them")
	f.StringVar(&s.tls.SAN, "processor-san", "", "DNS `NAME` in the processors' certificate")
	f.StringVar(&s.tls.Cert, "processor-cert", "", "`FILE` of Envoy's own certificate (PEM), for mutual TLS")
	f.StringVar(&s.tls.Key, "processor-key", "", "`FILE` of its private key (PEM)")
	f.StringVar(&o.Upstream, "upstream", o.Upstream, "`ADDRESS` (host:port) of the application")
	f.DurationVar(&o.MessageTimeout, "message-timeout", o.MessageTimeout, "how long Envoy waits for one answer of corsgate")
	f.BoolVar(&o.FailOpen, "fail-open", false, "designs a and b: let cross-origin requests pass undecided when corsgate fails, unless a policy may refuse them")
	f.BoolVar(&o.NoRefusals, "no-refusals", false, "no document has denied_requests: BLOCK or websockets: ENFORCE: let unsafe methods and websockets of other origins pass undecided, too")
	f.StringVar(&o.AccessLog, "access-log", "", "`PATH` of the access log; empty for standard output")
	f.StringArrayVar(&s.routes, "route", nil, "`DOMAIN[,DOMAIN...]=[TENANT][@HOST:PORT]`: tenant and application of some domains; repeat for more")
	f.BoolVar(&o.RoutesOnly, "routes-only", false, "answer 404 to domains that no --route names")
	f.StringVar(&s.tracing.Collector, "tracing", "", "`ADDRESS` (host:port) of an OTLP gRPC collector for Envoy's spans; empty for none")
	f.Float64Var(&s.tracing.Sampling, "tracing-sampling", 100, "`PERCENT` of the requests that are traced, unless their traceparent says that they are not")
	f.StringVar(&s.tracing.Service, "tracing-service", "envoy", "service `NAME` of Envoy's spans")
	f.BoolVar(&s.rum.pings, "rum", false, "answer the pings by which scripts in pages tell a refusal from a failure")
	f.StringVar(&s.rum.collector, "rum-collector", "", "`ADDRESS` (host:port) of corsgate's collector of reports of pages; implies --rum")
	f.StringVarP(&s.output, "output", "o", "", "`FILE` to write; empty for standard output")
}

// check completes the options and reports every one that cannot be rendered.
func (s *renderSettings) check(src config.Sources) config.Problems {
	var problems config.Problems
	s.options.Design = envoy.Design(s.design)
	if s.tls != (envoy.TLS{}) {
		s.options.ProcessorTLS = &s.tls
	}
	if s.tracing.Collector != "" {
		s.options.Tracing = &s.tracing
	}
	if s.rum.pings || s.rum.collector != "" {
		s.options.RUM = &envoy.RUM{Collector: s.rum.collector}
	}
	for _, text := range s.routes {
		domains, target, ok := strings.Cut(text, "=")
		if !ok || domains == "" {
			problems = append(problems, config.Problem{
				Source: src.Of("route"), Detail: fmt.Sprintf("%q has no DOMAIN=", text), Fix: "write DOMAIN=TENANT, DOMAIN=@HOST:PORT or DOMAIN=TENANT@HOST:PORT",
			})
			continue
		}
		tenant, upstream, _ := strings.Cut(target, "@")
		s.options.Routes = append(s.options.Routes, envoy.Route{Domains: strings.Split(domains, ","), Tenant: tenant, Upstream: upstream})
	}
	_, err := envoy.Bootstrap(s.options)
	return append(problems, optionProblems(err, src, flagOfOption)...)
}

// optionProblems names the flags of the options that a renderer refuses; flagOf is the flag that sets a field.
func optionProblems(err error, src config.Sources, flagOf func(string) string) config.Problems {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var ps config.Problems
		for _, one := range many.Unwrap() {
			ps = append(ps, optionProblems(one, src, flagOf)...)
		}
		return ps
	}
	bad, ok := errors.AsType[*envoy.OptionError](err)
	if !ok {
		return config.Problems{{Source: "render", Detail: err.Error()}}
	}
	option, _, _ := strings.Cut(bad.Option, "[")
	return config.Problems{{Source: src.Of(flagOf(option)), Detail: fmt.Sprintf("%q %s", bad.Value, bad.Detail)}}
}

// flagOfOption is the flag that sets a field of [envoy.Options].
func flagOfOption(option string) string {
	return map[string]string{
		"Design": "design", "Listen": "envoy-listen", "Admin": "envoy-admin", "Processors": "processor",
		"ProcessorTLS.CA": "processor-ca", "ProcessorTLS.Cert": "processor-cert", "ProcessorTLS.Key": "processor-key", "ProcessorTLS.SAN": "processor-san",
		"MessageTimeout": "message-timeout", "AccessLog": "access-log", "Routes": "route", "RoutesOnly": "routes-only", "Upstream": "upstream",
		"RUM.Collector": "rum-collector", "Tracing.Collector": "tracing", "Tracing.Sampling": "tracing-sampling", "Tracing.Service": "tracing-service",
	}[option]
}

func (p *program) renderEnvoy(s renderSettings) error {
	text, err := envoy.Render(s.options)
	if err != nil {
		return fmt.Errorf("rendering the Envoy configuration: %w", err)
	}
	return p.writeRendered(text, s.output)
}

// writeRendered writes a configuration to a file, or to standard output without one.
func (p *program) writeRendered(text []byte, path string) error {
	if path == "" {
		_, err := p.stdout.Write(text)
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // others have to read it, and it holds no secret
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}
