package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

func (s *suite) changes() {
	want := make([]string, 0, 7)
	for _, id := range names("t", 5) {
		s.applied(edit(0, document(id)))
		want = append(want, "apply "+id+" 1")
	}
	s.applied(edit(1, document("t0")), remove(1, "t1"))
	want = append(want, "apply t0 2", "delete t1 2")
	s.want("changes", want, s.changesAfter(store.Position{}))

	all := s.rawChanges(store.Position{}, 100)
	if !slices.IsSortedFunc(all, func(a, b store.Change) int { return a.At.Compare(b.At) }) {
		s.Errorf("changes are not oldest first: %+v", all)
	}
	head := s.head()
	s.want("first and last", []store.Position{all[0].At, all[len(all)-1].At}, []store.Position{head.First, head.Last})
	for i, c := range all {
		s.want("changes after a change", want[i+1:], s.changesAfter(c.At))
		if i > 1 {
			s.want("two changes", all[i-1:i+1], s.rawChanges(all[i-2].At, 2))
		}
		has, err := s.Source.HasChange(s.Context(), c.At)
		if err != nil || !has {
			s.Errorf("HasChange(%v) is %v, %v", c.At, has, err)
		}
	}
	for _, at := range []store.Position{{}, {Time: 1}, {Time: head.Last.Time, Sequence: head.Last.Sequence + 1}} {
		if has, err := s.Source.HasChange(s.Context(), at); err != nil || has {
			s.Errorf("HasChange(%v) is %v, %v; want no such change", at, has, err)
		}
	}
}

func (s *suite) changesWait() {
	s.applied(edit(0, document("a")))
	last := s.head().Last

	const wait = 300 * time.Millisecond
	start := time.Now()
	got, err := s.Source.Changes(s.within(prompt), last, 10, wait)
	if d := time.Since(start); len(got) != 0 || err != nil || d < wait*9/10 {
		s.Errorf("after %v of waiting for nothing: %v, %v", d, got, err)
	}

	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	waiting := make(chan error, 1)
	go func() {
		_, err := s.Source.Changes(ctx, last, 10, time.Minute)
		waiting <- err
	}()
	found := make(chan []store.Change, 1)
	go func() {
		got, err := s.Source.Changes(s.Context(), last, 10, time.Minute)
		if err != nil {
			s.Errorf("Changes: %v", err)
		}
		found <- got
	}()
	// Neither keeps one that does not wait from its answer.
	for range 20 {
		if got, err := s.Source.Changes(s.within(prompt), last, 10, 0); len(got) != 0 || err != nil {
			s.Errorf("while others wait: %v, %v", got, err)
		}
	}
	cancel()
	select {
	case err := <-waiting:
		// The change that is written below may not be the reason to return.
		if !errors.Is(err, context.Canceled) {
			s.Errorf("cancelled while waiting: %v", err)
		}
	case <-time.After(prompt):
		s.Fatal("a cancelled call goes on waiting")
	}
	s.applied(edit(1, document("a")))
	select {
	case got := <-found:
		if len(got) != 1 || got[0].Tenant != "a" || got[0].Revision != 2 || got[0].Kind != store.KindApply {
			s.Errorf("waited for %+v, want revision 2 of a", got)
		}
	case <-time.After(prompt):
		s.Fatal("a change ended no waiting")
	}
}

func (s *suite) foreignChanges() {
	s.Announce("a", store.KindApply, 7)
	s.Announce("../\x00 {x}", "sweep", 0)
	s.want("changes", []string{"apply a 7", "sweep ../\x00 {x} 0"}, s.changesAfter(store.Position{}))
	head := s.head()
	if head.Epoch != "" || !head.Exists || head.Last.IsZero() {
		s.Errorf("a store with foreign changes only has the head %+v", head)
	}
}

// largeChange says that an entry of 2 MiB delays nobody.
func (s *suite) largeChange() {
	s.Announce("before", store.KindApply, 1)
	s.Announce(strings.Repeat("x", 2<<20), store.KindApply, 2)
	s.Announce("after", store.KindApply, 3)
	for _, wait := range []time.Duration{0, prompt} {
		got, err := s.Source.Changes(s.within(prompt), store.Position{}, 10, wait)
		if err != nil || len(got) != 3 || got[0].Tenant != "before" || got[2].Tenant != "after" || got[1].At.IsZero() {
			s.Errorf("waiting %v: %d changes, %v", wait, len(got), err)
		}
	}
	if head := s.head(); !head.Exists {
		s.Errorf("the head is %+v", head)
	}
}

func (s *suite) trimmed() {
	for _, id := range names("t", 6) {
		s.applied(edit(0, document(id)))
	}
	all := s.rawChanges(store.Position{}, 100)
	for _, left := range []int{3, 1, 0} {
		s.Trim(left)
		gone := len(all) - left
		head := s.head()
		first := store.Position{}
		if left > 0 {
			first = all[gone].At
		}
		s.want("first change", first, head.First)
		s.want("last change", all[len(all)-1].At, head.Last)
		if !head.Exists || !head.Trimmed.IsZero() && head.Trimmed != all[gone-1].At {
			s.Errorf("with %d changes left the stream exists: %v, and is trimmed at %v, want %v or nothing", left, head.Exists, head.Trimmed, all[gone-1].At)
		}
		s.want("changes", append([]store.Change{}, all[gone:]...), append([]store.Change{}, s.rawChanges(store.Position{}, 100)...))
		for i, c := range all {
			has, err := s.Source.HasChange(s.Context(), c.At)
			if err != nil || has != (i >= gone) {
				s.Errorf("with %d changes left HasChange of change %d is %v, %v", left, i, has, err)
			}
		}
	}
	s.applied(edit(0, document("new")))
	s.want("changes after trimming all", []string{"apply new 1"}, s.changesAfter(all[len(all)-1].At))
}
