package redisstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

const prefix = redisstore.DefaultPrefix

func TestHead(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	head := func() store.Head {
		t.Helper()
		h, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Since(h.Time).Abs(); d > time.Minute {
			t.Errorf("the server's clock is %v off", d)
		}
		h.Time = time.Time{}
		return h
	}
	at := func(ms uint64) store.Position { return store.Position{Time: ms} }
	step := func(want store.Head) {
		t.Helper()
		if diff := cmp.Diff(want, head()); diff != "" {
			t.Errorf("head (-want +got):\n%s", diff)
		}
	}
	step(store.Head{})
	for i := 1; i <= 5; i++ {
		server.Do("XADD", prefix+"changes", strconv.Itoa(i)+"-0", "tenant", "a")
	}
	step(store.Head{Exists: true, First: at(1), Last: at(5)})
	server.Do("HSET", prefix+"meta", "epoch", "e1", "schema", "2", "confirmed", "c1")
	server.Do("XTRIM", prefix+"changes", "MAXLEN", "3") // which Redis does not tell from no trimming
	step(store.Head{Epoch: "e1", Schema: 2, Confirmed: "c1", Exists: true, First: at(3), Last: at(5)})
	server.Do("XDEL", prefix+"changes", "4-0")
	step(store.Head{Epoch: "e1", Schema: 2, Confirmed: "c1", Exists: true, First: at(3), Last: at(5), Trimmed: at(4)})
	server.Do("XTRIM", prefix+"changes", "MAXLEN", "0")
	step(store.Head{Epoch: "e1", Schema: 2, Confirmed: "c1", Exists: true, Last: at(5), Trimmed: at(5)})
}

// What cannot be ours must not look like a store that was emptied.
func TestUnreadableHeadIsAnError(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	for _, broken := range [][]any{
		{"HSET", prefix + "meta", "epoch", strings.Repeat("x", 129)},
		{"HSET", prefix + "meta", "confirmed", "a\nb"},
		{"HSET", prefix + "meta", "schema", "one"},
		{"HSET", prefix + "meta", "schema", "0"},
		{"HSET", prefix + "meta", "schema", "99999999999999999999"},
		{"SET", prefix + "meta", "x"},
		{"SET", prefix + "changes", "x"},
	} {
		server.Do("FLUSHALL")
		server.Do(broken...)
		if h, err := s.Head(t.Context()); err == nil {
			t.Errorf("%v: head %+v", broken, h)
		}
		if d, err := s.Documents(t.Context(), []string{"a"}); err == nil {
			t.Errorf("%v: documents %+v", broken, d)
		}
		if o, err := s.Owners(t.Context(), []string{"a.example"}); err == nil {
			t.Errorf("%v: owners %+v", broken, o)
		}
	}
}

func TestDocumentsOfEveryKind(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	server.Do("SET", prefix+"tenant:good", "{}")
	server.Do("SET", prefix+"tenant:empty", "")
	server.Do("RPUSH", prefix+"tenant:list", "x")
	server.Do("SET", prefix+"tenant:full", bytes.Repeat([]byte("x"), 1<<20))
	server.Do("SET", prefix+"tenant:large", bytes.Repeat([]byte("x"), 1<<20+1))
	server.Do("SET", prefix+"tenant:Not An Id", "{}")
	want := []store.Document{
		{ID: "good", Data: []byte("{}")},
		{ID: "absent"},
		{ID: "empty", Data: []byte{}}, // a broken document, not an absent one
		{ID: "list", Err: store.ErrWrongType},
		{ID: "good", Data: []byte("{}")},
		{ID: "full", Data: bytes.Repeat([]byte("x"), 1<<20)},
		{ID: "large", Err: store.ErrTooLarge},
		{ID: "Not An Id"},
		{ID: ""},
	}
	asked := make([]string, len(want))
	for i, d := range want {
		asked[i] = d.ID
	}
	got, err := s.Documents(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	exactly := cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) })
	if diff := cmp.Diff(want, got.All, cmpopts.EquateErrors(), exactly); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	if calls := server.CommandStats()["exists"].Calls; calls < 2 || calls > 9 {
		t.Errorf("%d times EXISTS, want once for all and then a few times", calls)
	}
	before := server.CommandStats()["exists"].Calls
	if _, err := s.Documents(t.Context(), []string{"good", "absent", "list"}); err != nil {
		t.Fatal(err)
	}
	if calls := server.CommandStats()["exists"].Calls; calls != before+1 {
		t.Errorf("%d times EXISTS: a look at each key although nothing is doubtful", calls)
	}
}

