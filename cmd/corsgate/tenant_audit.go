package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant/store"
)

// auditSettings are the flags of tenant audit.
type auditSettings struct {
	registryFlags
	format string
	failOn []string
}

func (p *program) tenantAuditCommand() *cobra.Command {
	var a auditSettings
	cmd := &cobra.Command{
		Use:   "audit [GLOB] --redis URL [flags]",
		Short: "Find entries that nobody uses, and those that let too many in",
		Long: "Looks at the tenants whose id matches GLOB, or at all of them, and finds\n\n" +
			auditMeanings() + "\n" +
			"What is unused is known as far as serving processes record it (corsgate serve --record-usage).",
		Example: "  corsgate tenant audit --redis redis://127.0.0.1:6379\n" +
			"  corsgate tenant audit 'shop-*' --fail-on any_origin,dangerous --redis redis://127.0.0.1:6379",
	}
	f := cmd.Flags()
	a.bind(f)
	config.Choice(f, &a.format, config.Choices{
		Name: "output", Short: "o", Values: []string{"text", "json", "prometheus"},
		Usage: "form of the findings; json has one object a line, the last one a summary; prometheus has numbers only",
	})
	f.StringSliceVar(&a.failOn, "fail-on", nil, "exit with 1 if there are any of these `FINDINGS`")
	return p.finish(leaf{
		cmd: cmd, check: a.check,
		args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errors.New("one pattern of ids is enough; quote it, so that the shell does not read it")
			}
			return checkGlob(args)
		},
		run: func(ctx context.Context, args []string) error {
			glob := "*"
			if len(args) == 1 {
				glob = args[0]
			}
			return p.withStore(&a.registryFlags, func(s tenantStore) error { return p.audit(ctx, s, glob, &a) })
		},
	})
}

// auditMeanings explain each finding, a line each.
func auditMeanings() string {
	var b strings.Builder
	for _, f := range auditFindings() {
		fmt.Fprintf(&b, "  %-11s %s\n", f.name, f.meaning)
	}
	return b.String()
}

func (a *auditSettings) check(src config.Sources) config.Problems {
	ps := a.registryFlags.check(src)
	var names []string
	for _, f := range auditFindings() {
		names = append(names, string(f.name))
	}
	for _, name := range a.failOn {
		if !slices.Contains(names, name) {
			ps = append(ps, config.Problem{Source: src.Of("fail-on"), Detail: fmt.Sprintf("%q is no finding", name), Fix: "write some of " + strings.Join(names, ", ")})
		}
	}
	return ps
}

// audit looks at tenants, batch by batch.
func (p *program) audit(ctx context.Context, s tenantStore, glob string, a *auditSettings) error {
	now := time.Now()
	ids, err := readIDs(ctx, s, glob)
	if err != nil {
		return err
	}
	rec, err := readRecording(ctx, s, now)
	if err != nil {
		return interrupted(ctx, err)
	}
	out := newAuditOutput(p.stdout, a.format, rec)
	for some := range slices.Chunk(ids, readBatch) {
		if err := auditBatch(ctx, s, some, now, out); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	for _, name := range a.failOn {
		if out.entries[finding(name)] > 0 {
			return &exit{code: exitFailed}
		}
	}
	return nil
}

func auditBatch(ctx context.Context, s tenantStore, ids []string, now time.Time, out *auditOutput) error {
	var tenants []audited
	var lists []store.Entries
	err := readTenants(ctx, s, ids, func(t storedTenant) error {
		switch {
		case t.absent() || t.deleted:
		case t.problem != nil || t.document == nil:
			out.broken(t.id)
		default:
			found := auditTenant(&t, now)
			tenants = append(tenants, found)
			lists = append(lists, found.askUses())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if out.rec.on {
		uses, err := s.Uses(ctx, lists)
		if err != nil {
			return interrupted(ctx, fmt.Errorf("reading when entries were used: %w", err))
		}
		for i := range tenants {
			tenants[i].addUnused(out.rec, uses[i])
		}
	}
	for i := range tenants {
		if err := out.tenant(&tenants[i]); err != nil {
			return err
		}
	}
	return nil
}
