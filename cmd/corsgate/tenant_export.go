package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

func (p *program) tenantExportCommand() *cobra.Command {
	var r registryFlags
	var to string
	cmd := &cobra.Command{
		Use:   "export --redis URL [flags]",
		Short: "Write the documents of all tenants",
		Long: "Writes every tenant as it was at one moment, sorted by id, to standard output or into a new directory, one file a\n" +
			"tenant. Revisions and authors are left out: they belong to this registry. corsgate tenant import reads it.",
		Example: "  corsgate tenant export --redis redis://127.0.0.1:6379 > tenants.yaml\n" +
			"  corsgate tenant export --redis redis://127.0.0.1:6379 -o tenants/",
	}
	r.bind(cmd.Flags())
	cmd.Flags().StringVarP(&to, "output", "o", stdinPath, "`DIRECTORY` to write, which must be new or empty, or - for standard output")
	return p.finish(leaf{cmd: cmd, check: r.check, run: func(ctx context.Context, _ []string) error {
		if to != stdinPath {
			if err := vacant(to); err != nil {
				return err
			}
		}
		return p.withStore(&r, func(s tenantStore) error { return p.export(ctx, s, to) })
	}})
}

// vacant reports a directory that holds something.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("exporting: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("exporting: the directory %s is not empty; files of tenants that are gone would stay in it", dir)
	default:
		return nil
	}
}

func (p *program) export(ctx context.Context, s store.Source, to string) error {
	bar := newProgress(p.stderr)
	data, err := snapshot(ctx, s, bar)
	bar.end()
	if err != nil {
		return err
	}
	var broken []error
	write := func(put func(id string, text []byte) error) error {
		for _, id := range slices.Sorted(maps.Keys(data)) {
			if ctx.Err() != nil {
				return errInterrupted
			}
			stored := parseStored(store.Document{ID: id, Data: data[id]})
			if stored.problem != nil || stored.document == nil {
				broken = append(broken, errUnreadable(&stored))
				continue
			}
			text, err := document.MarshalYAML(withoutRegistry(stored.document))
			if err != nil {
				return err
			}
			if err := put(id, text); err != nil {
				return fmt.Errorf("exporting: %w", err)
			}
		}
		return nil
	}
	if to == stdinPath {
		err = exportStream(p.stdout, write)
	} else {
		err = exportDirectory(to, write)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "tenants exported: %d\n", len(data)-len(broken))
	if len(broken) > 0 {
		return fmt.Errorf("tenants missing from the export: %d\n%w", len(broken), errors.Join(broken...))
	}
	return nil
}

// rounds is how often a snapshot looks again at what was changed while it was read.
const rounds = 20

// changesAtOnce is how many changes are read at a time.
const changesAtOnce = 1000

// errChanging is a registry that does not hold still.
var errChanging = errors.New("the registry changes faster than it can be read; try again")

// snapshot gives the data of all tenants at one moment: what was changed while it was read is read again,
// until nothing was.
func snapshot(ctx context.Context, s store.Source, bar *progress) (map[string][]byte, error) {
	head, err := s.Head(ctx)
	if err != nil {
		return nil, interrupted(ctx, fmt.Errorf("reading the registry: %w", err))
	}
	begin := head
	ids, err := readIDs(ctx, s, "*")
	if err != nil {
		return nil, err
	}
	data := make(map[string][]byte, len(ids))
	for range rounds {
		bar.begin("reading tenants", len(ids))
		done := 0
		err := readTenants(ctx, s, ids, func(t storedTenant) error {
			done++
			bar.at(done)
			switch {
			case errors.Is(t.problem, store.ErrWrongType), errors.Is(t.problem, store.ErrTooLarge):
				return errUnreadable(&t)
			case t.absent() || t.deleted:
				delete(data, t.id)
			default:
				data[t.id] = t.data
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		ids, head, err = changed(ctx, s, head)
		if err != nil {
			return nil, err
		}
		if head.Epoch != begin.Epoch && begin.Epoch != "" || head.Last.Before(begin.Last) || begin.Last.Before(head.Trimmed) {
			return nil, fmt.Errorf("exporting: %w", errChanging)
		}
		if len(ids) == 0 {
			return data, nil
		}
	}
	return nil, fmt.Errorf("exporting: %w", errChanging)
}

// changed gives the tenants that were changed after a head, and the head now.
func changed(ctx context.Context, s store.Source, since store.Head) ([]string, store.Head, error) {
	now, err := s.Head(ctx)
	if err != nil {
		return nil, now, interrupted(ctx, fmt.Errorf("reading the registry: %w", err))
	}
	ids := map[string]bool{}
	for at := since.Last; at.Before(now.Last); {
		found, err := s.Changes(ctx, at, changesAtOnce, 0)
		if err != nil {
			return nil, now, interrupted(ctx, fmt.Errorf("reading changes: %w", err))
		}
		if len(found) == 0 {
			break
		}
		for _, c := range found {
			if tenant.ValidID(c.Tenant) {
				ids[c.Tenant] = true
			}
			at = c.At
		}
	}
	return slices.Sorted(maps.Keys(ids)), now, nil
}

// exportStream writes one stream of documents.
func exportStream(w io.Writer, write func(func(string, []byte) error) error) error {
	out := bufio.NewWriter(w)
	err := write(func(_ string, text []byte) error {
		_, err := fmt.Fprintf(out, "---\n%s", text)
		return err
	})
	return errors.Join(err, out.Flush())
}

// exportDirectory writes one file a tenant. The directory appears when it is complete.
func exportDirectory(dir string, write func(func(string, []byte) error) error) (err error) {
	dir = filepath.Clean(dir)
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".export-")
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temporary))
		}
	}()
	err = write(func(id string, text []byte) error {
		return os.WriteFile(filepath.Join(temporary, id+".yaml"), text, 0o644) //nolint:gosec // as readable as what it is compared with; it holds no secret
	})
	if err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil { //nolint:gosec // as its files
		return fmt.Errorf("exporting: %w", err)
	}
	if err := os.Rename(temporary, dir); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	return nil
}
