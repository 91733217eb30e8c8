package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/change"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// wish is a document that somebody wants stored; a nil one is a deletion.
type wish struct {
	id       string
	document *tenantv1.Tenant
}

// step is an edit and what it does.
type step struct {
	edit   store.Edit
	change change.Change
	// before is what the edit was made from, nil for nothing.
	before *tenantv1.Tenant
	// note says what is odd about the stored document, or is "".
	note string
}

// plan is what a command would write: all of it, or nothing.
type plan struct {
	steps     []step
	unchanged int
	warnings  []string
}

// makePlan compares wishes with what is stored. The error holds every reason why they cannot be had.
func makePlan(ctx context.Context, s store.Source, wishes []wish, bar *progress) (*plan, error) {
	ids := make([]string, len(wishes))
	for i, w := range wishes {
		ids[i] = w.id
	}
	p := &plan{}
	var problems []error
	done := 0
	bar.begin("comparing", len(wishes))
	defer bar.end()
	err := readTenants(ctx, s, ids, func(stored storedTenant) error {
		if ctx.Err() != nil {
			return errInterrupted
		}
		w := wishes[done]
		done++
		bar.at(done)
		problem, err := p.add(w, &stored)
		if problem != nil {
			problems = append(problems, problem)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	taken, err := p.takenHosts(ctx, s)
	if err != nil {
		return nil, err
	}
	if problems = append(problems, taken...); len(problems) > 0 {
		return nil, fmt.Errorf("nothing was written: %w", errors.Join(problems...))
	}
	return p, p.warnOfBrake(ctx, s)
}

// add takes one wish into the plan. problem is a reason why it cannot be had.
func (p *plan) add(w wish, stored *storedTenant) (problem, err error) {
	before := stored.document
	if w.document == nil && (stored.absent() || stored.deleted) {
		return errNoTenant(stored), nil
	}
	if problem := checkRevision(w.document, stored); problem != nil {
		return problem, nil
	}
	st := step{before: before, edit: store.Edit{ID: w.id, Base: stored.base()}}
	if w.document != nil {
		st.edit.Tenant = withoutRegistry(w.document)
	}
	if stored.problem != nil {
		st.note = "the stored document cannot be used: " + stored.problem.Error()
	}
	if st.change, err = change.Compare(before, st.edit.Tenant); err != nil {
		return nil, fmt.Errorf("tenant %s: %w", w.id, err)
	}
	st.change.ID = w.id
	if st.change.Kind == change.Unchanged && stored.problem == nil {
		p.unchanged++
		return nil, nil
	}
	p.steps = append(p.steps, st)
	return nil, nil
}

// checkRevision refuses a document that says of itself that it was made from another one than is stored.
func checkRevision(m *tenantv1.Tenant, stored *storedTenant) error {
	made := m.GetRevision()
	if made == 0 && m.GetUpdatedAt() == nil && m.GetUpdatedBy() == "" && m.GetReason() == "" || made == stored.base() && made != 0 {
		return nil
	}
	if made == 0 {
		return fmt.Errorf("tenant %s: updated_at, updated_by and reason are written by the registry; remove them", stored.id)
	}
	if stored.base() == 0 {
		return fmt.Errorf("tenant %s: the document says revision %d, and there is no such tenant; remove revision to create it", stored.id, made)
	}
	return fmt.Errorf("tenant %s: the document was made from revision %d, and %d is stored, by %s at %s; look at the difference and remove or correct revision",
		stored.id, made, stored.base(), stored.updatedBy, stored.updatedAt)
}

// takenHosts are hosts that belong to tenants which keep them. The store refuses them, too; here they
// are found before anything is written.
func (p *plan) takenHosts(ctx context.Context, s store.Source) ([]error, error) {
	edited := make(map[string]bool, len(p.steps))
	var hosts, by []string
	for i := range p.steps {
		edited[p.steps[i].edit.ID] = true
		for _, host := range p.steps[i].edit.Tenant.GetHosts() {
			if !slices.Contains(p.steps[i].before.GetHosts(), host) {
				hosts, by = append(hosts, host), append(by, p.steps[i].edit.ID)
			}
		}
	}
	owners, err := readOwners(ctx, s, hosts)
	if err != nil {
		return nil, err
	}
	var foreign []string
	for i, owner := range owners {
		// Those who are edited own what the edits say.
		if owner == by[i] || edited[owner] || !tenant.ValidID(owner) {
			owners[i] = ""
		}
		if owners[i] != "" {
			foreign = append(foreign, owner)
		}
	}
	slices.Sort(foreign)
	gone := map[string]bool{}
	err = readTenants(ctx, s, slices.Compact(foreign), func(t storedTenant) error {
		gone[t.id] = t.deleted
		return nil
	})
	if err != nil {
		return nil, err
	}
	var taken []error
	for i, owner := range owners {
		if owner != "" && !gone[owner] {
			taken = append(taken, &store.HostTakenError{ID: by[i], Host: hosts[i], Owner: owner})
		}
	}
	return taken, nil
}

// What serving processes hold back by themselves: removals, or documents that lose all their
// origins, of more tenants than this within a minute.
const (
	brakeFloor   = 50
	brakePercent = 2
)

// warnOfBrake warns of what serving processes will not follow by themselves.
func (p *plan) warnOfBrake(ctx context.Context, s store.Source) (err error) {
	removed, emptied := 0, 0
	for i := range p.steps {
		switch st := &p.steps[i]; {
		case st.change.Kind == change.Delete:
			removed++
		case empties(st.before, st.edit.Tenant):
			emptied++
		}
	}
	p.warnings, err = brakeWarnings(ctx, s, removed, emptied)
	return err
}

// empties reports whether a tenant loses all its origins.
func empties(before, after *tenantv1.Tenant) bool {
	return countOrigins(before) > 0 && countOrigins(after) == 0
}

func brakeWarnings(ctx context.Context, s store.Source, removed, emptied int) ([]string, error) {
	if max(removed, emptied) <= brakeFloor {
		return nil, nil
	}
	ids, err := readIDs(ctx, s, "*")
	if err != nil {
		return nil, err
	}
	limit := max(brakeFloor, len(ids)*brakePercent/100)
	var warnings []string
	for _, c := range []struct {
		n    int
		what string
	}{{removed, "are removed"}, {emptied, "lose all their origins"}} {
		if c.n > limit {
			warnings = append(warnings, fmt.Sprintf(
				"%d of %d tenants %s at once, more than %d: serving processes hold that back until corsgate tenant confirm", c.n, len(ids), c.what, limit))
		}
	}
	return warnings, nil
}

// countOrigins counts the entries of the policies in force, as serving processes do.
func countOrigins(t *tenantv1.Tenant) int {
	count := func(p *tenantv1.Policy) int { return len(p.GetOrigins()) + len(p.GetTemporaryOrigins()) }
	n := count(t.GetPolicy())
	for _, r := range t.GetRoutes() {
		n += count(r.GetPolicy())
	}
	return n
}

// edits is what is to be written.
func (p *plan) edits() []store.Edit {
	edits := make([]store.Edit, len(p.steps))
	for i := range p.steps {
		edits[i] = p.steps[i].edit
	}
	return edits
}

// hash names the plan: other documents, or others to replace, have another hash.
func (p *plan) hash() (string, error) {
	h := sha256.New()
	for i := range p.steps {
		e := &p.steps[i].edit
		fmt.Fprintf(h, "%s %d ", e.ID, e.Base)
		if e.Tenant == nil {
			fmt.Fprintln(h, "deleted")
			continue
		}
		text, err := document.MarshalJSON(e.Tenant)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\n", text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// counts sums up the kinds of the steps.
func (p *plan) counts() (c counts) {
	c.Unchanged = p.unchanged
	for i := range p.steps {
		switch p.steps[i].change.Kind {
		case change.Create:
			c.Created++
		case change.Delete:
			c.Deleted++
		default: // also what replaces an unreadable document by the same one
			c.Updated++
		}
	}
	return c
}

// counts is what became, or would become, of documents.
type counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Deleted   int `json:"deleted"`
}

// String is the summary of a command.
func (c counts) String() string {
	return fmt.Sprintf("%d created, %d updated, %d unchanged, %d deleted", c.Created, c.Updated, c.Unchanged, c.Deleted)
}

// sameDocument reports whether two documents differ in what the registry writes only.
func sameDocument(a, b *tenantv1.Tenant) bool {
	return proto.Equal(withoutRegistry(a), withoutRegistry(b))
}

// shellQuote writes a word for a shell.
func shellQuote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,@%"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
