package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/change"
	"github.com/corsgate/corsgate/tenant/store"
)

// maxKept is more than a store keeps of one tenant's history.
const maxKept = 1000

// historySettings are the flags of tenant history.
type historySettings struct {
	registryFlags
	limit  int
	diff   bool
	format string
}

func (p *program) tenantHistoryCommand() *cobra.Command {
	var h historySettings
	cmd := &cobra.Command{
		Use:   "history ID --redis URL [flags]",
		Short: "Show who changed a tenant, when and why",
		Long: "Shows the newest revisions of a tenant, the newest one first; about 100 are kept, of a deleted tenant for 90 days.\n" +
			"With --diff each comes with what it did to the one before.",
		Example: "  corsgate tenant history acme --redis redis://127.0.0.1:6379 --diff",
	}
	f := cmd.Flags()
	h.bind(f)
	f.IntVar(&h.limit, "limit", 20, "most revisions to show")
	f.BoolVar(&h.diff, "diff", false, "show what each revision changed")
	config.Choice(f, &h.format, config.Choices{Name: "output", Short: "o", Values: []string{"text", "json"}, Usage: "form of the list"})
	return p.finish(leaf{cmd: cmd, args: tenantIDs(1), check: h.check, run: func(ctx context.Context, args []string) error {
		return p.withStore(&h.registryFlags, func(s tenantStore) error { return p.history(ctx, s, args[0], h) })
	}})
}

func (h *historySettings) check(src config.Sources) config.Problems {
	ps := h.registryFlags.check(src)
	if h.limit < 1 || h.limit > maxKept {
		ps = append(ps, config.Problem{Source: src.Of("limit"), Detail: fmt.Sprintf("%d is outside 1 to %d", h.limit, maxKept)})
	}
	return ps
}

// revisionRow is a revision as it is shown.
type revisionRow struct {
	Revision int64          `json:"revision"`
	At       string         `json:"at"`
	Kind     string         `json:"kind"`
	By       string         `json:"by"`
	Reason   string         `json:"reason"`
	Change   *change.Change `json:"change,omitempty"`
}

func (p *program) history(ctx context.Context, s store.Writer, id string, h historySettings) error {
	revisions, err := s.History(ctx, id, h.limit+1) // one more, to compare the oldest with
	if err != nil {
		return interrupted(ctx, fmt.Errorf("reading the history: %w", err))
	}
	if len(revisions) == 0 {
		return fmt.Errorf("tenant %s has no history", id)
	}
	rows := make([]revisionRow, min(h.limit, len(revisions)))
	for i := range rows {
		r := &revisions[i]
		rows[i] = revisionRow{Revision: r.Number, At: r.At.UTC().Format(time.RFC3339), Kind: r.Kind, By: r.By, Reason: r.Reason}
		if !h.diff {
			continue
		}
		var before *tenantv1.Tenant
		if i+1 < len(revisions) {
			older := parseStored(store.Document{ID: id, Data: revisions[i+1].Data})
			before = older.document
		} else if r.Number > 1 {
			continue // what it was made from is forgotten
		}
		now := parseStored(store.Document{ID: id, Data: r.Data})
		c, err := change.Compare(before, now.document)
		if err != nil {
			return err
		}
		rows[i].Change = &c
	}
	if h.format == "json" {
		return writeJSON(p.stdout, rows)
	}
	return p.historyText(rows)
}

func (p *program) historyText(rows []revisionRow) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s  %-20s  %-8s  %-24s  %s\n", "REVISION", "AT", "KIND", "BY", "REASON")
	for _, r := range rows {
		line := fmt.Sprintf("%-8d  %-20s  %-8s  %-24s  %s", r.Revision, r.At, r.Kind, r.By, r.Reason)
		// A field must not begin a line of its own.
		b.WriteString(strings.TrimRight(strings.ReplaceAll(line, "\n", " "), " ") + "\n")
		if r.Change != nil {
			showEffects(&b, r.Change.Effects)
			b.WriteString(r.Change.Diff)
		}
	}
	_, err := io.WriteString(p.stdout, plainText(b.String()))
	return err
}

func (p *program) tenantRollbackCommand() *cobra.Command {
	var w writeFlags
	var to int64
	cmd := &cobra.Command{
		Use:   "rollback ID --to REVISION --redis URL [flags]",
		Short: "Give a tenant the document of an earlier revision",
		Long: "Shows what going back to an earlier document would change and, with --write, stores it as a new revision.\n" +
			"A document that is not valid today is refused. A deleted tenant comes back.",
		Example: "  corsgate tenant rollback acme --to 3 --redis redis://127.0.0.1:6379 --write --reason 'the new list was wrong'",
	}
	w.bind(cmd.Flags())
	w.bindShown(cmd.Flags())
	cmd.Flags().Int64Var(&to, "to", 0, "`REVISION` whose document comes back (required)")
	check := func(src config.Sources) config.Problems {
		ps := w.check(src)
		if to < 1 {
			ps = append(ps, config.Problem{Source: src.Of("to"), Detail: "no revision is named", Fix: "name one that corsgate tenant history shows"})
		}
		return ps
	}
	return p.finish(leaf{cmd: cmd, args: tenantIDs(1), check: check, run: func(ctx context.Context, args []string) error {
		began := time.Now()
		return p.withStore(&w.registryFlags, func(s tenantStore) error {
			document, err := p.revision(ctx, s, args[0], to)
			if err != nil {
				return err
			}
			pl, err := makePlan(ctx, s, []wish{{id: args[0], document: document}}, newProgress(p.stderr))
			if err != nil {
				return err
			}
			return p.carry(ctx, s, pl, &w, carried{name: "rollback", kind: store.KindRollback, began: began})
		})
	}})
}
