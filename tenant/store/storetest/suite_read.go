package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

func (s *suite) emptyHead() {
	head := s.head()
	if d := time.Since(head.Time); d.Abs() > clockSkew {
		s.Errorf("the store's time is %v, %v from here", head.Time, d)
	}
	head.Time = time.Time{}
	s.want("head", store.Head{}, head)
	s.want("changes", 0, len(s.rawChanges(store.Position{}, 10)))
	if data := s.read("a").All[0]; data.Data != nil || data.Err != nil {
		s.Errorf("an empty store has a document: %+v", data)
	}
	s.want("owners", []string{""}, s.ownersOf("a.example"))
	if err := s.Source.IDs(s.Context(), func(ids []string) error {
		if len(ids) > 0 {
			s.Errorf("an empty store has ids: %q", ids)
		}
		return nil
	}); err != nil {
		s.Errorf("IDs: %v", err)
	}
	history, err := s.Writer.History(s.Context(), "a", 10)
	if len(history) > 0 || err != nil {
		s.Errorf("an empty store has the history %v, %v", history, err)
	}
}

func (s *suite) firstWrite() {
	s.applied(edit(0, document("a", "a.example")))
	first := s.head()
	if first.Epoch == "" || first.Schema == 0 || !first.Exists || first.First.IsZero() || first.First != first.Last || !first.Trimmed.IsZero() {
		s.Errorf("the first write leaves the head %+v", first)
	}
	s.applied(edit(0, document("b", "b.example")))
	second := s.head()
	s.want("epoch, which stays", first.Epoch, second.Epoch)
	s.want("schema, which stays", first.Schema, second.Schema)
	s.want("first change", first.First, second.First)
	if !first.Last.Before(second.Last) {
		s.Errorf("the second change is at %v, the first at %v", second.Last, first.Last)
	}
	with := s.read("a").Head
	with.Time, second.Time = time.Time{}, time.Time{}
	s.want("the head that comes with documents", second, with)
	owners, err := s.Source.Owners(s.Context(), []string{"a.example"})
	if err != nil {
		s.Fatal(err)
	}
	owners.Head.Time = time.Time{}
	s.want("the head that comes with owners", second, owners.Head)
}

func (s *suite) documents() {
	const n = 1200 // more than go in one round trip
	all := names("t", n)
	for i, id := range all {
		if i%3 != 0 {
			s.Put(id, []byte(`{"id":"`+id+`"}`))
		}
	}
	asked := append(slices.Clone(all), "t1", "t0", "t1") // nobody says that ids are asked for once
	slices.Reverse(asked)
	for i, d := range s.read(asked...).All {
		want := []byte(`{"id":"` + asked[i] + `"}`)
		if slices.Index(all, asked[i])%3 == 0 {
			want = nil
		}
		if d.ID != asked[i] || d.Err != nil || !bytes.Equal(d.Data, want) || (d.Data == nil) != (want == nil) {
			s.Fatalf("document %d is %+v, want that of %s", i, d, asked[i])
		}
	}
	s.want("documents of no ids", 0, len(s.read().All))
}

func (s *suite) unusable() {
	const limit = 1 << 20
	s.Mistype("list")
	s.Put("large", bytes.Repeat([]byte("x"), limit+1))
	s.Put("full", bytes.Repeat([]byte("x"), limit))
	s.Put("small", []byte("not a document"))
	s.Put("empty", []byte{})
	got := s.read("list", "absent", "large", "full", "small", "empty", "list", "empty").All
	for i, want := range []error{store.ErrWrongType, nil, store.ErrTooLarge, nil, nil, nil, store.ErrWrongType, nil} {
		if !errors.Is(got[i].Err, want) || got[i].Err != nil && got[i].Data != nil {
			s.Errorf("%s: error %v with %d bytes, want %v", got[i].ID, got[i].Err, len(got[i].Data), want)
		}
	}
	if got[5].Data == nil || got[7].Data == nil {
		s.Error("an empty value is taken for none")
	}
	if got[1].Data != nil || len(got[3].Data) != limit || string(got[4].Data) != "not a document" {
		s.Errorf("%d bytes of nothing, %d of 1 MiB, and %q", len(got[1].Data), len(got[3].Data), got[4].Data)
	}
}

