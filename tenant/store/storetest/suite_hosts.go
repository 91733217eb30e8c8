package storetest

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/store"
)

func (s *suite) hostTaken() {
	s.applied(edit(0, document("a", "a.example", "*.wide.example", "*")))
	for _, host := range []string{"a.example", "*.wide.example", "*"} {
		s.want("conflicts", []string{"tenant b: host " + host + " belongs to tenant a"}, s.refused(edit(0, document("b", "b.example", host))))
	}
	// What a wildcard covers belongs to nobody by that.
	s.applied(edit(0, document("b", "b.example", "x.wide.example")))
	// Two edits of one call cannot have one host either, whoever comes first.
	got := s.refused(edit(0, document("c", "c.example")), edit(0, document("d", "c.example")))
	s.want("conflicts", []string{"tenant d: host c.example belongs to tenant c"}, got)
	// A host that an update leaves out is free.
	s.applied(edit(1, document("a", "*")))
	s.applied(edit(0, document("e", "a.example", "*.wide.example")))
	s.want("owners", []string{"e", "e", "a", "b"}, s.ownersOf("a.example", "*.wide.example", "*", "x.wide.example"))
}

func (s *suite) hostHeld() {
	large := append([]byte(`{"id":"x"}`), bytes.Repeat([]byte(" "), 1<<20)...)
	put := func(data string) func(id string) { return func(id string) { s.Put(id, []byte(data)) } }
	for i, c := range []struct {
		name  string
		given func(id string) // besides the host, which belongs to the id
		held  bool
	}{
		{"by a live tenant", put(`{"id":"x","hosts":["x.example","h.example"]}`), true},
		{"in another spelling", put(`{"id":"x","hosts":["H.Example."]}`), true},
		{"in a document that is refused", put(`{"id":"x","policy":7,"hosts":["h.example"]}`), true},
		{"in a document that is YAML", put("id: x\nhosts: [h.example]\n"), true},
		{"by what cannot be read", put("{"), true},
		{"by what is empty", put(""), true},
		{"by what is no text", s.Mistype, true},
		{"by what is too large", func(id string) { s.Put(id, large) }, true},
		{"by a tombstone", put(`{"id":"x","deleted":true,"hosts":["h.example"]}`), false},
		{"by nobody any more", func(string) {}, false},
		{"by one who does not list it", put(`{"id":"x","hosts":["x.example"]}`), false},
	} {
		s.Lose("x")
		s.Own("h.example", "x")
		c.given("x")
		taker := names("taker", i+1)[i]
		if c.held {
			s.want(c.name, []string{"tenant " + taker + ": host h.example belongs to tenant x"}, s.refused(edit(0, document(taker, "h.example"))))
			continue
		}
		s.applied(edit(0, document(taker, "h.example")))
		s.want(c.name, []string{taker}, s.ownersOf("h.example"))
		// Who had it does not take it along.
		s.applied(remove(0, "x"))
		s.want(c.name+", who is deleted then", []string{taker}, s.ownersOf("h.example"))
	}
}

func (s *suite) hostsMove() {
	s.applied(edit(0, document("a", "one.example", "stays.example")), edit(0, document("b", "two.example")))
	cases := []struct {
		name  string
		edits []store.Edit
		want  []string // owners of one.example and two.example
	}{
		{"giver first", []store.Edit{edit(1, document("a", "stays.example")), edit(1, document("b", "one.example", "two.example"))}, []string{"b", "b"}},
		{"taker first", []store.Edit{edit(2, document("a", "one.example", "stays.example")), edit(2, document("b", "two.example"))}, []string{"a", "b"}},
		{"exchange", []store.Edit{edit(3, document("a", "two.example", "stays.example")), edit(3, document("b", "one.example"))}, []string{"b", "a"}},
		{"from one that is deleted", []store.Edit{edit(4, document("a", "one.example", "two.example", "stays.example")), remove(4, "b")}, []string{"a", "a"}},
		{"to one that is new", []store.Edit{edit(0, document("c", "one.example", "two.example")), edit(5, document("a", "stays.example"))}, []string{"c", "c"}},
	}
	for _, c := range cases {
		s.applied(c.edits...)
		s.want(c.name, append(c.want, "a"), s.ownersOf("one.example", "two.example", "stays.example"))
	}
}

