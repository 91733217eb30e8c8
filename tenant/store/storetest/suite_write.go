package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/store"
)

func (s *suite) apply() {
	first := document("a", "a.example", "*.a.example")
	given := proto.CloneOf(first)
	s.want("revisions", []int64{1, 1}, s.applied(edit(0, first), edit(0, document("b", "*"))))
	if !proto.Equal(first, given) {
		s.Errorf("Apply changed the document that it was given: %v", first)
	}
	s.wantStored("a", 1, first)
	s.want("owners", []string{"a", "a", "b"}, s.ownersOf("a.example", "*.a.example", "*"))

	second := document("a", "*.a.example", "other.example")
	second.Labels = map[string]string{"tier": "gold"}
	second.Revision, second.UpdatedBy = 77, "somebody else" // written by the store all the same
	s.want("revisions", []int64{2}, s.applied(edit(1, second)))
	s.wantStored("a", 2, second)
	s.want("owners", []string{"", "a", "a"}, s.ownersOf("a.example", "*.a.example", "other.example"))
	s.want("changes", []string{"apply a 1", "apply b 1", "apply a 2"}, s.changesAfter(store.Position{}))
}

// wantStored compares a stored document with what was applied.
func (s *suite) wantStored(id string, revision int64, applied *tenantv1.Tenant) {
	s.Helper()
	got := s.stored(s.read(id).All[0])
	if d := time.Since(got.GetUpdatedAt().AsTime()); d.Abs() > clockSkew {
		s.Errorf("%s was updated at %v, %v ago", id, got.GetUpdatedAt().AsTime(), d)
	}
	want := proto.CloneOf(applied)
	want.Revision, want.UpdatedAt, want.UpdatedBy, want.Reason = revision, got.GetUpdatedAt(), author().By, author().Reason
	if !proto.Equal(want, got) {
		s.Errorf("%s is stored as\n%v\nwant\n%v", id, got, want)
	}
}

func (s *suite) bases() {
	s.applied(edit(0, document("a")), edit(0, document("gone")))
	s.applied(edit(1, document("a")), remove(1, "gone"))
	before := s.changesAfter(store.Position{})
	cases := []struct {
		edit store.Edit
		want string
	}{
		{edit(0, document("a")), "tenant a: revision 2 is stored, the change was made from 0"},
		{edit(1, document("a")), "tenant a: revision 2 is stored, the change was made from 1"},
		{edit(3, document("a")), "tenant a: revision 2 is stored, the change was made from 3"},
		{remove(0, "a"), "tenant a: revision 2 is stored, the change was made from 0"},
		{remove(1, "a"), "tenant a: revision 2 is stored, the change was made from 1"},
		{edit(1, document("new")), "tenant new: revision 0 is stored, the change was made from 1"},
		{remove(1, "new"), "tenant new: revision 0 is stored, the change was made from 1"},
		{edit(2, document("gone")), "tenant gone: revision 0 is stored, the change was made from 2"},
		{remove(2, "gone"), "tenant gone: revision 0 is stored, the change was made from 2"},
	}
	for _, c := range cases {
		s.want("conflicts", []string{c.want}, s.refused(c.edit))
	}
	s.want("changes after refusals", before, s.changesAfter(store.Position{}))
	s.want("revisions", []int64{3, 3}, s.applied(edit(2, document("a")), edit(0, document("gone"))))
}

func (s *suite) allOrNothing() {
	s.applied(edit(0, document("a", "a.example")), edit(0, document("b", "b.example")))
	before := s.head()
	got := s.refused(
		edit(0, document("new", "new.example")), // fine by itself
		edit(0, document("a", "a.example")),
		remove(7, "b"),
		edit(0, document("thief", "x.example", "a.example")),
		edit(0, document("twin", "new.example")),
	)
	slices.Sort(got)
	want := []string{
		"tenant a: revision 1 is stored, the change was made from 0",
		"tenant b: revision 1 is stored, the change was made from 7",
		"tenant thief: host a.example belongs to tenant a",
		"tenant twin: host new.example belongs to tenant new",
	}
	s.want("conflicts", want, got)
	after := s.head()
	before.Time, after.Time = time.Time{}, time.Time{}
	s.want("head", before, after)
	for _, d := range s.read("new", "thief", "twin").All {
		if d.Data != nil {
			s.Errorf("%s was written all the same", d.ID)
		}
	}
	s.wantStored("a", 1, document("a", "a.example"))
	s.wantStored("b", 1, document("b", "b.example"))
	s.want("owners", []string{"a", "b", "", ""}, s.ownersOf("a.example", "b.example", "new.example", "x.example"))
	for id, n := range map[string]int{"new": 0, "a": 1, "b": 1} {
		if h, err := s.Writer.History(s.Context(), id, 10); len(h) != n || err != nil {
			s.Errorf("the history of %s has %d entries, %v; want %d", id, len(h), err, n)
		}
	}
}

