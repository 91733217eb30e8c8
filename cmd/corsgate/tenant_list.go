package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// listSettings are the flags of tenant list.
type listSettings struct {
	registryFlags
	host    string
	deleted bool
	format  string
}

func (p *program) tenantListCommand() *cobra.Command {
	var l listSettings
	cmd := &cobra.Command{
		Use:   "list [GLOB] --redis URL [flags]",
		Short: "List tenants",
		Long: "Lists the tenants whose id matches GLOB (* and ? and [a-z]), sorted. With --host it lists those that can answer for\n" +
			"a host, the one that does first.",
		Example: "  corsgate tenant list 'shop-*' --redis redis://127.0.0.1:6379\n" +
			"  corsgate tenant list --host api.acme.example --redis redis://127.0.0.1:6379",
	}
	f := cmd.Flags()
	l.bind(f)
	f.StringVar(&l.host, "host", "", "`HOST` whose tenants are listed")
	f.BoolVar(&l.deleted, "deleted", false, "list deleted tenants that are still known, too")
	config.Choice(f, &l.format, config.Choices{Name: "output", Short: "o", Values: []string{"text", "json"}, Usage: "form of the list; json has one object a line"})
	return p.finish(leaf{
		cmd: cmd, check: l.check,
		args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("one pattern of ids is enough; quote it, so that the shell does not read it")
			}
			return checkGlob(args)
		},
		run: func(ctx context.Context, args []string) error {
			glob := "*"
			if len(args) == 1 {
				glob = args[0]
			}
			return p.withStore(&l.registryFlags, func(s tenantStore) error { return p.list(ctx, s, glob, l) })
		},
	})
}

func checkGlob(args []string) error {
	for _, glob := range args {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("%q is not a pattern", glob)
		}
	}
	return nil
}

func (l *listSettings) check(src config.Sources) config.Problems {
	ps := l.registryFlags.check(src)
	if l.host == "" {
		return ps
	}
	if _, err := hostsAbove(l.host); err != nil {
		ps = append(ps, config.Problem{Source: src.Of("host"), Detail: err.Error(), Fix: "write the host that the browser asks"})
	}
	return ps
}

// listRow is a tenant as it is listed.
type listRow struct {
	ID       string   `json:"id"`
	Revision int64    `json:"revision"`
	Mode     string   `json:"mode"`
	Updated  string   `json:"updated_at,omitempty"`
	Hosts    []string `json:"hosts"`
	Problem  string   `json:"problem,omitempty"`
}

func (p *program) list(ctx context.Context, s store.Source, glob string, l listSettings) error {
	ids, err := l.ids(ctx, s, glob)
	if err != nil {
		return err
	}
	if l.format == "text" {
		if err := p.listText(listRow{ID: "ID", Mode: "MODE", Updated: "UPDATED", Hosts: []string{"HOSTS"}}, "REVISION"); err != nil {
			return err
		}
	}
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	return readTenants(ctx, s, ids, func(t storedTenant) error {
		if t.absent() || t.deleted && !l.deleted {
			return nil
		}
		row := rowOf(&t)
		if l.format == "json" {
			return encoder.Encode(row)
		}
		return p.listText(row, strconv.FormatInt(row.Revision, 10))
	})
}

// ids are those to be listed.
func (l *listSettings) ids(ctx context.Context, s store.Source, glob string) ([]string, error) {
	if l.host == "" {
		return readIDs(ctx, s, glob)
	}
	entries, err := hostsAbove(l.host)
	if err != nil {
		return nil, err
	}
	owners, err := readOwners(ctx, s, entries)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, id := range owners {
		if ok, err := path.Match(glob, id); err != nil {
			return nil, err
		} else if ok && tenant.ValidID(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func rowOf(t *storedTenant) listRow {
	mode := t.document.GetMode()
	if mode == tenantv1.Tenant_MODE_UNSPECIFIED {
		mode = tenantv1.Tenant_ENFORCE
	}
	row := listRow{ID: t.id, Revision: t.revision, Mode: mode.String(), Updated: t.updatedAt, Hosts: t.hosts}
	if row.Hosts == nil {
		row.Hosts = []string{}
	}
	switch {
	case t.problem != nil:
		row.Mode, row.Problem = "BROKEN", t.problem.Error()
	case t.deleted:
		row.Mode = "DELETED"
	}
	return row
}

// shownHosts is how many hosts stand in one line.
const shownHosts = 3

// listText writes one line; the columns are wide enough for what is usual, so that no line waits for others.
func (p *program) listText(r listRow, revision string) error {
	hosts := strings.Join(r.Hosts[:min(len(r.Hosts), shownHosts)], " ")
	if n := len(r.Hosts) - shownHosts; n > 0 {
		hosts += fmt.Sprintf(" and %d more", n)
	}
	line := fmt.Sprintf("%-24s  %-8s  %-7s  %-20s  %s", r.ID, revision, r.Mode, r.Updated, hosts)
	line = strings.ReplaceAll(strings.TrimRight(line, " "), "\n", " ")
	_, err := io.WriteString(p.stdout, plainText(line)+"\n")
	return err
}
