package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/store"
)

func put(base int64, id string, hosts ...string) store.Edit {
	return store.Edit{ID: id, Base: base, Tenant: &tenantv1.Tenant{Id: id, Hosts: hosts}}
}

func drop(base int64, id string) store.Edit { return store.Edit{ID: id, Base: base} }

// view is what a store holds.
type view struct{ documents, owners map[string]string }

func (v view) Now() time.Time { return time.Unix(1_800_000_000, 0).UTC() }

func (v view) Documents(_ context.Context, ids []string) ([]store.Document, error) {
	all := make([]store.Document, len(ids))
	for i, id := range ids {
		all[i].ID = id
		if text, ok := v.documents[id]; ok {
			all[i].Data = []byte(text)
		}
	}
	return all, nil
}

func (v view) Owners(_ context.Context, hosts []string) ([]string, error) {
	all := make([]string, len(hosts))
	for i, host := range hosts {
		all[i] = v.owners[host]
	}
	return all, nil
}

func (v view) LastRevisions(_ context.Context, ids []string) ([]int64, error) {
	return make([]int64, len(ids)), nil
}

// What a plan says of hosts: those that another edit takes are not released, and none is in two lists.
func TestPlanOfHosts(t *testing.T) {
	v := view{
		documents: map[string]string{
			"a": `{"id":"a","hosts":["moves.example","free.example","lost.example","stays.example"],"revision":"4"}`,
			"b": `{"id":"b","hosts":["b.example","b2.example"],"revision":"1"}`,
			"z": `{"id":"z","hosts":["lost.example"],"revision":"1"}`,
		},
		owners: map[string]string{
			"moves.example": "a", "free.example": "a", "stays.example": "a", "lost.example": "z", "b.example": "b", "b2.example": "b",
		},
	}
	batch, err := store.NewWriteBatch([]store.Edit{
		put(4, "a", "stays.example"), drop(1, "b"), put(0, "c", "moves.example", "b2.example", "new.example"),
	}, store.Author{By: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	writes, err := batch.Plan(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Write{
		{
			Revision: store.Revision{At: v.Now(), Number: 5, Kind: store.KindApply, By: "ana"},
			Change:   store.Change{Tenant: "a", Kind: store.KindApply, Revision: 5},
			Take:     []string{"stays.example"}, Free: []string{"free.example"},
		},
		{
			Revision: store.Revision{At: v.Now(), Number: 2, Kind: store.KindDelete, By: "ana"},
			Change:   store.Change{Tenant: "b", Kind: store.KindDelete, Revision: 2},
			Keep:     []string{"b.example"},
		},
		{
			Revision: store.Revision{At: v.Now(), Number: 1, Kind: store.KindApply, By: "ana"},
			Change:   store.Change{Tenant: "c", Kind: store.KindApply, Revision: 1},
			Revives:  true,
			Take:     []string{"moves.example", "b2.example", "new.example"},
		},
	}
	data := make([]string, len(writes))
	for i := range writes {
		data[i], writes[i].Revision.Data = string(writes[i].Revision.Data), nil
	}
	if diff := cmp.Diff(want, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	wantData := []string{
		`{"id":"a","hosts":["stays.example"],"revision":"5","updated_at":"2027-01-15T08:00:00Z","updated_by":"ana"}`,
		`{"id":"b","hosts":["b.example","b2.example"],"revision":"2","updated_at":"2027-01-15T08:00:00Z","updated_by":"ana","deleted":true}`,
		`{"id":"c","hosts":["moves.example","b2.example","new.example"],"revision":"1","updated_at":"2027-01-15T08:00:00Z","updated_by":"ana"}`,
	}
	if diff := cmp.Diff(wantData, data); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

// A plan is made again when the store has changed. A document that somebody wrote meanwhile is a conflict although its
// revision fits; a tombstone that ended is none.
func TestPlanAgain(t *testing.T) {
	const tombstone, written = `{"id":"a","deleted":true,"revision":"3"}`, `{"id":"a","revision":"0"}`
	for name, c := range map[string]struct {
		before, after string // "" for none
		conflict      bool
	}{
		"the same":            {tombstone, tombstone, false},
		"the tombstone ended": {tombstone, "", false},
		"nothing, and then one that does not count": {"", written, true},
		"another text of the same revision":         {written, `{"id":"a","revision":"0","labels":{}}`, true},
	} {
		batch, err := store.NewWriteBatch([]store.Edit{put(0, "a")}, store.Author{By: "ana"})
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range []string{c.before, c.after} {
			v := view{documents: map[string]string{"a": text}}
			if text == "" {
				delete(v.documents, "a")
			}
			_, err := batch.Plan(t.Context(), v)
			if want := i == 1 && c.conflict; (err != nil) != want {
				t.Errorf("%s: plan %d gives %v", name, i+1, err)
			}
		}
	}
}

// Edits and authors that are wrong by themselves are refused with all that is wrong.
func TestEditsAreChecked(t *testing.T) {
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
	_, err := store.NewWriteBatch(edits, store.Author{By: "a\x07", Reason: strings.Repeat("x", 1025), Kind: "K\n"})
	want := []string{
		`"Upper" cannot be the id of a tenant`,
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
}
