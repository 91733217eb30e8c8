package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/internal/redistest"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// between makes a store on which f is called after an attempt to write has read the documents and before
// it writes, for each attempt with its number from 1.
func between(t *testing.T, server *redistest.Server, f func(attempt int)) (s *redisstore.Store, attempts *atomic.Int64) {
	attempts = new(atomic.Int64)
	var reads atomic.Int64
	return patient(t, server, func(o *redisstore.Options) {
		o.Observe = func(op redisstore.Operation) {
			switch op.Name {
			case "WATCH":
				reads.Store(0)
			case "PIPELINE":
				if reads.Add(1) == 2 { // the head, the documents, and then more
					f(int(attempts.Add(1)))
				}
			}
		}
	}), attempts
}

// Whatever happens between reading and writing, an edit is made of what was read or not at all.
func TestRaces(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	other := patient(t, server)
	many := func(n int) []store.Edit {
		edits := []store.Edit{put(1, "a", "a.example", "new.example")}
		for i := range n {
			edits = append(edits, put(0, fmt.Sprintf("t%d", i), fmt.Sprintf("t%d.example", i)))
		}
		return edits
	}
	set := func(document string) { server.Do("SET", prefix+"tenant:a", document) }
	for _, c := range []struct {
		name string
		// interfere is called in the first attempt. Stored are a of revision 1 with a.example and x of
		// revision 1 with x.example.
		interfere func()
		want      []string // conflicts, or none
	}{
		{"nothing", func() {}, nil},
		{"the tenant is changed", func() { applied(t, other, put(1, "a")) }, []string{"tenant a: revision 2 is stored, the change was made from 1"}},
		{"the tenant is deleted", func() { applied(t, other, drop(1, "a")) }, []string{"tenant a: revision 0 is stored, the change was made from 1"}},
		{"the tenant vanishes", func() { server.Do("DEL", prefix+"tenant:a") }, []string{"tenant a: revision 0 is stored, the change was made from 1"}},
		{
			"the tenant is changed by one who does not count",
			func() { set(`{"id":"a","revision":1,"policy":{},"hosts":["a.example"]}`) },
			[]string{"tenant a: revision 1 is stored, the change was made from 1"},
		},
		{"a host is taken", func() { applied(t, other, put(0, "b", "new.example")) }, []string{"tenant a: host new.example belongs to tenant b"}},
		{"a host is taken and given back", func() { applied(t, other, put(0, "b", "new.example")); applied(t, other, put(1, "b")) }, nil},
		{"a confirmation", func() {
			if _, err := other.Confirm(t.Context(), ana()); err != nil {
				t.Error(err)
			}
		}, nil},
		{"somebody else is changed", func() { applied(t, other, put(1, "x", "x.example")) }, nil},
	} {
		for _, n := range []int{0, 800} {
			t.Run(fmt.Sprintf("%s, %d edits", c.name, n+1), func(t *testing.T) {
				server.Do("FLUSHALL")
				applied(t, other, put(0, "a", "a.example"), put(0, "x", "x.example"))
				s, attempts := between(t, server, func(attempt int) {
					if attempt == 1 {
						c.interfere()
					}
				})
				edits := many(n)
				if c.want != nil {
					refusedAs(t, s, c.want, edits...)
					if got := server.Do("EXISTS", prefix+"tenant:t0", prefix+"history:t0"); got != int64(0) {
						t.Error("a part of the edits was made")
					}
				} else {
					applied(t, s, edits...)
				}
				if n := attempts.Load(); n < 1 || n > 2 {
					t.Errorf("%d attempts", n)
				}
			})
		}
	}
}

// A tombstone that ends meanwhile does not matter to an edit from base 0.
func TestTombstoneEndsMeanwhile(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	other := patient(t, server)
	applied(t, other, put(0, "a", "a.example"))
	applied(t, other, drop(1, "a"))
	s, _ := between(t, server, func(attempt int) {
		if attempt == 1 {
			server.Do("DEL", prefix+"tenant:a", prefix+"host:a.example")
		}
	})
	if got := applied(t, s, put(0, "a", "a.example")); got[0] != 3 {
		t.Errorf("revision %d, want 3", got[0])
	}
}

// announce is what each writer does with a change.
func announce(server *redistest.Server, id string) {
	server.Do("XADD", prefix+"changes", "*", "tenant", id)
}

// A host that an edit gives up goes to somebody else meanwhile, who keeps it.
func TestHostGivenUpIsTakenMeanwhile(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	applied(t, patient(t, server), put(0, "a", "old.example"))
	var reads int
	s := patient(t, server, func(o *redisstore.Options) {
		o.Observe = func(op redisstore.Operation) {
			if op.Name != "PIPELINE" {
				return
			}
			if reads++; reads == 4 { // head, documents, histories, owners
				server.Do("SET", prefix+"host:old.example", "b")
				announce(server, "b")
			}
		}
	})
	applied(t, s, put(1, "a"))
	if got := server.Do("GET", prefix+"host:old.example"); got != "b" || reads != 8 {
		t.Errorf("the host belongs to %v after %d reads", got, reads)
	}
}

