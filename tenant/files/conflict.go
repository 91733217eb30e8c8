package files

import (
	"fmt"
	"slices"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// Conflicts returns a problem for each of the documents, in files, that have an id or a host which another one has, too.
// None of them had it before: see [tenant.Snapshot.Merge].
func Conflicts(records []*tenant.Record) document.Problems {
	return conflicts(records, func(string) string { return "" }, func(string) string { return "" })
}

// conflicts is [Conflicts] where some had an id or a host before: keeper names the file whose document of an id is in
// force, holder the tenant that has a host; both "" when none.
func conflicts(records []*tenant.Record, keeper, holder func(string) string) document.Problems {
	byID := make(map[string][]*tenant.Record, len(records))
	byHost := make(map[string][]*tenant.Record, len(records))
	for _, r := range records {
		byID[r.ID()] = append(byID[r.ID()], r)
		for _, host := range r.Hosts() {
			byHost[host] = append(byHost[host], r)
		}
	}
	var problems document.Problems
	for _, r := range records {
		if other := another(byID[r.ID()], func(o *tenant.Record) bool { return o != r }); other != nil {
			problems = append(problems, clash(r, "id", r.ID(), document.CodeIDTaken, ofID(r, other, keeper(r.ID()))))
		}
		for i, host := range r.Hosts() {
			other := another(byHost[host], func(o *tenant.Record) bool { return o.ID() != r.ID() })
			if held := holder(host); held != "" && held != r.ID() {
				other = another(byHost[host], func(o *tenant.Record) bool { return o.ID() == held })
			}
			if other != nil {
				problems = append(problems, clash(r, fmt.Sprintf("hosts[%d]", i), host, document.CodeHostTaken, ofHost(r, other, holder(host))))
			}
		}
	}
	return problems
}

// another is the first of records that is one, or nil.
func another(records []*tenant.Record, is func(*tenant.Record) bool) *tenant.Record {
	if i := slices.IndexFunc(records, is); i >= 0 {
		return records[i]
	}
	return nil
}

func ofID(r, other *tenant.Record, keeper string) string {
	switch keeper {
	case "":
		return "the document in " + place(other) + " has the same id, and none of them counts"
	case r.File():
		return "the document in " + place(other) + " has the same id; this one, which was there before, stays in force"
	default:
		return "the id belongs to the document in " + keeper
	}
}

func ofHost(r, other *tenant.Record, holder string) string {
	switch holder {
	case "":
		return name(other) + " in " + place(other) + " lists the host too, and none of them has it"
	case r.ID():
		return name(other) + " in " + place(other) + " lists the host too; it stays with this one, which had it before"
	default:
		return "the host belongs to " + name(other) + " in " + place(other)
	}
}

// name names a document, for people.
func name(r *tenant.Record) string {
	if !tenant.ValidID(r.ID()) {
		return "a document without an id"
	}
	return "tenant " + r.ID()
}

// place names where a document is, for people.
func place(r *tenant.Record) string {
	if at := r.Source(); at != nil {
		return fmt.Sprintf("%s, line %d", at.File, at.Line)
	}
	return "the registry"
}

func clash(r *tenant.Record, path, value string, code policy.Code, detail string) document.Problem {
	p := document.Problem{
		File:    r.File(),
		Problem: policy.Problem{Path: path, Value: value, Code: code, Detail: detail, Fix: "remove it from one of the two"},
	}
	if tenant.ValidID(r.ID()) {
		p.Tenant = r.ID()
	}
	if at := r.Source(); at != nil {
		p.Document, p.Line, p.Column = at.Document, at.Line, at.Column
	}
	return p
}
