package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/corsgate/corsgate/internal/build"
	"github.com/corsgate/corsgate/internal/probe"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/files"
	"github.com/corsgate/corsgate/tenant/store"
)

// options are those of the prober; s has been checked.
func (s *probeSettings) options(source probe.Source, w store.Writer) probe.Options {
	o := probe.Options{Targets: s.targets, Source: source, Cases: s.cases, Timeout: s.timeout, Version: build.Read().Version}
	if source == nil && (s.tenants != "" || s.registry.redis.Enabled()) {
		o.Source = func(context.Context, string, string) (probe.Documents, error) { return probe.Documents{}, errNotYet }
	}
	if s.nonce.tenant != "" {
		t := s.target
		if s.nonce.url != "" {
			t.URL = s.nonce.url
		} else if t.URL == "" && len(s.targets) > 0 {
			t = s.targets[0]
		}
		o.Nonce = &probe.Nonce{Store: w, Tenant: s.nonce.tenant, Target: t, Bound: s.nonce.bound, By: probeBy()}
	}
	return o
}

// errNotYet is the source while settings are only checked.
var errNotYet = errors.New("nothing is read yet")

// probeBy is whom the history names.
func probeBy() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "corsgate-probe"
	}
	return "corsgate-probe@" + host
}

func (p *program) probe(ctx context.Context, s *probeSettings) error {
	if !s.registry.redis.Enabled() {
		source := probe.Source(nil)
		if s.tenants != "" {
			source = fileSource(s.tenants)
		}
		return p.probeWith(ctx, s, s.options(source, nil))
	}
	return p.withStore(&s.registry, func(w tenantStore) error {
		return p.probeWith(ctx, s, s.options(storeSource(w), w))
	})
}

func (p *program) probeWith(ctx context.Context, s *probeSettings, o probe.Options) error {
	prober, err := probe.New(o)
	if err != nil {
		return err
	}
	if s.interval > 0 {
		return p.probeOn(ctx, s, prober)
	}
	r := prober.Once(ctx)
	if err := p.writeProbe(r, s.output); err != nil {
		return err
	}
	switch {
	case r.Counts.Fail > 0:
		return &exit{code: exitFailed}
	case r.Counts.Unasked > 0:
		return &exit{code: exitUnasked}
	}
	return nil
}

// probeOn asks until a signal. What is wrong goes to standard error, a line each.
func (p *program) probeOn(ctx context.Context, s *probeSettings, prober *probe.Prober) error {
	log := slog.New(jsonHandler(p.stderr))
	repeat := probe.Repeat{Interval: s.interval, NonceInterval: s.nonce.interval}
	if s.listen != "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
		if err != nil {
			return fmt.Errorf("listening for metrics: %w", err)
		}
		repeat.Listener = l
		log.InfoContext(ctx, "serving metrics", "address", l.Addr().String())
	}
	repeat.Each = func(r *probe.Report) {
		if s.listen == "" {
			if err := p.writeProbe(r, s.output); err != nil {
				log.ErrorContext(ctx, "writing results", "error", err)
			}
			return
		}
		logReport(ctx, log, r)
	}
	return prober.Run(ctx, repeat)
}

// jsonHandler is the form of that log.
func jsonHandler(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }

// logReport writes a line for each case that is not right.
func logReport(ctx context.Context, log *slog.Logger, r *probe.Report) {
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Error != "" {
			log.WarnContext(ctx, "nothing was asked", "target", t.Name, "error", t.Error)
			continue
		}
		for j := range t.Cases {
			switch c := &t.Cases[j]; c.Verdict {
			case probe.Fail:
				f := c.Findings[0]
				log.WarnContext(ctx, "answered wrong", "target", t.Name, "case", c.Case, "path", c.Path, "request", f.Request,
					"rule", f.Rule, "want", f.Want, "got", f.Got, "findings", len(c.Findings), "differences", len(c.Differences), "curl", f.Curl)
			case probe.Unasked:
				log.WarnContext(ctx, "could not ask", "target", t.Name, "case", c.Case, "path", c.Path, "error", c.Reason)
			default:
			}
		}
	}
}

func (p *program) writeProbe(r *probe.Report, format string) error {
	switch format {
	case "json":
		return writeJSON(p.stdout, r)
	case "prometheus":
		return r.Prometheus(p.stdout)
	default:
		return r.Text(p.stdout)
	}
}

// fileSource reads the documents of a path anew each time.
func fileSource(path string) probe.Source {
	return func(context.Context, string, string) (probe.Documents, error) {
		snapshot, docs, err := files.Load(path) //nolint:contextcheck // reading files has a time limit of its own
		if problems, ok := errors.AsType[document.Problems](err); err != nil && (!ok || len(docs) == 0) {
			return probe.Documents{}, errors.Join(err, problems.Err())
		}
		return probe.Documents{Registry: snapshot, Place: path, Document: func(id string) *tenantv1.Tenant {
			if d := documentOf(id, docs); d != nil {
				return d.Tenant
			}
			return nil
		}}, nil
	}
}

// storeSource reads the one document that counts.
func storeSource(s store.Source) probe.Source {
	return func(ctx context.Context, host, id string) (probe.Documents, error) {
		if id == "" {
			var err error
			if id, err = ownerOf(ctx, s, host); err != nil {
				return probe.Documents{}, err
			}
		}
		t, err := readTenant(ctx, s, id)
		switch {
		case err != nil:
			return probe.Documents{}, err
		case t.problem != nil:
			return probe.Documents{}, errUnreadable(&t)
		case t.document == nil:
			return probe.Documents{}, errNoTenant(&t)
		}
		snapshot := tenant.SnapshotOf(document.ParseStored(id, t.data).Record)
		return probe.Documents{Registry: snapshot, Place: "Redis", Document: func(string) *tenantv1.Tenant { return t.document }}, nil
	}
}

// ownerOf is the tenant of a host, by its own entry, the wildcards above it or the default.
func ownerOf(ctx context.Context, s store.Source, authority string) (string, error) {
	host, ok := tenant.NormalizeHost(authority)
	if !ok {
		return "", fmt.Errorf("%q is not a host", authority)
	}
	entries, err := hostsAbove(host)
	if err != nil {
		return "", err
	}
	owners, err := readOwners(ctx, s, entries)
	if err != nil {
		return "", err
	}
	for _, id := range owners {
		if id != "" {
			return id, nil
		}
	}
	return "", fmt.Errorf("no tenant in Redis has the host %s", host)
}