// A value of any size costs not more memory than a document may have.
func TestLargeValuesAreNotFetched(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	server.Do("SETRANGE", prefix+"tenant:huge", 256<<20, "x")
	server.Do("SETRANGE", prefix+"host:a.example", 256<<20, "x")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	docs, err := s.Documents(t.Context(), []string{"huge"})
	if err != nil || !errors.Is(docs.All[0].Err, store.ErrTooLarge) {
		t.Errorf("%v, %v", docs.All, err)
	}
	owners, err := s.Owners(t.Context(), []string{"a.example"})
	if err != nil || owners.IDs[0] != "" {
		t.Errorf("%.20q, %v", owners.IDs, err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d KiB allocated", n>>10)
	}
}

func TestOwnersAreIDs(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	server.Do("SET", prefix+"host:a.example", "acme")
	server.Do("SET", prefix+"host:b.example", "Not An Id")
	server.Do("SET", prefix+"host:c.example", "")
	server.Do("RPUSH", prefix+"host:d.example", "acme")
	long := strings.Repeat("x", 300)
	server.Do("SET", prefix+"host:"+long, "acme")
	got, err := s.Owners(t.Context(), []string{"b.example", "a.example", "c.example", "nobody.example", "d.example", long, ""})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"", "acme", "", "", "", "", ""}, got.IDs); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if n := s.Stats().DroppedOwners; n != 3 {
		t.Errorf("%d owners dropped, want 3", n)
	}
}

func TestIDsAmongForeignKeys(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	const n = 10_000
	pipe := server.Admin().Pipeline()
	for i := range n {
		pipe.Set(t.Context(), fmt.Sprintf("%stenant:t%d", prefix, i), "{}", 0)
		pipe.Set(t.Context(), fmt.Sprintf("%shost:h%d.example", prefix, i), "a", 0)
		pipe.Set(t.Context(), fmt.Sprintf("other:tenant:x%d", i), "{}", 0)
	}
	for _, id := range []string{"", "Upper", "a b", "-a", "a\x00", strings.Repeat("x", 65)} {
		pipe.Set(t.Context(), prefix+"tenant:"+id, "{}", 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := ids(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if id := fmt.Sprintf("t%d", i); !got[id] {
			t.Fatalf("%s is not listed", id)
		}
	}
	if len(got) != n || s.Stats().SkippedKeys != 6 {
		t.Errorf("%d ids, want %d; %d keys skipped, want 6", len(got), n, s.Stats().SkippedKeys)
	}
}

// A cursor of one server is nothing to another, so that a broken connection ends the listing.
func TestIDsDoNotContinueElsewhere(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, nil)
	pipe := server.Admin().Pipeline()
	for i := range 5000 {
		pipe.Set(t.Context(), fmt.Sprintf("%stenant:t%d", prefix, i), "{}", 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	pages := 0
	err := s.IDs(t.Context(), func([]string) error {
		pages++
		server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		return nil
	})
	if err == nil || pages != 1 {
		t.Errorf("%d pages, and then %v", pages, err)
	}
}

// Fields of hashes and streams have no GETRANGE. An entry of any size is a change like another one, and costs
// the memory of a small one.
func TestLargeFieldsAreCut(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	server.Do("CONFIG", "SET", "stream-node-max-bytes", "0")
	large := bytes.Repeat([]byte("x"), 64<<20)
	for _, fields := range [][]any{
		{"tenant", "a", "kind", "apply", "note", large},
		{"tenant", "a", "kind", "apply", large, "note"},
		{"tenant", large, "kind", "apply"},
	} {
		server.Do("FLUSHALL")
		server.Do("XADD", prefix+"changes", "1-0", "tenant", "before")
		server.Do(append([]any{"XADD", prefix + "changes", "2-0"}, fields...)...)
		server.Do("XADD", prefix+"changes", "3-0", "tenant", "after")
		for _, wait := range []time.Duration{0, 10 * time.Second} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			got, err := s.Changes(t.Context(), store.Position{}, 10, wait)
			t.Logf("read in %v", time.Since(begin))
			runtime.ReadMemStats(&after)
			if err != nil || len(got) != 3 || got[1].At != (store.Position{Time: 2}) || got[1].Kind != "apply" || got[2].Tenant != "after" {
				t.Errorf("waiting %v: %.200v, %v", wait, got, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
				t.Errorf("waiting %v: %d KiB allocated", wait, n>>10)
			}
		}
	}
	server.Do("XADD", prefix+"changes", "4-0", "tenant", large) // which is a part of what Redis says of the stream
	if head, err := s.Head(t.Context()); err != nil || head.Last != (store.Position{Time: 4}) {
		t.Errorf("head %+v, %v", head, err)
	}
	server.Do("HSET", prefix+"meta", "epoch", large)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.Head(t.Context())
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 6<<20 {
		t.Errorf("a long epoch gives %v and %d KiB allocated", err, n>>10)
	}
}