// Whoever knows of one edit of a call sees all of them.
func (s *suite) together() {
	const writes = 40
	done := make(chan error, 1)
	go func() {
		var err error
		for base := range int64(writes) {
			edits := []store.Edit{edit(base, document("a")), edit(base, document("b"))}
			if _, err = s.Writer.Apply(s.Context(), edits, author()); err != nil {
				break
			}
		}
		done <- err
	}()
	for at, seen := (store.Position{}), int64(0); seen < writes; {
		got, err := s.Source.Changes(s.Context(), at, 1, prompt)
		if err != nil || len(got) == 0 || !at.Before(got[0].At) {
			s.Fatalf("after %v come the changes %+v, %v", at, got, err)
		}
		at, seen = got[0].At, got[0].Revision
		for _, d := range s.read("b", "a").All {
			if r := s.stored(d).GetRevision(); r < seen {
				s.Fatalf("%s has revision %d although %s %d is announced", d.ID, r, got[0].Tenant, seen)
			}
		}
	}
	if err := <-done; err != nil {
		s.Fatal(err)
	}
}

// revisionsGoOn says that revisions of a tenant never come twice, whatever is left of it.
func (s *suite) revisionsGoOn() {
	next := func(what string, want int64, e store.Edit) {
		s.Helper()
		s.want(what, []int64{want}, s.applied(e))
	}
	put := func(data string) { s.Put("a", []byte(data)) }
	next("new", 1, edit(0, document("a")))
	next("changed", 2, edit(1, document("a")))
	next("deleted", 3, remove(2, "a"))
	next("after the tombstone", 4, edit(0, document("a")))
	next("deleted again", 5, remove(4, "a"))
	s.Lose("a")
	next("after the history", 6, edit(0, document("a")))
	put(`{"id":"a","policy":{}}`)
	next("after a document that says none", 7, edit(0, document("a")))
	put(`{"id":"a","policy":{},"revision":3}`)
	next("after a document that is older than the history", 8, edit(3, document("a")))
	put(`{"id":"a","policy":{},"revision":20}`)
	next("after a number", 21, edit(20, document("a")))
	put(`{"id":"a","policy":{},"revision":"30"}`)
	next("after a text", 31, edit(30, document("a")))
	put("id: a\nrevision: 31\npolicy: {}\n")
	next("after a number in YAML, which gateways read, too", 32, edit(31, document("a")))
	put(`{"id":"a","policy":{},"revision":-5}`)
	next("after what is none", 33, edit(0, document("a")))
	put(`{"id":"a","revision":"9223372036854775807"}`)
	before := s.changesAfter(store.Position{})
	if _, err := s.Writer.Apply(s.Context(), []store.Edit{edit(9223372036854775807, document("a"))}, author()); err == nil || !strings.Contains(err.Error(), "highest revision") {
		s.Errorf("after the last one: %v", err)
	}
	s.want("changes", before, s.changesAfter(store.Position{}))
}

// repair says that a document that nobody can read is replaced from base 0, like an absent one, and can be deleted.
func (s *suite) repair() {
	put := func(data string) func(id string) { return func(id string) { s.Put(id, []byte(data)) } }
	for i, spoil := range []func(id string){
		put(""), put("{"), s.Mistype, put(strings.Repeat("x", 1<<20+1)),
		put(`{"hosts":7,"revision":"4"}`), put(`{"id":"b"}`), put(`[]`), put(`{"revision":{}}`),
	} {
		id := names("t", i+1)[i]
		s.applied(edit(0, document(id, id+".example")))
		s.Lose(id)
		spoil(id)
		s.want("conflicts", []string{"tenant " + id + ": revision 0 is stored, the change was made from 1"}, s.refused(edit(1, document(id, id+".example"))))
		s.want("revision", []int64{2}, s.applied(edit(0, document(id, "new."+id+".example"))))
		s.Lose(id)
		spoil(id)
		s.want("revision of the tombstone", []int64{3}, s.applied(remove(0, id)))
	}
}

