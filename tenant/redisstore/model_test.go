package redisstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// Random edits have the same outcome as in memory.
func TestLikeMemory(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	rounds, length := 12, 60
	if testing.Short() {
		rounds = 4
	}
	outcomes := make(map[string]int)
	for range rounds {
		seed := rand.Uint64()
		server.Do("FLUSHALL")
		m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 0)), stores: [2]store.Writer{storetest.NewMemory(), s}}
		for range length {
			outcomes[m.step()]++
			if t.Failed() {
				t.Fatalf("with seed %d", seed)
			}
		}
	}
	t.Logf("outcomes: %v", outcomes)
	for _, kind := range []string{"applied", "conflict", "host taken"} {
		if outcomes[kind] < length/4 {
			t.Errorf("only %d attempts ended as %q; the edits prove little", outcomes[kind], kind)
		}
	}
}

// model makes the same edits in two stores.
type model struct {
	t      *testing.T
	rng    *rand.Rand
	stores [2]store.Writer
}

func (m *model) ids() []string { return []string{"a", "b", "c", "d", "e"} }
func (m *model) hosts() []string {
	return []string{"1.example", "2.example", "3.example", "*.example", "*", "6.example"}
}

func (m *model) step() string {
	m.t.Helper()
	ids := m.ids()
	m.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	var edits []store.Edit
	for _, id := range ids[:1+m.rng.IntN(3)] {
		e := store.Edit{ID: id, Base: base(m.t, m.stores[0], id)}
		if m.rng.IntN(6) == 0 {
			e.Base = m.rng.Int64N(4)
		}
		if m.rng.IntN(4) > 0 {
			hosts := m.hosts()
			m.rng.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
			e.Tenant = put(0, id, hosts[:m.rng.IntN(3)]...).Tenant
		}
		edits = append(edits, e)
	}
	author := store.Author{By: fmt.Sprint("author", m.rng.IntN(3)), Reason: "r", Kind: []string{store.KindApply, store.KindImport, store.KindRollback}[m.rng.IntN(3)]}
	var results [2]string
	var outcome string
	for i, w := range m.stores {
		revisions, err := w.Apply(m.t.Context(), edits, author)
		conflicts, ok := errors.AsType[store.Conflicts](err)
		switch {
		case err == nil:
			results[i], outcome = fmt.Sprint(revisions), "applied"
		case ok:
			var texts []string
			outcome = "conflict"
			for _, c := range conflicts {
				texts = append(texts, c.Error())
				if _, ok := errors.AsType[*store.HostTakenError](c); ok {
					outcome = "host taken"
				}
			}
			slices.Sort(texts)
			results[i] = fmt.Sprintf("%q", texts)
		default:
			m.t.Fatal(err)
		}
	}
	if diff := cmp.Diff(results[0], results[1]); diff != "" {
		m.t.Errorf("%+v (-memory +redis):\n%s", edits, diff)
	}
	if diff := cmp.Diff(m.state(m.stores[0]), m.state(m.stores[1]), cmpopts.EquateEmpty()); diff != "" {
		m.t.Errorf("after %+v (-memory +redis):\n%s", edits, diff)
	}
	return outcome
}

// state is all that a store says, without times.
func (m *model) state(w store.Writer) map[string]any {
	m.t.Helper()
	ctx := m.t.Context()
	state := make(map[string]any)
	docs, err := w.Documents(ctx, m.ids())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, d := range docs.All {
		state["tenant "+d.ID] = timeless(m.t, d.Data)
		history, err := w.History(ctx, d.ID, 1000)
		if err != nil {
			m.t.Fatal(err)
		}
		for i := range history {
			history[i].At = time.Time{}
			state[fmt.Sprint("history ", d.ID, " ", i)] = timeless(m.t, history[i].Data)
			history[i].Data = nil
		}
		state["history "+d.ID] = history
	}
	owners, err := w.Owners(ctx, m.hosts())
	if err != nil {
		m.t.Fatal(err)
	}
	state["owners"] = owners.IDs
	changes, err := w.Changes(ctx, store.Position{}, 10_000, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	for i := range changes {
		changes[i].At = store.Position{}
	}
	state["changes"] = changes
	return state
}

// timeless is a document without the time of its last change.
func timeless(t *testing.T, data []byte) map[string]any {
	t.Helper()
	if data == nil {
		return nil
	}
	var d map[string]any
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	delete(d, "updated_at")
	return d
}

// revisionOf is the base of an edit of a document: 0 for none and for a tombstone.
func revisionOf(data []byte) int64 {
	var d struct {
		Revision json.Number `json:"revision"`
		Deleted  bool        `json:"deleted"`
	}
	if json.Unmarshal(data, &d) != nil || d.Deleted {
		return 0
	}
	n, _ := d.Revision.Int64()
	return n
}
