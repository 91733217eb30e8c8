package replica_test

import (
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// TestFollowsRedis: changes, deletions, a stream that was trimmed, an emptied Redis and a confirmation, as Redis itself
// tells of them.
func TestFollowsRedis(t *testing.T) {
	t.Parallel()
	const stream = redisstore.DefaultPrefix + "changes"
	server := redistest.Start(t, redistest.Options{})
	put := func(d doc) { write(server, d.id, string(d.bytes())) }
	put(simple("a", "v1"))
	put(simple("b", "v1"))
	s := redis(t, server)
	r := following(t, replica.Options{Source: s, CheckInterval: 100 * time.Millisecond})
	look := func(id string) tenant.View { return r.Lookup(t.Context(), tenant.Key{Hint: id}) }
	is := func(id, text string) {
		t.Helper()
		until(t, func() bool { v := look(id); return v.Freshness == tenant.Live && allows(v, text) })
	}
	is("a", "v1")
	put(simple("a", "v2"))
	is("a", "v2")
	server.Do("DEL", redisstore.DefaultPrefix+"tenant:b")
	server.Do("XADD", stream, "*", "tenant", "b", "kind", "delete")
	until(t, func() bool { return look("b").Freshness == tenant.Unknown })
	put(simple("a", "v3"))
	is("a", "v3")
	server.Do("XTRIM", stream, "MAXLEN", "0") // up to what was read
	put(simple("a", "v4"))
	is("a", "v4")
	if n := r.Stats().Resyncs; n != 1 && n != 2 { // Redis does not say what it trimmed
		t.Errorf("everything was read %d times", n)
	}

	server.Do("FLUSHALL")
	until(t, func() bool { return r.Status().Verdict == trust.Vanished })
	if v := look("a"); !allows(v, "v4") {
		t.Errorf("with an emptied Redis a is %s", v.Freshness)
	}
	put(simple("a", "v5"))
	if _, err := s.Confirm(t.Context(), author()); err != nil {
		t.Fatal(err)
	}
	is("a", "v5")
}

func author() store.Author { return store.Author{By: "an operator"} }
