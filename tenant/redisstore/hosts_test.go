package redisstore_test

import (
	"slices"
	"testing"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/store"
)

// What is under the key of a host and no id owns nothing.
func TestHostOfNobody(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	host := prefix + "host:h.example"
	for _, given := range [][]any{{"SET", host, "a\nb"}, {"RPUSH", host, "a"}, {"SET", host, ""}} {
		server.Do("FLUSHALL")
		server.Do(given...)
		applied(t, s, put(0, "b", "h.example"))
		if got := server.Do("GET", host); got != "b" {
			t.Errorf("%v: the host belongs to %v", given, got)
		}
	}
}

// base is the revision that an edit has to be made from.
func base(t *testing.T, s store.Source, id string) int64 {
	t.Helper()
	docs, err := s.Documents(t.Context(), []string{id})
	if err != nil {
		t.Fatal(err)
	}
	return revisionOf(docs.All[0].Data)
}

func TestHostsMove(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	owners := func(want ...string) {
		t.Helper()
		got, err := s.Owners(t.Context(), []string{"one.example", "two.example"})
		if err != nil || !slices.Equal(got.IDs, want) {
			t.Errorf("the owners are %q, %v; want %q", got.IDs, err, want)
		}
	}
	applied(t, s, put(0, "a", "one.example"), put(0, "b", "two.example"))
	applied(t, s, put(1, "a", "two.example"), put(1, "b", "one.example"))
	owners("b", "a")
	// From one that is deleted, whichever edit comes first.
	applied(t, s, drop(2, "a"), put(2, "b", "one.example", "two.example"))
	owners("b", "b")
	if ttl := server.Do("TTL", prefix+"host:two.example"); ttl != int64(-1) {
		t.Errorf("the host has the end of who was deleted: %v", ttl)
	}
	applied(t, s, put(0, "c", "two.example"), drop(3, "b"))
	owners("b", "c")
	// A host that two edits list is named with both, and so are all others.
	refusedAs(t, s, []string{
		"tenant e: host new.example belongs to tenant d",
		"tenant e: host two.example belongs to tenant c",
		"tenant f: host new.example belongs to tenant d",
	}, put(0, "d", "new.example", "one.example"), put(0, "e", "new.example", "two.example"), put(0, "f", "new.example"))
	// A host whose key has gone to another owner is not freed.
	server.Do("SET", prefix+"host:two.example", "z")
	applied(t, s, put(1, "c"))
	owners("b", "z")
}