// While somebody writes, a document is never older than the last change of the head that came with it.
func (s *suite) asNewAsHead() {
	const writes = 60
	done := make(chan error, 1)
	go func() {
		var err error
		for base := range int64(writes) {
			if _, err = s.Writer.Apply(s.Context(), []store.Edit{edit(base, document("a", "a.example"))}, author()); err != nil {
				break
			}
		}
		done <- err
	}()
	type pair struct {
		last     store.Position
		revision int64
	}
	var seen []pair
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				s.Fatal(err)
			}
			running = false
		default:
		}
		got := s.read("a")
		seen = append(seen, pair{got.Head.Last, s.stored(got.All[0]).GetRevision()})
	}
	revisions := make(map[store.Position]int64)
	for _, c := range s.rawChanges(store.Position{}, writes) {
		revisions[c.At] = c.Revision
	}
	for _, p := range seen {
		if p.revision < revisions[p.last] {
			s.Errorf("revision %d came with a head whose last change is revision %d", p.revision, revisions[p.last])
		}
	}
	if last := seen[len(seen)-1]; last.revision != writes || revisions[last.last] != writes {
		s.Errorf("at the end revision %d comes with a head of revision %d, want %d", last.revision, revisions[last.last], writes)
	}
}

func (s *suite) owners() {
	const n = 600
	hosts := names("h", n)
	s.applied(edit(0, document("a", hosts...)), edit(0, document("b", "*.b.example", "*", "[::1]")))
	asked := []string{"*", "nobody.example", "[::1]", "*.b.example"}
	for range 2 { // more than go in one round trip
		asked = append(asked, hosts...)
	}
	got := s.ownersOf(asked...)
	s.want("owners", []string{"b", "", "b", "b"}, got[:4])
	for i, id := range got[4:] {
		if id != "a" {
			s.Fatalf("%s belongs to %q, want a", asked[4+i], id)
		}
	}
	s.want("owners of no hosts", 0, len(s.ownersOf()))
}

func (s *suite) ids() {
	const stay = 2500
	want := make(map[string]bool)
	for _, id := range names("stay", stay) {
		s.Put(id, []byte("{}"))
		want[id] = true
	}
	s.applied(edit(0, document("gone"))) // a tombstone is a document, too
	s.applied(remove(1, "gone"))
	want["gone"] = true

	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				s.Put(fmt.Sprintf("new%d", i), []byte("{}"))
			}
		}
	})
	pages := 0
	got := make(map[string]bool)
	err := s.Source.IDs(s.Context(), func(ids []string) error {
		pages++
		for _, id := range ids {
			got[id] = true
		}
		return nil
	})
	close(stop)
	others.Wait()
	if err != nil {
		s.Fatal(err)
	}
	if pages < 2 {
		s.Errorf("%d ids came in %d pages", len(got), pages)
	}
	for id := range want {
		if !got[id] {
			s.Errorf("%s was there all the time and was not listed", id)
		}
	}
}

func (s *suite) pageError() {
	for _, id := range names("t", 1500) {
		s.Put(id, []byte("{}"))
	}
	enough := errors.New("enough")
	calls := 0
	err := s.Source.IDs(s.Context(), func([]string) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		s.Errorf("after %d pages IDs gives %v, want the page's own error after one", calls, err)
	}
}

func (s *suite) cancelled() {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	calls := map[string]func() error{
		"Head":      func() error { _, err := s.Source.Head(ctx); return err },
		"IDs":       func() error { return s.Source.IDs(ctx, func([]string) error { return nil }) },
		"Documents": func() error { _, err := s.Source.Documents(ctx, []string{"a"}); return err },
		"Owners":    func() error { _, err := s.Source.Owners(ctx, []string{"a.example"}); return err },
		"Changes":   func() error { _, err := s.Source.Changes(ctx, store.Position{}, 1, time.Hour); return err },
		"HasChange": func() error { _, err := s.Source.HasChange(ctx, store.Position{Time: 1}); return err },
		"Apply": func() error {
			_, err := s.Writer.Apply(ctx, []store.Edit{edit(0, document("a"))}, author())
			return err
		},
		"History": func() error { _, err := s.Writer.History(ctx, "a", 1); return err },
		"Confirm": func() error { _, err := s.Writer.Confirm(ctx, author()); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			s.Errorf("%s with a cancelled context gives %v", name, err)
		}
	}
	s.want("changes", []string{}, s.changesAfter(store.Position{}))
}
