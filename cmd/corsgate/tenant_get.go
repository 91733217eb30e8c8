package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/report"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

func (p *program) tenantGetCommand() *cobra.Command {
	var r registryFlags
	var revision int64
	var format string
	cmd := &cobra.Command{
		Use:   "get ID --redis URL [flags]",
		Short: "Print the document of a tenant",
		Long: "Prints the stored document with its revision. Edited and given to corsgate tenant apply, it is refused if somebody\n" +
			"else has changed the tenant meanwhile.",
		Example: "  corsgate tenant get acme --redis redis://127.0.0.1:6379 > acme.yaml",
	}
	f := cmd.Flags()
	r.bind(f)
	f.Int64Var(&revision, "revision", 0, "`REVISION` to print, one of the history (default the stored one)")
	config.Choice(f, &format, config.Choices{Name: "output", Short: "o", Values: []string{"yaml", "json"}, Usage: "form of the document"})
	check := func(src config.Sources) config.Problems {
		ps := r.check(src)
		if revision < 0 {
			ps = append(ps, config.Problem{Source: src.Of("revision"), Detail: fmt.Sprintf("%d is not a revision", revision), Fix: "name one that corsgate tenant history shows"})
		}
		return ps
	}
	return p.finish(leaf{cmd: cmd, args: tenantIDs(1), check: check, run: func(ctx context.Context, args []string) error {
		return p.withStore(&r, func(s tenantStore) error {
			m, err := p.document(ctx, s, args[0], revision)
			if err != nil {
				return err
			}
			marshal := document.MarshalYAML
			if format == "json" {
				marshal = document.MarshalJSON
			}
			text, err := marshal(m)
			if err != nil {
				return err
			}
			if format == "json" {
				text = append(text, '\n')
			}
			_, err = p.stdout.Write(text)
			return err
		})
	}})
}

// document is the stored document of a tenant, or that of a revision.
func (p *program) document(ctx context.Context, s store.Writer, id string, revision int64) (*tenantv1.Tenant, error) {
	if revision > 0 {
		_, stored, err := kept(ctx, s, id, revision)
		if err != nil {
			return nil, err
		}
		if stored.document == nil {
			return nil, errUnreadable(&stored)
		}
		return stored.document, nil
	}
	stored, err := readTenant(ctx, s, id)
	switch {
	case err != nil:
		return nil, err
	case stored.absent() || stored.deleted:
		return nil, errNoTenant(&stored)
	case stored.problem != nil:
		return nil, errUnreadable(&stored)
	default:
		return stored.document, nil
	}
}

// kept is a revision of the history that is no deletion.
func kept(ctx context.Context, s store.Writer, id string, number int64) (*store.Revision, storedTenant, error) {
	revisions, err := s.History(ctx, id, maxKept)
	if err != nil {
		return nil, storedTenant{}, interrupted(ctx, fmt.Errorf("reading the history: %w", err))
	}
	for i := range revisions {
		if revisions[i].Number != number {
			continue
		}
		stored := parseStored(store.Document{ID: id, Data: revisions[i].Data})
		if stored.deleted || revisions[i].Kind == store.KindDelete {
			return nil, storedTenant{}, fmt.Errorf("revision %d of tenant %s is its deletion, and has no document", number, id)
		}
		return &revisions[i], stored, nil
	}
	if len(revisions) == 0 {
		return nil, storedTenant{}, fmt.Errorf("tenant %s has no history", id)
	}
	return nil, storedTenant{}, fmt.Errorf("the history of tenant %s has no revision %d; it has %d to %d",
		id, number, revisions[len(revisions)-1].Number, revisions[0].Number)
}

// revision is the document of an earlier revision, if it can be used today.
func (p *program) revision(ctx context.Context, s store.Writer, id string, number int64) (*tenantv1.Tenant, error) {
	r, _, err := kept(ctx, s, id, number)
	if err != nil {
		return nil, err
	}
	d, err := document.Parse(fmt.Sprintf("history:%s revision %d", id, number), r.Data)
	if err != nil {
		return nil, fmt.Errorf("nothing was written: revision %d is not valid today: %w", number, err)
	}
	if d.Record.ID() != id {
		return nil, fmt.Errorf("nothing was written: revision %d is the document of tenant %s", number, d.Record.ID())
	}
	findings := report.Report{Files: 1, Tenants: 1}
	if findings.Add(report.Warning, d.Advise(time.Now())); len(findings.Findings) > 0 {
		if err := findings.Text(p.stderr); err != nil {
			return nil, err
		}
	}
	return withoutRegistry(d.Tenant), nil
}
