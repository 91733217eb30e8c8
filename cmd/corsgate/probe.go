package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/linequeue"
	"github.com/corsgate/corsgate/internal/probe"
)

// exitUnasked is the exit code of probe when no answer was wrong, and not every one could be had.
const exitUnasked = 3

// probeSettings are the flags of probe.
type probeSettings struct {
	target   probe.Target
	expect   probe.Expect
	maxAge   time.Duration
	suite    string
	tenants  string
	registry registryFlags
	nonce    nonceSettings
	cases    []string
	timeout  time.Duration
	interval time.Duration
	listen   string
	output   string

	targets []probe.Target
}

// nonceSettings are the flags of the case propagation.
type nonceSettings struct {
	tenant, url     string
	bound, interval time.Duration
}

func (p *program) probeCommand() *cobra.Command {
	var s probeSettings
	var proves strings.Builder
	for _, c := range probe.Cases() {
		fmt.Fprintf(&proves, "  %-24s %s\n", c.Name, c.Proves)
	}
	cmd := &cobra.Command{
		Use:   "probe {--url URL | --suite FILE} [flags]",
		Short: "Ask a live endpoint what browsers ask, and judge its answers",
		Long: "Asks an endpoint what browsers would, allowed and denied, and holds the answers against what is expected: by flags, by a\n" +
			"suite file, or by the tenant's own document (--tenants or --redis), header for header. With --direct every question is asked\n" +
			"behind the edge, too, and differences are named. Sends OPTIONS and GET only, but for propagation, which changes a\n" +
			"tenant that is made for it.\n\n" +
			"Cases:\n" + proves.String() +
			"\nExit codes: 0 every answer was right, 1 one was wrong, 2 not understood, 3 none was wrong but one could not be had.",
		Example: "  corsgate probe --url https://api.acme.example/v1/orders/7 --allowed-origin https://app.acme.example --method PUT --credentials\n" +
			"  corsgate probe --url https://api.acme.example/v1/orders/7 --direct http://10.0.0.7:8080 --tenants tenants/\n" +
			"  corsgate probe --suite suite.yaml -o json\n" +
			"  corsgate probe --url https://api.acme.example/ --redis redis://10.0.0.5 --nonce-tenant probe --nonce-url https://probe.acme.example/ \\\n" +
			"    --interval 30s --listen 0.0.0.0:9120",
	}
	s.bind(cmd.Flags())
	return p.finish(leaf{cmd: cmd, check: s.check, run: func(ctx context.Context, _ []string) error {
		if s.interval == 0 {
			return p.probe(ctx, &s)
		}
		return p.unread(ctx, jsonHandler, func(p *program, _ *linequeue.Queue) error { return p.probe(ctx, &s) })
	}})
}

func (s *probeSettings) bind(f *pflag.FlagSet) {
	t, x := &s.target, &s.expect
	f.StringVar(&t.URL, "url", "", "`URL` that browsers ask, at the edge")
	f.StringVar(&t.Direct, "direct", "", "`URL` of an address behind the edge that is asked the same, with the host of --url")
	f.StringVar(&t.Connect, "connect", "", "`HOST:PORT` to connect to for --url; host and certificate stay those of the URL")
	f.StringVar(&t.CAFile, "ca-file", "", "`FILE` of the authorities (PEM) of the endpoint; the system's by default")
	f.BoolVar(&t.InsecureSkipVerify, "insecure-skip-verify", false, "take any certificate of the endpoint")
	config.Choice(f, &t.HTTP, config.Choices{Name: "http", Values: []string{"auto", "1.1", "2"}, Usage: "version of HTTP to speak"})
	f.StringSliceVar(&x.AllowedOrigins, "allowed-origin", nil, "`ENTRY` as in a tenant's origins that must be allowed; repeat for more")
	f.StringSliceVar(&t.DeniedOrigins, "denied-origin", nil, "`ORIGIN` that must be denied; a random one like an allowed one by default")
	f.StringSliceVar(&x.Methods, "method", nil, "`METHOD` that preflights must grant")
	f.StringVar(&x.DeniedMethod, "denied-method", "", "`METHOD` that preflights must refuse; one that is not in --method by default")
	f.StringSliceVar(&x.Headers, "header", nil, "request header `NAME` that preflights must grant")
	f.StringVar(&x.DeniedHeader, "denied-header", "", "request header `NAME` that preflights must refuse; a random one by default")
	f.StringSliceVar(&t.Expose, "expose", nil, "response header `NAME` that must be exposed, and be there")
	f.BoolVar(&x.Credentials, "credentials", false, "credentials must be granted; else they must not be")
	f.BoolVar(&x.Public, "public", false, "everybody must be allowed, by the star")
	f.DurationVar(&s.maxAge, "max-age", 0, "`TIME` that preflights must live; not looked at by default")
	f.StringSliceVar(&t.ErrorPaths, "error-path", nil, "`PATH[=STATUS]` that answers an error, which must be readable, too")
	f.StringVar(&s.suite, "suite", "", "YAML `FILE` of targets, in place of --url and what belongs to it")
	f.StringVar(&s.tenants, "tenants", "", "`PATH` of the tenant documents that say what is expected")
	f.StringVar(&t.Tenant, "tenant", "", "`ID` of the tenant, instead of finding it by the host of --url")
	s.registry.bind(f)
	f.StringVar(&s.nonce.tenant, "nonce-tenant", "", "`ID` of a tenant in --redis, labelled probe: \"true\", that is changed to time how changes spread")
	f.StringVar(&s.nonce.url, "nonce-url", "", "`URL` that this tenant answers for (default that of --url)")
	f.DurationVar(&s.nonce.bound, "nonce-bound", probe.DefaultBound, "longest `TIME` that a change may take to be seen")
	f.DurationVar(&s.nonce.interval, "nonce-interval", 5*time.Minute, "with --interval, least `TIME` between two such changes")
	f.StringSliceVar(&s.cases, "case", nil, "`NAME` of a case to ask; all by default")
	f.DurationVar(&s.timeout, "timeout", probe.DefaultTimeout, "longest `TIME` that one request may take")
	f.DurationVar(&s.interval, "interval", 0, "ask again and again, each `TIME`, until a signal")
	f.StringVar(&s.listen, "listen", "", "with --interval, `ADDRESS` that serves the results at /metrics")
	config.Choice(f, &s.output, config.Choices{Name: "output", Short: "o", Values: []string{"text", "json", "prometheus"}, Usage: "form of the results"})
}

