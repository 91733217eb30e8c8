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

// A newest entry of the history that says no revision counts as none.
func TestHistoryWithoutRevision(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	server.Do("XADD", prefix+"history:a", "*", "revision", "many")
	if got := applied(t, s, put(0, "a")); got[0] != 1 {
		t.Errorf("revision %d", got[0])
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
