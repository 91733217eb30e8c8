package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

func (p *program) tenantConfirmCommand() *cobra.Command {
	var w writeFlags
	cmd := &cobra.Command{
		Use:   "confirm --reason TEXT --redis URL [flags]",
		Short: "Tell serving processes that the registry is as it should be",
		Long: "Serving processes hold back what looks like an accident: many tenants that vanish at once, another registry in the\n" +
			"place of theirs, a registry that went back in time. confirm shows what is stored and, with --write, tells them to\n" +
			"take it as it is. Look at it closely before.",
		Example: "  corsgate tenant confirm --redis redis://127.0.0.1:6379 --write --reason 'restored from the backup of noon'",
	}
	w.bind(cmd.Flags())
	check := func(src config.Sources) config.Problems {
		ps := w.check(src)
		if w.reason == "" {
			ps = append(ps, config.Problem{Source: src.Of("reason"), Detail: "a confirmation needs a reason", Fix: "say why what is stored is right"})
		}
		return ps
	}
	return p.finish(leaf{cmd: cmd, check: check, run: func(ctx context.Context, _ []string) error {
		return p.withStore(&w.registryFlags, func(s tenantStore) error { return p.confirm(ctx, s, &w) })
	}})
}

func (p *program) confirm(ctx context.Context, s store.Writer, w *writeFlags) error {
	head, err := s.Head(ctx)
	if err != nil {
		return interrupted(ctx, fmt.Errorf("reading the registry: %w", err))
	}
	ids, err := readIDs(ctx, s, "*")
	if err != nil {
		return err
	}
	tenants, deleted, broken := 0, 0, 0
	err = readTenants(ctx, s, ids, func(t storedTenant) error {
		switch {
		case t.problem != nil:
			broken++
		case t.deleted:
			deleted++
		case !t.absent():
			tenants++
		}
		return nil
	})
	if err != nil {
		return err
	}
	or := func(text, none string) string {
		if text == "" {
			return none
		}
		return text
	}
	var b strings.Builder
	fmt.Fprintf(&b, "tenants    %d, besides %d deleted and %d that cannot be used\n", tenants, deleted, broken)
	fmt.Fprintf(&b, "epoch      %s\n", or(head.Epoch, "none: nothing was ever written by corsgate tenant"))
	fmt.Fprintf(&b, "position   %s\n", head.Last)
	fmt.Fprintf(&b, "confirmed  %s\n", or(head.Confirmed, "never"))
	if err := flush(p.stdout, &b); err != nil {
		return err
	}
	if !w.write {
		fmt.Fprintf(&b, "Nothing was written. To confirm this:\n  %s\n", p.commandLine("confirm", "--write"))
		return flush(p.stdout, &b)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: nothing was written", errInterrupted)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	token, err := s.Confirm(ctx, w.author(store.KindConfirm))
	switch {
	case errors.Is(err, redisstore.ErrOutcomeUnknown):
		return fmt.Errorf("the answer was lost; confirming again does no harm: %w", err)
	case err != nil:
		return fmt.Errorf("nothing was written: %w", err)
	}
	fmt.Fprintf(&b, "confirmed now: %s\n", token)
	return flush(p.stdout, &b)
}