func (s *suite) edits() {
	before := s.head().Last
	tombstone := document("dead")
	tombstone.Deleted = true
	large := document("large")
	large.Labels = map[string]string{"x": strings.Repeat("x", 1<<20-100)}
	for _, bad := range [][]store.Edit{
		{edit(0, document("Upper"))},
		{remove(0, "")},
		{edit(0, document("fine")), edit(0, document("twice")), remove(0, "twice")},
		{{ID: "other", Tenant: document("another")}},
		{edit(0, tombstone)},
		{edit(0, document("hosts", "UPPER.example"))},
		{edit(0, document("hosts", "a.example", "a.example"))},
		{edit(0, document("hosts", "a\nb"))},
		{edit(0, large)},
	} {
		revisions, err := s.Writer.Apply(s.Context(), bad, author())
		var conflicts store.Conflicts
		if err == nil || revisions != nil || errors.As(err, &conflicts) {
			s.Errorf("%.100q: %v, %v", fmt.Sprint(bad), revisions, err)
		}
	}
	s.want("last change", before, s.head().Last)
	if revisions, err := s.Writer.Apply(s.Context(), nil, author()); len(revisions) != 0 || err != nil {
		s.Errorf("no edits give %v, %v", revisions, err)
	}
}

func (s *suite) authors() {
	good := []store.Author{
		{By: "x"},
		{By: strings.Repeat("é", 256), Reason: strings.Repeat("ü", 1024), Kind: store.KindImport},
		{By: "Ana <ana@acme.example>", Reason: "blanks, \"quotes\" and {braces}"},
	}
	for i, a := range good {
		if _, err := s.Writer.Apply(s.Context(), []store.Edit{edit(int64(i), document("a"))}, a); err != nil {
			s.Errorf("%.40q: %v", a, err)
		}
	}
	before := s.changesAfter(store.Position{})
	bad := []store.Author{
		{},
		{Reason: "nobody"},
		{By: strings.Repeat("é", 257)},
		{By: "a\nb"},
		{By: "a\x00"},
		{By: "a\x1b[2J"},
		{By: "a\xff"},
		{By: "x", Reason: strings.Repeat("ü", 1025)},
		{By: "x", Reason: "a\rb"},
		{By: "x", Reason: "\u2028"},
	}
	for _, a := range bad {
		var conflicts store.Conflicts
		if _, err := s.Writer.Apply(s.Context(), []store.Edit{edit(3, document("a"))}, a); err == nil || errors.As(err, &conflicts) {
			s.Errorf("an edit by %.40q gives %v", a, err)
		}
		if _, err := s.Writer.Confirm(s.Context(), a); err == nil {
			s.Errorf("%.40q may confirm", a)
		}
	}
	s.want("changes", before, s.changesAfter(store.Position{}))
}

func (s *suite) manyEdits() {
	edits := make([]store.Edit, store.MaxEdits+1)
	for i, id := range names("t", len(edits)) {
		edits[i] = edit(0, document(id, id+".example"))
	}
	ctx := s.within(time.Minute)
	var conflicts store.Conflicts
	if _, err := s.Writer.Apply(ctx, edits, author()); err == nil || errors.As(err, &conflicts) {
		s.Errorf("%d edits at once give %v", len(edits), err)
	}
	s.want("changes", 0, len(s.rawChanges(store.Position{}, 10)))
	edits = edits[:store.MaxEdits]
	revisions, err := s.Writer.Apply(ctx, edits, author())
	if err != nil || len(revisions) != len(edits) {
		s.Fatalf("%d edits at once give %d revisions and %v", len(edits), len(revisions), err)
	}
	s.want("number of changes", len(edits), len(s.changesAfter(store.Position{})))
	last := fmt.Sprintf("t%d", len(edits)-1)
	s.want("owners", []string{"t0", last}, s.ownersOf("t0.example", last+".example"))
}