// ofTarget are the flags that a suite file has for each target.
func ofTarget() []string {
	return append(ofExpectation(), "url", "direct", "connect", "ca-file", "insecure-skip-verify", "http", "denied-origin", "expose", "error-path", "tenant")
}

// ofExpectation are the flags that say what is expected; any of them makes an expectation.
func ofExpectation() []string {
	return []string{"allowed-origin", "method", "denied-method", "header", "denied-header", "credentials", "public", "max-age"}
}

// check finds all that is wrong, and makes the targets.
func (s *probeSettings) check(src config.Sources) config.Problems {
	var ps config.Problems
	add := func(flag, detail, fix string) {
		ps = append(ps, config.Problem{Source: src.Of(flag), Detail: detail, Fix: fix})
	}
	if s.registry.redis.Enabled() {
		ps = append(ps, s.registry.check(src)...)
		if s.tenants != "" {
			add("tenants", "the documents are in Redis", "remove one of --tenants and --redis")
		}
	}
	if s.nonce.tenant != "" && !s.registry.redis.Enabled() {
		add("nonce-tenant", "there is no registry to change", "name it by --redis")
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"timeout", s.timeout}, {"nonce-bound", s.nonce.bound}} {
		if f.value <= 0 {
			add(f.name, "the time must be longer than 0s", "")
		}
	}
	_, asked := src["interval"]
	switch {
	case asked && s.interval < time.Second:
		add("interval", "the interval must be at least 1s", "")
	case s.listen != "" && s.interval == 0:
		add("listen", "it counts only with --interval", "set --interval or remove it")
	}
	s.readTargets(src, &ps)
	for _, p := range s.problems() {
		ps = append(ps, config.Problem{Source: s.place(src, p.Field), Detail: p.Detail, Fix: p.Fix})
	}
	return ps
}

// readTargets reads those of the suite, or the one of the flags.
func (s *probeSettings) readTargets(src config.Sources, ps *config.Problems) {
	if s.suite == "" {
		s.targets = []probe.Target{s.target}
		s.readExpectation(src, ps)
		return
	}
	for _, flag := range ofTarget() {
		if _, given := src[flag]; given {
			*ps = append(*ps, config.Problem{Source: src.Of(flag), Detail: "the suite says this of each target", Fix: "remove it, or --suite"})
		}
	}
	data, err := os.ReadFile(s.suite)
	if err != nil {
		*ps = append(*ps, config.Problem{Source: src.Of("suite"), Detail: err.Error()})
		return
	}
	s.targets, err = probe.ParseSuite(data)
	found, _ := errors.AsType[probe.Problems](err)
	for _, p := range found {
		*ps = append(*ps, config.Problem{Source: s.place(src, p.Field), Detail: p.Detail, Fix: p.Fix})
	}
}

// readExpectation gives the target of the flags what they expect, if they say anything.
func (s *probeSettings) readExpectation(src config.Sources, ps *config.Problems) {
	t := &s.targets[0]
	for _, flag := range ofExpectation() {
		if _, given := src[flag]; given {
			t.Expect = &s.expect
		}
	}
	if _, given := src["max-age"]; given {
		s.expect.MaxAge = &s.maxAge
	}
	// With a tenant to change, Redis may be there for that alone.
	if t.Expect != nil && (s.tenants != "" || s.registry.redis.Enabled() && s.nonce.tenant == "") {
		*ps = append(*ps, config.Problem{
			Source: src.Of("tenants"), Detail: "the flags say already what is expected",
			Fix: "remove the documents, or the flags from --allowed-origin to --max-age",
		})
	}
}

// problems are those that the probe itself finds.
func (s *probeSettings) problems() probe.Problems {
	_, err := probe.New(s.options(nil, nil))
	ps, _ := err.(probe.Problems) //nolint:errorlint // New promises it
	return ps
}

// place is the flag behind a field of a target, or the place in the suite.
func (s *probeSettings) place(src config.Sources, field string) string {
	switch {
	case field == "case" || strings.HasPrefix(field, "nonce_"):
	case s.suite != "" && field == "":
		return s.suite
	case s.suite != "":
		return s.suite + ": " + field
	}
	name, index, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(field, "targets[0]."), "expect."), "[")
	flags := map[string]string{
		"allowed_origins": "allowed-origin", "denied_origins": "denied-origin", "methods": "method", "headers": "header",
		"error_paths": "error-path",
	}
	if flag, ok := flags[name]; ok {
		name = flag
	}
	if name == "expect" {
		name = "allowed-origin"
	}
	at := src.Of(strings.ReplaceAll(name, "_", "-"))
	if index != "" {
		at += "[" + index
	}
	return at
}
