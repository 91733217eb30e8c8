package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/tenant/store"
)

func (p *program) tenantDeleteCommand() *cobra.Command {
	var w writeFlags
	cmd := &cobra.Command{
		Use:   "delete ID... --redis URL [flags]",
		Short: "Delete tenants",
		Long: "Shows what would be lost and, with --write, deletes all of the tenants at once, or none. Their hosts get no CORS\n" +
			"headers from then on. The history stays, so that corsgate tenant rollback can bring them back.",
		Example: "  corsgate tenant delete acme --redis redis://127.0.0.1:6379 --write --reason 'contract ended'",
	}
	w.bind(cmd.Flags())
	w.bindShown(cmd.Flags())
	return p.finish(leaf{cmd: cmd, args: tenantIDs(store.MaxEdits), check: w.check, run: func(ctx context.Context, ids []string) error {
		began := time.Now()
		ids = slices.Compact(slices.Sorted(slices.Values(ids)))
		wishes := make([]wish, len(ids))
		for i, id := range ids {
			wishes[i].id = id
		}
		return p.withStore(&w.registryFlags, func(s tenantStore) error {
			pl, err := makePlan(ctx, s, wishes, newProgress(p.stderr))
			if err != nil {
				return err
			}
			return p.carry(ctx, s, pl, &w, carried{name: "delete", kind: store.KindDelete, began: began})
		})
	}})
}