// The owner of a host loses it meanwhile, or takes it back.
func TestHolderChangesMeanwhile(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	other := patient(t, server)
	applied(t, other, put(0, "a", "h.example"), put(0, "away"))
	server.Do("SET", prefix+"tenant:a", `{"id":"a","revision":1}`) // by one who leaves the host's key alone
	var reads int
	s := patient(t, server, func(o *redisstore.Options) {
		o.Observe = func(op redisstore.Operation) {
			if op.Name != "PIPELINE" {
				return
			}
			if reads++; reads == 5 { // head, documents, histories, owners, documents of owners
				server.Do("SET", prefix+"tenant:a", `{"id":"a","revision":1,"hosts":["h.example"]}`)
				announce(server, "a")
			}
		}
	})
	refusedAs(t, s, []string{"tenant b: host h.example belongs to tenant a"}, put(0, "b", "h.example"))
	if reads != 10 {
		t.Errorf("%d reads; the host was not given back between the last one and the transaction", reads)
	}
}

func TestContention(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s, attempts := between(t, server, func(attempt int) { server.Do("HSET", prefix+"meta", "x", attempt) })
	_, err := s.Apply(t.Context(), []store.Edit{put(0, "a")}, ana())
	if !errors.Is(err, redisstore.ErrContended) {
		t.Errorf("Apply: %v", err)
	}
	if n := attempts.Load(); n != 100 {
		t.Errorf("%d attempts", n)
	}
	if got := server.Do("EXISTS", prefix+"tenant:a", prefix+"changes"); got != int64(0) {
		t.Error("something was written")
	}
}

// 50 writers make 200 attempts each at a few tenants: no update is lost, revisions have no gaps, and histories
// and changes are complete.
func TestWritersCompeting(t *testing.T) {
	writers, each := 50, 200
	if testing.Short() || raceDetector {
		writers, each = 10, 40
	}
	server := redistest.Start(t, redistest.Options{})
	tenants := []string{"a", "b", "c", "d", "e", "f", "g"}
	var won [7]atomic.Int64
	var lost atomic.Int64
	s := patient(t, server)
	var edits []store.Edit
	for _, id := range tenants {
		edits = append(edits, put(0, id, id+".example"))
	}
	applied(t, s, edits...)
	begin := time.Now()
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			s := patient(t, server)
			name := "w" + strconv.Itoa(w%25) // a document has 32 labels at most
			for i := range each {
				at := (w + i) % len(tenants)
				docs, err := s.Documents(t.Context(), tenants[at:at+1])
				if err != nil {
					t.Error(err)
					return
				}
				var d tenantv1.Tenant
				if err := protojson.Unmarshal(docs.All[0].Data, &d); err != nil {
					t.Error(err)
					return
				}
				if d.Labels == nil {
					d.Labels = make(map[string]string)
				}
				n, _ := strconv.Atoi(d.Labels[name])
				d.Labels[name] = strconv.Itoa(n + 1)
				_, err = s.Apply(t.Context(), []store.Edit{{ID: d.Id, Tenant: &d, Base: d.Revision}}, store.Author{By: name, Kind: store.KindApply})
				switch _, conflict := errors.AsType[*store.ConflictError](err); {
				case err == nil:
					won[at].Add(1)
				case conflict:
					lost.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	var all int64
	for at, id := range tenants {
		n := won[at].Load()
		all += n
		docs, err := s.Documents(t.Context(), []string{id})
		if err != nil {
			t.Fatal(err)
		}
		var d tenantv1.Tenant
		if err := protojson.Unmarshal(docs.All[0].Data, &d); err != nil {
			t.Fatal(err)
		}
		counted := int64(0)
		for _, text := range d.Labels {
			n, _ := strconv.ParseInt(text, 10, 64)
			counted += n
		}
		if d.Revision != n+1 || counted != n {
			t.Errorf("tenant %s has revision %d and counted %d after %d writes that succeeded", id, d.Revision, counted, n)
		}
		history, err := s.History(t.Context(), id, 1000)
		if err != nil || int64(len(history)) < min(100, n+1) {
			t.Errorf("tenant %s has %d entries of history after %d writes, %v", id, len(history), n, err)
		}
		for i, r := range history {
			if want := d.Revision - int64(i); r.Number != want || !strings.Contains(string(r.Data), fmt.Sprintf(`"revision":"%d"`, want)) {
				t.Fatalf("tenant %s: entry %d of the history is of revision %d, want %d", id, i, r.Number, want)
			}
		}
	}
	t.Logf("%d attempts succeeded and %d were conflicts, in %v", all, lost.Load(), time.Since(begin))
	if all+lost.Load() != int64(writers*each) || lost.Load() == 0 || all < int64(each) {
		t.Errorf("of %d attempts %d succeeded and %d were conflicts", writers*each, all, lost.Load())
	}
	allChangesFollow(t, s, tenants, all)
}

// allChangesFollow fails unless the stream has every revision of every tenant, in order.
func allChangesFollow(t *testing.T, s *redisstore.Store, tenants []string, updates int64) {
	t.Helper()
	next := make(map[string]int64)
	var total int64
	for at := (store.Position{}); ; {
		changes, err := s.Changes(t.Context(), at, 1000, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			break
		}
		for _, c := range changes {
			total++
			next[c.Tenant]++
			if c.Revision != next[c.Tenant] || !slices.Contains(tenants, c.Tenant) {
				t.Fatalf("the change %+v follows revision %d", c, next[c.Tenant]-1)
			}
			at = c.At
		}
	}
	if want := updates + int64(len(tenants)); total != want {
		t.Errorf("%d changes, want %d", total, want)
	}
}
