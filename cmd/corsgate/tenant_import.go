package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/report"
	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// importPart is how many documents are written as one.
const importPart = 1000

func (p *program) tenantImportCommand() *cobra.Command {
	var w writeFlags
	var d fileFlags
	cmd := &cobra.Command{
		Use:   "import -f PATH --redis URL [flags]",
		Short: "Load a large number of tenants",
		Long: "Reads and checks all documents, and with --write stores them in parts of " + strconv.Itoa(importPart) + ", sorted by id; each part is written\n" +
			"wholly or not at all. What is stored already is left alone, so that the same command goes on where an earlier one\n" +
			"ended. For changes of up to " + strconv.Itoa(store.MaxEdits) + " documents use corsgate tenant apply, which writes them as one.",
		Example: "  corsgate tenant import -f tenants/ --redis redis://127.0.0.1:6379 --write --reason 'first load'",
	}
	w.bind(cmd.Flags())
	d.bind(cmd.Flags())
	return p.finish(leaf{
		cmd:   cmd,
		check: func(src config.Sources) config.Problems { return append(w.check(src), d.check(src)...) },
		run: func(ctx context.Context, _ []string) error {
			began := time.Now()
			return p.withStore(&w.registryFlags, func(s tenantStore) error {
				im := importer{program: p, store: s, flags: &w, bar: newProgress(p.stderr)}
				defer im.bar.end()
				return im.run(ctx, d.paths, began)
			})
		},
	})
}

// importer loads documents in parts.
type importer struct {
	*program
	store tenantStore
	flags *writeFlags
	bar   *progress

	cargo []packed
	// counts is what was done; todo what there is to do.
	counts, todo counts
	// emptied is how many tenants lose all their origins.
	emptied int
}

// packed is a good document, kept small: there may be a million.
type packed struct {
	id   string
	json []byte
	// base is what it replaces.
	base int64
}

func (im *importer) run(ctx context.Context, paths []string, began time.Time) error {
	if err := im.pack(ctx, paths); err != nil {
		return err
	}
	if err := im.compare(ctx); err != nil {
		return err
	}
	im.bar.end()
	warnings, err := brakeWarnings(ctx, im.store, 0, im.emptied)
	if err != nil {
		return err
	}
	im.warn(warnings)
	if !im.flags.write {
		end := outcome{Counts: im.todo}
		if len(im.cargo) > 0 {
			end.Command = im.commandLine("import", "--write")
		}
		return im.summary(end)
	}
	if err := im.load(ctx); err != nil {
		return err
	}
	return im.summary(outcome{Written: true, Counts: im.counts, Took: time.Since(began)})
}

// claims notes who has an id or a host first. It stands in for files.Conflicts, which would keep every
// compiled policy in memory.
type claims struct{ ids, hosts map[string]claim }

type claim struct{ id, file string }

func (c *claims) add(d *document.Document) document.Problems {
	var problems document.Problems
	r := d.Record
	mine := claim{r.ID(), r.File()}
	taken := func(path, value string, code policy.Code, format string, args ...any) {
		problems = append(problems, document.Problem{
			Problem: policy.Problem{Path: path, Value: value, Code: code, Detail: fmt.Sprintf(format, args...)},
			File:    r.File(), Tenant: r.ID(),
		})
	}
	if first, ok := c.ids[r.ID()]; ok {
		taken("id", r.ID(), document.CodeIDTaken, "the id belongs to a document in %s", first.file)
		return problems
	}
	c.ids[r.ID()] = mine
	for i, host := range r.Hosts() {
		if first, ok := c.hosts[host]; ok {
			taken(fmt.Sprintf("hosts[%d]", i), host, document.CodeHostTaken, "the host belongs to tenant %s in %s", first.id, first.file)
			continue
		}
		c.hosts[host] = mine
	}
	return problems
}

