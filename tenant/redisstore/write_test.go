package redisstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/redistest"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// patient makes a store like open does, for tests that are not about time-outs: the machine may be busy.
func patient(t *testing.T, server *redistest.Server, change ...func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	return open(t, server, func(o *redisstore.Options) {
		o.Timeout, o.DialTimeout = 10*time.Second, 10*time.Second
		for _, c := range change {
			if c != nil {
				c(o)
			}
		}
	})
}

func ana() store.Author {
	return store.Author{By: "ana", Reason: "because", Kind: store.KindApply}
}

// put is an edit that gives a tenant hosts.
func put(base int64, id string, hosts ...string) store.Edit {
	return store.Edit{ID: id, Base: base, Tenant: &tenantv1.Tenant{
		Id: id, Hosts: hosts, Policy: &tenantv1.Policy{Origins: []string{"https://" + id + ".app"}},
	}}
}

func drop(base int64, id string) store.Edit { return store.Edit{ID: id, Base: base} }

// applied makes edits that must succeed.
func applied(t *testing.T, s *redisstore.Store, edits ...store.Edit) []int64 {
	t.Helper()
	revisions, err := s.Apply(t.Context(), edits, ana())
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return revisions
}

// refusedAs makes edits that must fail with conflicts, and compares their texts.
func refusedAs(t *testing.T, s *redisstore.Store, want []string, edits ...store.Edit) {
	t.Helper()
	_, err := s.Apply(t.Context(), edits, ana())
	conflicts, ok := errors.AsType[store.Conflicts](err)
	if !ok {
		t.Fatalf("Apply: %v, want conflicts", err)
	}
	var got []string
	for _, c := range conflicts {
		got = append(got, c.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conflicts (-want +got):\n%s", diff)
	}
}

// dump is everything that a server holds, without positions and times.
func dump(server *redistest.Server) map[string]string {
	all := make(map[string]string)
	for _, key := range server.Do("KEYS", "*").([]any) {
		k := key.(string)
		switch kind := server.Do("TYPE", k); kind {
		case "string":
			all[k] = fmt.Sprint(server.Do("GET", k))
		case "stream":
			for _, entry := range server.Do("XRANGE", k, "-", "+").([]any) {
				all[k] += fmt.Sprintln(entry.([]any)[1])
			}
		case "hash":
			fields := server.Do("HGETALL", k).([]any)
			all[k] = fmt.Sprint(fields)
		default:
			all[k] = fmt.Sprint(kind)
		}
	}
	return all
}

// unchanged fails when something is stored that was not when it was called.
func unchanged(t *testing.T, server *redistest.Server) (check func()) {
	t.Helper()
	before := dump(server)
	return func() {
		t.Helper()
		if diff := cmp.Diff(before, dump(server)); diff != "" {
			t.Errorf("the store was changed (-before +after):\n%s", diff)
		}
	}
}

// What other programs read is written as they expect it.
func TestLayout(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	applied(t, s, put(0, "a", "a.example", "*"), put(0, "b", "b.example"))
	if _, err := s.Apply(t.Context(), []store.Edit{drop(1, "b")}, store.Author{By: "eve", Kind: store.KindRollback}); err != nil {
		t.Fatal(err)
	}

	got := dump(server)
	updatedAt := func(id string) string {
		var d struct {
			UpdatedAt string `json:"updated_at"`
		}
		if err := json.Unmarshal([]byte(got[prefix+"tenant:"+id]), &d); err != nil || d.UpdatedAt == "" {
			t.Errorf("tenant %s: updated at %q, %v", id, d.UpdatedAt, err)
		}
		return d.UpdatedAt
	}
	a := `{"id":"a","hosts":["a.example","*"],"policy":{"origins":["https://a.app"]},"revision":"1","updated_at":"` + updatedAt("a") +
		`","updated_by":"ana","reason":"because"}`
	b1 := `{"id":"b","hosts":["b.example"],"policy":{"origins":["https://b.app"]},"revision":"1","updated_at":"` + updatedAt("a") +
		`","updated_by":"ana","reason":"because"}`
	b2 := `{"id":"b","hosts":["b.example"],"revision":"2","updated_at":"` + updatedAt("b") + `","updated_by":"eve","deleted":true}`
	epoch, _ := server.Do("HGET", prefix+"meta", "epoch").(string)
	if len(epoch) < 20 {
		t.Errorf("the epoch is %q", epoch)
	}
	want := map[string]string{
		prefix + "tenant:a":       a,
		prefix + "tenant:b":       b2,
		prefix + "host:a.example": "a",
		prefix + "host:*":         "a",
		prefix + "host:b.example": "b",
		prefix + "changes":        "[tenant a revision 1 kind apply]\n[tenant b revision 1 kind apply]\n[tenant b revision 2 kind delete]\n",
		prefix + "history:a":      "[document " + a + " revision 1 kind apply by ana reason because]\n",
		prefix + "history:b":      "[document " + b1 + " revision 1 kind apply by ana reason because]\n[document " + b2 + " revision 2 kind delete by eve reason ]\n",
		prefix + "meta":           "[epoch " + epoch + " schema 1]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A deleted tenant leaves by and by, and is back for good.
func TestLifetimes(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	days := func(keys ...string) []int64 {
		var all []int64
		for _, key := range keys {
			ttl, _ := server.Do("TTL", prefix+key).(int64)
			if ttl > 0 {
				ttl = (ttl + 60) / (24 * 60 * 60)
			}
			all = append(all, ttl)
		}
		return all
	}
	keys := []string{"tenant:a", "host:one.example", "host:two.example", "history:a", "changes", "meta"}
	const never, gone = -1, -2
	for _, step := range []struct {
		edit store.Edit
		want []int64
	}{
		{put(0, "a", "one.example", "two.example"), []int64{never, never, never, never, never, never}},
		{drop(1, "a"), []int64{7, 7, 7, 90, never, never}},
		{put(0, "a", "one.example"), []int64{never, never, gone, never, never, never}},
		{drop(3, "a"), []int64{7, 7, gone, 90, never, never}},
		{drop(0, "a"), []int64{7, 7, gone, 90, never, never}},
	} {
		applied(t, s, step.edit)
		if got := days(keys...); !slices.Equal(got, step.want) {
			t.Errorf("after %+v the keys %v have %v days left, want %v", step.edit, keys, got, step.want)
		}
	}
	// What ends does so together with the tenant and not with the tombstone.
	server.Do("DEL", prefix+"tenant:a", prefix+"host:one.example")
	applied(t, s, put(0, "a"))
	if got := days("tenant:a", "history:a"); !slices.Equal(got, []int64{never, never}) {
		t.Errorf("back after the tombstone had gone: %v days left", got)
	}
}

func TestStreamsAreTrimmed(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	for base := range int64(250) {
		applied(t, s, put(base, "a"))
	}
	if n, _ := server.Do("XLEN", prefix+"history:a").(int64); n < 100 || n > 220 {
		t.Errorf("%d revisions are kept", n)
	}
	if testing.Short() {
		return
	}
	edits := make([]store.Edit, store.MaxEdits)
	for i := range edits {
		edits[i] = drop(0, fmt.Sprintf("t%d", i)) // small ones, and always possible
	}
	for range 12 {
		applied(t, s, edits...)
	}
	if n, _ := server.Do("XLEN", prefix+"changes").(int64); n < 100_000 || n > 101_000 {
		t.Errorf("%d changes are kept", n)
	}
}

// Revisions of a tenant never come twice, whatever is left of it.
func TestRevisionsGoOn(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	next := func(what string, want int64, edit store.Edit) {
		t.Helper()
		if got := applied(t, s, edit); !slices.Equal(got, []int64{want}) {
			t.Errorf("%s: revisions %v, want %d", what, got, want)
		}
	}
	raw := func(data string) { server.Do("SET", prefix+"tenant:a", data) }
	next("new", 1, put(0, "a"))
	next("changed", 2, put(1, "a"))
	next("deleted", 3, drop(2, "a"))
	next("after the tombstone", 4, put(0, "a"))
	next("deleted", 5, drop(4, "a"))
	server.Do("DEL", prefix+"tenant:a")
	next("after the history", 6, put(0, "a"))
	raw(`{"id":"a","policy":{}}`)
	next("after a document that says none", 7, put(0, "a"))
	raw(`{"id":"a","policy":{},"revision":20}`)
	next("after a number", 21, put(20, "a"))
	raw(`{"id":"a","policy":{},"revision":"30"}`)
	next("after a text", 31, put(30, "a"))
	raw("id: a\nrevision: 31\npolicy: {}\n")
	next("after a number in YAML, which gateways read, too", 32, put(31, "a"))
	raw(`{"id":"a","policy":{},"revision":-5}`)
	next("after what is none", 33, put(0, "a"))
	server.Do("XADD", prefix+"history:a", "*", "revision", "many")
	raw("")
	next("after a history that says none", 1, put(0, "a"))
	raw(`{"id":"a","revision":"9223372036854775807"}`)
	check := unchanged(t, server)
	if _, err := s.Apply(t.Context(), []store.Edit{put(9223372036854775807, "a")}, ana()); err == nil || !strings.Contains(err.Error(), "highest revision") {
		t.Errorf("after the last one: %v", err)
	}
	check()
}

// A document that nobody can read is replaced from base 0, like an absent one.
func TestRepair(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	for name, spoil := range map[string]func(key string){
		"empty":          func(key string) { server.Do("SET", key, "") },
		"no JSON":        func(key string) { server.Do("SET", key, "{") },
		"another type":   func(key string) { server.Do("RPUSH", key, "x") },
		"too large":      func(key string) { server.Do("SETRANGE", key, 1<<20, "x") },
		"hosts no list":  func(key string) { server.Do("SET", key, `{"hosts":7,"revision":"4"}`) },
		"wrong id":       func(key string) { server.Do("SET", key, `{"id":"b"}`) },
		"array":          func(key string) { server.Do("SET", key, `[]`) },
		"revision a map": func(key string) { server.Do("SET", key, `{"revision":{}}`) },
	} {
		t.Run(name, func(t *testing.T) {
			server.Do("FLUSHALL")
			applied(t, s, put(0, "a", "a.example"))
			server.Do("DEL", prefix+"tenant:a")
			spoil(prefix + "tenant:a")
			refusedAs(t, s, []string{"tenant a: revision 0 is stored, the change was made from 1"}, put(1, "a", "a.example"))
			if got := applied(t, s, put(0, "a", "b.example")); got[0] != 2 {
				t.Errorf("revision %d, want 2", got[0])
			}
			// It can be deleted, too.
			server.Do("DEL", prefix+"tenant:a")
			spoil(prefix + "tenant:a")
			applied(t, s, drop(0, "a"))
		})
	}
}

// Edits and authors that are wrong by themselves are refused with all that is wrong, before Redis is asked.
func TestEditsAreChecked(t *testing.T) {
	s := openAt(t, "127.0.0.1:1", nil) // nobody listens there
	edits := []store.Edit{
		put(0, "Upper"),
		put(0, "a b\r\n"),
		drop(0, ""),
		put(0, "twice"), put(0, "twice"),
		{ID: "other", Tenant: &tenantv1.Tenant{Id: "another"}},
		{ID: "dead", Tenant: &tenantv1.Tenant{Id: "dead", Deleted: true}},
		put(0, "hosts", "UPPER.example", "with blank", "a.example:80", "", "*.", "fine.example", "fine.example", "\n"),
		put(0, "many", make([]string, 1001)...),
	}
	_, err := s.Apply(t.Context(), edits, store.Author{By: "a\x07", Reason: strings.Repeat("x", 1025), Kind: "K\n"})
	want := []string{
		`writing tenants: "Upper" cannot be the id of a tenant`,
		`"a b\r\n" cannot be the id of a tenant`,
		`"" cannot be the id of a tenant`,
		"tenant twice is edited twice; make one edit of it",
		`tenant other: the document is of tenant "another"`,
		"tenant dead: the document is a tombstone; to delete a tenant give no document",
		`tenant hosts: the host "UPPER.example" is not in canonical form; write upper.example`,
		`tenant hosts: "with blank" is no host`,
		`tenant hosts: the host "a.example:80" is not in canonical form; write a.example`,
		`tenant hosts: "" is no host`,
		`tenant hosts: "*." is no host`,
		"tenant hosts: the host fine.example is listed twice",
		`tenant hosts: "\n" is no host`,
		"tenant many: 1001 hosts; at most 1000",
		`the author "a\a" has characters that cannot be printed; remove them`,
		"the reason has more than 1024 characters; shorten it",
		`"K\n" is no kind of change; write a word in lower case, for example apply`,
	}
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if revisions, err := s.Apply(t.Context(), nil, ana()); len(revisions) != 0 || err != nil {
		t.Errorf("no edits give %v, %v", revisions, err)
	}
}

// What the registry adds to a document counts.
func TestLargestDocument(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	large := func(n int) store.Edit {
		e := put(0, "a")
		e.Tenant.Labels = map[string]string{"x": strings.Repeat("x", n)}
		return e
	}
	applied(t, s, large(1<<20-500))
	if docs, err := s.Documents(t.Context(), []string{"a"}); err != nil || docs.All[0].Err != nil {
		t.Errorf("read back: %v, %v", err, docs.All[0].Err)
	}
	check := unchanged(t, server)
	e := large(1<<20 - 100)
	e.Base = 1
	if _, err := s.Apply(t.Context(), []store.Edit{e}, ana()); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("one byte too many: %v", err)
	}
	check()
	// Many large ones would be more than Redis takes at once.
	var edits []store.Edit
	for i := range 70 {
		e := large(1<<20 - 500)
		e.ID = fmt.Sprintf("t%d", i)
		e.Tenant.Id = e.ID
		edits = append(edits, e)
	}
	if _, err := s.Apply(t.Context(), edits, ana()); err == nil || !strings.Contains(err.Error(), "make fewer at once") {
		t.Errorf("70 large ones: %v", err)
	}
	check()
}
