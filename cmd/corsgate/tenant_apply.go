package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/report"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// fileFlags name documents.
type fileFlags struct{ paths []string }

func (d *fileFlags) bind(f *pflag.FlagSet) {
	f.StringArrayVarP(&d.paths, "file", "f", nil, "`PATH` of a file or directory of documents, or - for standard input; repeat for more (required)")
}

func (d *fileFlags) check(src config.Sources) config.Problems {
	if len(d.paths) == 0 {
		return config.Problems{{Source: src.Of("file"), Detail: "no documents are named", Fix: "name their file or directory by -f, or - for standard input"}}
	}
	return nil
}

func (p *program) tenantApplyCommand() *cobra.Command {
	var w writeFlags
	var d fileFlags
	cmd := &cobra.Command{
		Use:   "apply -f PATH --redis URL [flags]",
		Short: "Create and update tenants from documents",
		Long: "Reads all documents, compares them with what is stored, and shows what would change. With --write all of it is\n" +
			"written at once, or nothing: if a document has a problem, if somebody was quicker, or if a host is another tenant's.\n" +
			"Tenants that no document names stay as they are. A document with a revision is refused unless that is the stored one.",
		Example: "  corsgate tenant apply -f tenants/ --redis redis://127.0.0.1:6379\n" +
			"  corsgate tenant apply -f acme.yaml --redis redis://127.0.0.1:6379 --write --reason 'new shop front'",
	}
	w.bind(cmd.Flags())
	w.bindShown(cmd.Flags())
	d.bind(cmd.Flags())
	return p.finish(leaf{
		cmd:   cmd,
		check: func(src config.Sources) config.Problems { return append(w.check(src), d.check(src)...) },
		run: func(ctx context.Context, _ []string) error {
			began := time.Now()
			return p.withStore(&w.registryFlags, func(s tenantStore) error {
				pl, err := p.planFiles(ctx, s, d.paths)
				if err != nil {
					return err
				}
				return p.carry(ctx, s, pl, &w, carried{name: "apply", kind: store.KindApply, began: began})
			})
		},
	})
}

func (p *program) tenantDiffCommand() *cobra.Command {
	var r registryFlags
	var d fileFlags
	var format string
	cmd := &cobra.Command{
		Use:   "diff -f PATH --redis URL [flags]",
		Short: "Compare documents with what is stored",
		Long: "Shows what corsgate tenant apply would change, all of it. Exits 0 when nothing differs, 1 when something does,\n" +
			"and 2 when it could not compare.",
		Example: "  corsgate tenant diff -f tenants/ --redis redis://127.0.0.1:6379",
	}
	r.bind(cmd.Flags())
	d.bind(cmd.Flags())
	config.Choice(cmd.Flags(), &format, config.Choices{Name: "output", Short: "o", Values: []string{"text", "json"}, Usage: "form of the difference"})
	return p.finish(leaf{
		cmd:   cmd,
		check: func(src config.Sources) config.Problems { return append(r.check(src), d.check(src)...) },
		run: func(ctx context.Context, _ []string) error {
			return asUsage(p.withStore(&r, func(s tenantStore) error {
				pl, err := p.planFiles(ctx, s, d.paths)
				if err != nil {
					return asUsage(err)
				}
				if format == "json" {
					err = p.showOutcome(pl, outcome{Counts: pl.counts()}, format)
				} else {
					err = p.showPlan(pl, len(pl.steps))
				}
				if err == nil && len(pl.steps) > 0 {
					return errDifferent()
				}
				return asUsage(err)
			}))
		},
	})
}

// planFiles compares the documents of paths with what is stored. All problems of all documents are
// reported on standard error.
func (p *program) planFiles(ctx context.Context, s store.Source, paths []string) (*plan, error) {
	bar := newProgress(p.stderr)
	set, err := p.readDocuments(ctx, paths, bar)
	if err != nil {
		return nil, err
	}
	if set.findings.Count(report.Error) > 0 {
		return nil, p.refuse(&set.findings)
	}
	wishes := make([]wish, len(set.docs))
	byID := make(map[string]*document.Document, len(set.docs))
	for i, d := range set.docs {
		wishes[i] = wish{id: d.Record.ID(), document: d.Tenant}
		byID[d.Record.ID()] = d
	}
	pl, err := makePlan(ctx, s, wishes, bar)
	if err != nil {
		return nil, err
	}
	// Advice on what stays as it is would be told again and again.
	now := time.Now()
	for i := range pl.steps {
		set.findings.Add(report.Warning, byID[pl.steps[i].edit.ID].Advise(now))
	}
	if set.findings.Count(report.Warning) > 0 {
		return pl, set.findings.Text(p.stderr)
	}
	return pl, nil
}

// errRefused are documents whose problems were reported.
var errRefused = errors.New("nothing was written: the documents have problems")

// refuse reports findings.
func (p *program) refuse(findings *report.Report) error {
	findings.Sort()
	return errors.Join(findings.Text(p.stderr), errRefused)
}
