package redisstore_test

import (
	"slices"
	"testing"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/store"
)

// A host is taken by who lists it, and by who may list it.
func TestHostOwnership(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	document, host := prefix+"tenant:a", prefix+"host:h.example"
	for _, c := range []struct {
		name  string
		given func() // besides the host, which belongs to a
		taken bool
	}{
		{"by a live tenant", func() { server.Do("SET", document, `{"id":"a","hosts":["x.example","h.example"]}`) }, true},
		{"in another spelling", func() { server.Do("SET", document, `{"id":"a","hosts":["H.Example."]}`) }, true},
		{"in a document that is refused", func() { server.Do("SET", document, `{"id":"a","policy":7,"hosts":["h.example"]}`) }, true},
		{"in a document that is YAML", func() { server.Do("SET", document, "id: a\nhosts: [h.example]\n") }, true},
		{"by what cannot be read", func() { server.Do("SET", document, "{") }, true},
		{"by what is empty", func() { server.Do("SET", document, "") }, true},
		{"by what is no text", func() { server.Do("RPUSH", document, "x") }, true},
		{"by what is too large", func() { server.Do("SETRANGE", document, 1<<20, "x") }, true},
		{"by a tombstone", func() { server.Do("SET", document, `{"id":"a","deleted":true,"hosts":["h.example"]}`) }, false},
		{"by nobody any more", func() {}, false},
		{"by one who does not list it", func() { server.Do("SET", document, `{"id":"a","hosts":["x.example"]}`) }, false},
		{"by no id", func() { server.Do("SET", host, "a\nb") }, false},
		{"by a list", func() { server.Do("DEL", host); server.Do("RPUSH", host, "a") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Do("FLUSHALL")
			server.Do("SET", host, "a")
			c.given()
			if c.taken {
				refusedAs(t, s, []string{"tenant b: host h.example belongs to tenant a"}, put(0, "b", "h.example"))
				return
			}
			applied(t, s, put(0, "b", "h.example"))
			if got := server.Do("GET", host); got != "b" {
				t.Errorf("the host belongs to %v", got)
			}
			// Who had it does not take it along.
			applied(t, s, store.Edit{ID: "a", Base: base(t, s, "a")})
			if got := server.Do("GET", host); got != "b" {
				t.Errorf("after its first owner was deleted, the host belongs to %v", got)
			}
		})
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