// pack reads all documents and refuses them if there is a problem with one.
func (im *importer) pack(ctx context.Context, paths []string) error {
	seen := claims{ids: map[string]claim{}, hosts: map[string]claim{}}
	var clashes document.Problems
	im.bar.begin("reading documents", 0)
	var failed error
	files, problems, err := im.eachDocument(ctx, paths, pieces, func(d *document.Document) {
		clashes = append(clashes, seen.add(d)...)
		text, err := document.MarshalJSON(d.Tenant)
		failed = cmp.Or(failed, err)
		im.cargo = append(im.cargo, packed{id: d.Record.ID(), json: text})
		im.bar.at(len(im.cargo))
	})
	if err := cmp.Or(err, failed); err != nil {
		return err
	}
	if problems = append(problems, clashes...); len(problems) > 0 {
		im.bar.end()
		findings := report.Report{Files: files, Tenants: len(im.cargo)}
		findings.Add(report.Error, problems)
		return im.refuse(&findings)
	}
	slices.SortFunc(im.cargo, func(a, b packed) int { return cmp.Compare(a.id, b.id) })
	return nil
}

// compare drops what is stored already, and notes what the rest replaces.
func (im *importer) compare(ctx context.Context) error {
	ids := make([]string, len(im.cargo))
	for i := range im.cargo {
		ids[i] = im.cargo[i].id
	}
	var stale []error
	kept := im.cargo[:0]
	im.bar.begin("comparing", len(ids))
	i := 0
	err := readTenants(ctx, im.store, ids, func(stored storedTenant) error {
		c := im.cargo[i]
		i++
		im.bar.at(i)
		m, err := c.document()
		if err != nil {
			return err
		}
		if err := checkRevision(m, &stored); err != nil {
			stale = append(stale, err)
			return nil
		}
		before := stored.document
		switch {
		case before == nil:
			im.todo.Created++
		case stored.problem == nil && sameDocument(before, m):
			im.todo.Unchanged++
			return nil
		default:
			im.todo.Updated++
		}
		c.base = stored.base()
		if empties(before, m) {
			im.emptied++
		}
		kept = append(kept, c)
		return nil
	})
	if err != nil {
		return err
	}
	im.cargo = kept
	if len(stale) > 0 {
		return fmt.Errorf("nothing was written: %w", errors.Join(stale...))
	}
	return nil
}

func (c *packed) document() (*tenantv1.Tenant, error) {
	m := &tenantv1.Tenant{}
	if err := protojson.Unmarshal(c.json, m); err != nil {
		return nil, fmt.Errorf("tenant %s: %w", c.id, err)
	}
	return m, nil
}

// load writes part after part.
func (im *importer) load(ctx context.Context) error {
	im.counts.Unchanged = im.todo.Unchanged
	written := 0
	im.bar.begin("writing", len(im.cargo))
	for part := range slices.Chunk(im.cargo, importPart) {
		edits := make([]store.Edit, len(part))
		created := 0
		for i := range part {
			m, err := part[i].document()
			if err != nil {
				return err
			}
			edits[i] = store.Edit{ID: part[i].id, Tenant: withoutRegistry(m), Base: part[i].base}
			if part[i].base == 0 {
				created++
			}
		}
		if err := commit(ctx, im.store, edits, im.flags.author(store.KindImport)); err != nil {
			im.bar.end()
			return im.stopped(written, part, err)
		}
		im.counts.Created += created
		im.counts.Updated += len(part) - created
		written += len(part)
		im.bar.at(written)
	}
	im.bar.end()
	return nil
}

// stopped says precisely what was written before a part failed.
func (im *importer) stopped(written int, part []packed, err error) error {
	last := ""
	if written > 0 {
		last = ", up to tenant " + im.cargo[written-1].id
	}
	return fmt.Errorf("%d of %d documents are written%s; the same command goes on from there. The part from %s to %s failed: %w",
		written, len(im.cargo), last, part[0].id, part[len(part)-1].id, err)
}
