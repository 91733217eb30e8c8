package files

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// set is the files that there are, by name.
type set map[string]*file

// claim is a document and the version of a file that it is in.
type claim struct {
	*entry
	version *version
}

// claims are all documents of the files, by id.
func (s set) claims() map[string][]claim {
	all := make(map[string][]claim)
	for _, name := range slices.Sorted(maps.Keys(s)) {
		v := s[name].counts
		if v == nil {
			continue
		}
		for i := range v.documents {
			d := &v.documents[i]
			all[d.id] = append(all[d.id], claim{d, v})
		}
	}
	return all
}

// never is longer than any process lives.
const never = time.Duration(math.MaxInt64)

// merge returns the snapshot after before in which the documents of the files are in force as far as rules permit. What the
// files do not have stays unless they are complete.
func (s set) merge(before *tenant.Snapshot, complete bool, rules tenant.Rules) (*tenant.Snapshot, tenant.Outcome) {
	rules.AbsentAfter = never
	claims := s.claims()
	updates := make([]tenant.Update, 0, len(claims))
	for id, list := range claims {
		updates = append(updates, update(before, id, list))
	}
	for r := range before.All() {
		if complete && claims[r.ID()] == nil {
			updates = append(updates, s.absent(r))
		}
	}
	return before.Merge(updates, rules)
}

// errTaken is what is wrong with documents of one id.
var errTaken = errors.New("several documents have this id, and none of them was there before")

// update is what the documents of one id say. Of several, the one of the file that the document in force came from
// counts; else none does.
func update(before *tenant.Snapshot, id string, list []claim) tenant.Update {
	if len(list) > 1 {
		file := keeper(before, id)
		mine := slices.DeleteFunc(slices.Clone(list), func(c claim) bool { return c.record.File() != file })
		if len(mine) != 1 {
			return taken(id, list)
		}
		list = mine
	}
	c := list[0]
	return tenant.Update{ID: id, Record: c.record, Err: c.err, Sum: c.sum, Bytes: c.bytes, Partial: c.version.partial}
}

// taken closes a tenant whose id is that of several documents, and keeps their hosts from falling to others.
func taken(id string, list []claim) tenant.Update {
	records := make([]*tenant.Record, len(list))
	parts := []string{id}
	for i, c := range list {
		records[i] = c.record
		parts = append(parts, strconv.FormatUint(c.sum, 16))
	}
	return tenant.Update{ID: id, Record: tenant.Closed(id, records...), Err: errTaken, Sum: checksum(parts...)}
}

// keeper is the file of the document in force of an id, or "".
func keeper(snapshot *tenant.Snapshot, id string) string {
	if r, _ := snapshot.Document(id); r != nil && r.Readable() {
		return r.File()
	}
	return ""
}

// absent is what the files say of a document in force that they do not have. A file with a document whose id cannot be
// read may still have it.
func (s set) absent(r *tenant.Record) tenant.Update {
	u := tenant.Update{ID: r.ID(), Announced: true}
	if f := s[r.File()]; f != nil && f.counts != nil && tenant.ValidID(r.ID()) {
		u.Announced, u.Partial = !f.counts.anonymous, f.counts.partial
	}
	return u
}

// own are the problems of files as a whole.
func (s set) own() document.Problems {
	var own document.Problems
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if p := s[name].problem; p != nil {
			own = append(own, *p)
		}
	}
	return own
}

// problems is all that is wrong with the files, given what is in force of them, and the files of which something older
// is in force.
func (s set) problems(snapshot *tenant.Snapshot, survey *tenant.Survey) (all document.Problems, kept []string) {
	older := make(map[string]bool)
	for name, f := range s {
		if f.problem != nil {
			all = append(all, *f.problem)
			older[name] = f.counts != nil && f.seen != nil || f.known == nil && f.counts != nil
		}
		if f.counts != nil {
			all = append(all, f.counts.problems...)
		}
	}
	for _, r := range survey.Rejected {
		if record, _ := snapshot.Document(r.ID); r.Why != tenant.HostConflict && record.Readable() {
			older[record.File()] = true
		}
	}
	maps.DeleteFunc(older, func(_ string, is bool) bool { return !is })
	claims := s.claims()
	all = append(all, heldBack(snapshot, survey, claims)...)
	all = append(all, conflictsIn(snapshot, claims)...)
	slices.SortStableFunc(all, func(a, b document.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all, slices.Sorted(maps.Keys(older))
}

// conflictsIn are the problems of documents with an id or a host of others.
func conflictsIn(snapshot *tenant.Snapshot, claims map[string][]claim) document.Problems {
	var records []*tenant.Record
	for _, list := range claims {
		for _, c := range list {
			if len(list) > 1 {
				records = append(records, c.record)
			}
		}
	}
	holders := snapshot.Holders()
	if len(holders) > 0 {
		for r := range snapshot.All() {
			list := claims[r.ID()]
			contested := func(host string) bool { _, is := holders[host]; return is }
			switch {
			case len(list) > 1 || !slices.ContainsFunc(r.Hosts(), contested):
			case len(list) == 1 && slices.Equal(list[0].record.Hosts(), r.Hosts()):
				records = append(records, list[0].record) // where it stands now
			default:
				records = append(records, r)
			}
		}
	}
	slices.SortFunc(records, func(a, b *tenant.Record) int { return cmp.Compare(place(a), place(b)) })
	return conflicts(records, func(id string) string { return keeper(snapshot, id) }, func(host string) string { return holders[host] })
}

// heldBack tells what of the files is held back, one problem for each file and reason.
func heldBack(snapshot *tenant.Snapshot, survey *tenant.Survey, claims map[string][]claim) document.Problems {
	type group struct {
		file string
		why  tenant.Why
	}
	var problems document.Problems
	at := make(map[group]int)
	more := make(map[group]int)
	for _, r := range survey.Rejected {
		if r.Why == tenant.Invalid || r.Why == tenant.HostConflict {
			continue
		}
		record, _ := snapshot.Document(r.ID)
		if list := claims[r.ID]; len(list) == 1 {
			record = list[0].record
		}
		g := group{record.File(), r.Why}
		if _, known := at[g]; known {
			more[g]++
			continue
		}
		at[g] = len(problems)
		p := problem(g.file, CodeHeldBack, r.Detail, fix(r.Why))
		if r.Why == tenant.Partial {
			p.Code = CodeNotWhole
		}
		p.Tenant = r.ID
		problems = append(problems, p)
	}
	for g, n := range more {
		problems[at[g]].Detail += " (and so are " + strconv.Itoa(n) + " more tenants)"
	}
	return problems
}

// fix says what an operator can do when a document is held back.
func fix(why tenant.Why) string {
	switch why {
	case tenant.Partial:
		return howToEnd
	case tenant.Missing:
		return "correct the id of the document that has none, or remove it"
	case tenant.OlderRevision:
		return "write a higher revision"
	case tenant.Vanished, tenant.Emptied:
		return "if it is meant, restart the process: it starts with the files as they are"
	default:
		return ""
	}
}
