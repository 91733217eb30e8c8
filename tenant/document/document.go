// Package document makes a [tenant.Record] of the text of a tenant document, YAML or JSON, and
// writes documents. It reports every problem of a text with its place, a stable code and, where
// there is one, what to write instead, and advises about what is legal and risky.
//
// Rule numbers in comments are those of docs/rules.md.
package document

import (
	"fmt"
	"slices"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
)

// Document is one tenant document without a problem.
type Document struct {
	// Tenant is what the document says, with hosts in canonical form. It belongs to the
	// caller; changing it changes neither Record nor what Advise says.
	Tenant *tenantv1.Tenant
	// Record is the document compiled.
	Record *tenant.Record

	text  *text
	specs []specAt
}

// specAt is a policy of the document and where it stands.
type specAt struct {
	path string
	spec policy.Spec
}

// Decode reads every document of data, YAML or JSON, and returns those without
// a problem. file names the source in problems and need not exist. broken are
// records, without a policy, of documents whose id or hosts could be read: put into a
// snapshot, they keep those hosts from falling to the default tenant.
// problems holds all problems of all documents. Documents without content are
// skipped.
func Decode(file string, data []byte) (good []*Document, broken []*tenant.Record, problems Problems) {
	index := 0
	for t := range documents(file, data) {
		if t.blank() {
			continue
		}
		t.index = index
		index++
		doc, record, found := decode(t)
		switch {
		case doc != nil:
			good = append(good, doc)
		case record != nil:
			broken = append(broken, record)
		}
		problems = append(problems, found...)
	}
	return good, broken, problems
}

// Parse reads data, which must hold exactly one document, YAML or JSON. The
// error is a [Problems].
func Parse(file string, data []byte) (*Document, error) {
	good, broken, problems := Decode(file, data)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if n := len(good) + len(broken); n != 1 {
		return nil, Problems{{File: file, Problem: policy.Problem{
			Code: CodeSyntax, Detail: fmt.Sprintf("holds %d documents; one belongs here", n),
		}}}
	}
	return good[0], nil
}

// decode takes one document through its phases: text, message, shape, meaning.
func decode(t *text) (*Document, *tenant.Record, Problems) {
	c := &collector{doc: t, id: t.key}
	if line, column, p, ok := t.parse(); !ok {
		c.add(line, column, p)
		return nil, nil, c.sorted()
	}
	m := &tenantv1.Tenant{}
	decodeMessage(c, m)
	if c.id == "" && tenant.ValidID(m.GetId()) {
		c.id = m.GetId()
	}
	return build(c, m)
}

// build takes a message through the phases that do not depend on how it was read: shape and meaning.
func build(c *collector, m *tenantv1.Tenant) (*Document, *tenant.Record, Problems) {
	t := c.doc
	tombstone := t.key != "" && m.GetDeleted()
	c.nextPhase()
	checkRequired(c, m, tombstone)
	c.nextPhase()
	checkShape(c, m)
	c.nextPhase()

	d := definitionOf(m)
	d.ID, d.Source = c.id, t.source()
	d.Hosts = canonicalHosts(c, m.GetHosts())
	checkPlace(c, m)
	comp := &compiler{collector: c}
	if !tombstone {
		comp.compile(&d, m)
	}
	if len(c.problems) > 0 {
		if d.ID == "" && len(d.Hosts) == 0 {
			return nil, nil, c.sorted()
		}
		return nil, tenant.NewRecord(tenant.Definition{ID: d.ID, Hosts: d.Hosts, Source: d.Source}), c.sorted()
	}
	record := tenant.NewRecord(d)
	m.Hosts = slices.Clone(record.Hosts())
	t.root = nil // parsed again for advice; a tree is many times its text
	return &Document{Tenant: m, Record: record, text: t, specs: comp.specs}, record, nil
}

// tierLabel is the label that says what a tenant is worth to the operator.
const tierLabel = "tier"

// definitionOf takes from m what needs no compiling.
func definitionOf(m *tenantv1.Tenant) tenant.Definition {
	return tenant.Definition{
		Mode: modeOf(m.GetMode()), Revision: m.GetRevision(), Deleted: m.GetDeleted(),
		MaxStale: m.GetMaxStale().AsDuration(), Tier: m.GetLabels()[tierLabel],
	}
}

// source is the place of the document's first field, nil for a document of a store.
func (t *text) source() *tenant.Source {
	if t.key != "" {
		return nil
	}
	line, column := t.place(t.root.Line, t.root.Column)
	return &tenant.Source{File: t.file, Document: t.index, Line: line, Column: column}
}

func modeOf(m tenantv1.Tenant_Mode) tenant.Mode {
	switch m {
	case tenantv1.Tenant_SHADOW:
		return tenant.Shadow
	case tenantv1.Tenant_OFF:
		return tenant.Off
	default:
		return tenant.Enforce
	}
}

// checkPlace reports a document that does not belong where it was found.
func checkPlace(c *collector, m *tenantv1.Tenant) {
	switch key := c.doc.key; {
	case key == "" && m.GetDeleted():
		c.addAt(policy.Problem{
			Path: "deleted", Code: CodeDeleted, Detail: "a deleted tenant has no document",
			Fix: "remove the document",
		})
	case key != "" && m.GetId() != key:
		c.addAt(policy.Problem{
			Path: "id", Value: m.GetId(), Code: CodeIDMismatch, Detail: "the document is stored under another id",
			Fix: "write " + key + ", or store it under its own id",
		})
	}
}