func (s *suite) deleted() {
	s.applied(edit(0, document("a", "a.example", "*.a.example")))
	s.applied(edit(1, document("a", "a.example")))
	s.want("revision of the tombstone", []int64{3}, s.applied(remove(2, "a")))
	got := s.stored(s.read("a").All[0])
	want := &tenantv1.Tenant{
		Id: "a", Deleted: true, Hosts: []string{"a.example"}, Revision: 3,
		UpdatedAt: got.GetUpdatedAt(), UpdatedBy: author().By, Reason: author().Reason,
	}
	if !proto.Equal(want, got) {
		s.Errorf("the tombstone is\n%v\nwant\n%v", got, want)
	}
	s.want("changes", []string{"apply a 1", "apply a 2", "delete a 3"}, s.changesAfter(store.Position{}))

	// Its host is free, and revisions go on.
	s.applied(edit(0, document("b", "a.example")))
	s.want("owner", []string{"b"}, s.ownersOf("a.example"))
	s.want("conflicts", []string{"tenant a: host a.example belongs to tenant b"}, s.refused(edit(0, document("a", "a.example"))))
	s.want("revision after the tombstone", []int64{4}, s.applied(edit(0, document("a", "new.example"))))
	s.want("owners", []string{"b", "a"}, s.ownersOf("a.example", "new.example"))
	s.wantStored("a", 4, document("a", "new.example"))

	// Deleting one does not take the host from who has it now.
	s.applied(remove(4, "a"))
	s.want("owner", []string{"b"}, s.ownersOf("a.example"))
	s.want("revision after the second tombstone", []int64{6}, s.applied(edit(0, document("a", "new.example"))))
}

func (s *suite) history() {
	kinds := []string{store.KindApply, store.KindImport, store.KindRollback, store.KindApply}
	var documents [][]byte
	for i, kind := range kinds {
		by := store.Author{By: "author" + kind, Reason: "reason" + kind, Kind: kind}
		if _, err := s.Writer.Apply(s.Context(), []store.Edit{edit(int64(i), document("a", kind+".example"))}, by); err != nil {
			s.Fatal(err)
		}
		documents = append(documents, s.read("a").All[0].Data)
	}
	s.applied(remove(4, "a"), edit(0, document("b")))
	documents = append(documents, s.read("a").All[0].Data)
	kinds = append(kinds, store.KindDelete)

	got, err := s.Writer.History(s.Context(), "a", 100)
	if err != nil || len(got) != len(kinds) {
		s.Fatalf("%d entries, %v; want %d", len(got), err, len(kinds))
	}
	for i, r := range slices.Backward(got) {
		n := len(kinds) - 1 - i
		want := store.Revision{At: r.At, Number: int64(n + 1), Kind: kinds[n], By: "author" + kinds[n], Reason: "reason" + kinds[n], Data: documents[n]}
		if kinds[n] == store.KindDelete {
			want.By, want.Reason = author().By, author().Reason
		}
		s.want("revision", want, r)
		written := s.parse(documents[n]).GetUpdatedAt().AsTime()
		if d := written.Sub(r.At); d.Abs() > clockSkew {
			s.Errorf("revision %d is of %v in the history and of %v in the document", r.Number, r.At, written)
		}
	}
	newest, err := s.Writer.History(s.Context(), "a", 2)
	if err != nil {
		s.Fatal(err)
	}
	s.want("the newest two", got[:2], newest)
	// The history outlives the tombstone's return.
	s.applied(edit(0, document("a")))
	if got, err := s.Writer.History(s.Context(), "a", 100); err != nil || len(got) != 6 || got[0].Number != 6 {
		s.Errorf("after the tenant is back: %d entries, %v", len(got), err)
	}
}

func (s *suite) confirm() {
	first, err := s.Writer.Confirm(s.Context(), author())
	if err != nil || first == "" {
		s.Fatalf("Confirm gives %q, %v", first, err)
	}
	head := s.head()
	s.want("token", first, head.Confirmed)
	if head.Epoch == "" {
		s.Error("the first write of ours was a confirmation, and the store has no epoch")
	}
	s.applied(edit(0, document("a")))
	s.want("token after a write", first, s.head().Confirmed)
	second, err := s.Writer.Confirm(s.Context(), author())
	if err != nil || second == "" || second == first {
		s.Errorf("the second token is %q, %v; the first %q", second, err, first)
	}
	after := s.head()
	s.want("token", second, after.Confirmed)
	s.want("epoch, which stays", head.Epoch, after.Epoch)
	changes := s.rawChanges(head.Last, 10)
	if len(changes) != 2 || changes[1].Kind != store.KindConfirm || changes[1].At != after.Last {
		s.Errorf("the second confirmation is announced as %+v", changes)
	}
}
