package mirror

import (
	"math/rand/v2"
	"testing"

	"github.com/corsgate/corsgate/tenant/store"
)

func position(n int) store.Position { return store.Position{Time: uint64(n)} }

func headAt(epoch string, last int, confirmed string) store.Head {
	return store.Head{Epoch: epoch, Schema: 1, Confirmed: confirmed, Exists: true, First: position(1), Last: position(last)}
}

// TestGuard is R10, R13 and R14: which heads count, one after the other.
func TestGuard(t *testing.T) {
	t.Parallel()
	none := store.Head{}
	newer := headAt("e", 9, "")
	newer.Schema = maxSchema + 1
	unsigned := headAt("", 9, "")
	unsigned.Schema = 0
	type says struct {
		head store.Head
		want verdict
		// resync and force are what the guard wants afterwards.
		resync, force bool
	}
	tests := []struct {
		name string
		from *store.Saved // nil: nothing is known
		says []says
	}{
		{"an empty store, then its first write", nil, []says{
			{head: none, want: heldEmpty},
			{head: headAt("e", 1, ""), want: admitted},
		}},
		{"a store that grows", nil, []says{
			{head: headAt("e", 3, "")}, {head: headAt("e", 3, "")}, {head: headAt("e", 4, "")},
		}},
		{"the first write of ours signs what others wrote", nil, []says{
			{head: unsigned}, {head: headAt("e", 10, "")},
		}},
		{"R13: a lagging replica, until it has caught up", nil, []says{
			{head: headAt("e", 5, "")},
			{head: headAt("e", 4, ""), want: heldRegressed},
			{head: headAt("e", 5, ""), resync: true},
		}},
		{"R14: flushed, and back", nil, []says{
			{head: headAt("e", 5, "")},
			{head: none, want: heldVanished},
			{head: headAt("e", 5, ""), resync: true},
		}},
		{"R14: flushed and written anew", nil, []says{
			{head: headAt("e", 5, "")},
			{head: headAt("f", 6, ""), want: heldEpoch},
			{head: headAt("", 6, ""), want: heldEpoch},
		}},
		{"R14: flushed, written anew, confirmed", nil, []says{
			{head: headAt("e", 5, "")},
			{head: headAt("f", 6, ""), want: heldEpoch},
			{head: headAt("f", 7, "x"), resync: true, force: true},
		}},
		{"R10: a newer layout, also when it is confirmed", nil, []says{
			{head: headAt("e", 5, "")},
			{head: newer, want: heldSchema},
		}},
		{"a confirmation that was there before", nil, []says{
			{head: headAt("e", 5, "x")}, {head: headAt("e", 6, "x")},
		}},
		{"a confirmation, once", nil, []says{
			{head: headAt("e", 5, "")},
			{head: headAt("e", 6, "x"), resync: true, force: true},
		}},
		{"R13: an old backup has an old confirmation", nil, []says{
			{head: headAt("e", 3, "x")},
			{head: headAt("e", 5, "y"), resync: true, force: true},
			{head: headAt("e", 4, "x"), want: heldRegressed, resync: true, force: true},
		}},
		{"from disk: the same store, later", &store.Saved{Epoch: "e", Position: position(5)}, []says{
			{head: headAt("e", 7, "")},
		}},
		{"from disk: another one", &store.Saved{Epoch: "e", Position: position(5)}, []says{
			{head: headAt("f", 7, ""), want: heldEpoch},
		}},
		{"from disk: an older one", &store.Saved{Epoch: "e", Position: position(5)}, []says{
			{head: headAt("e", 4, ""), want: heldRegressed},
		}},
		{"from disk: an empty one", &store.Saved{Epoch: "e", Position: position(5)}, []says{
			{head: none, want: heldVanished},
		}},
		{"from disk: confirmed meanwhile", &store.Saved{Epoch: "e", Confirmed: "x", Position: position(5)}, []says{
			{head: headAt("f", 6, "y"), resync: true, force: true},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var g guard
			if tt.from != nil {
				g.restore(*tt.from)
			}
			for i, s := range tt.says {
				ok := g.admit(s.head, g.mark())
				if g.verdict != s.want || ok != (s.want == admitted) {
					t.Fatalf("head %d gives %q (%v), want %q", i, g.verdict, ok, s.want)
				}
				if resync := g.doubts != g.resolved; resync != s.resync || g.force != s.force {
					t.Fatalf("after head %d: resync %v, force %v; want %v, %v", i, resync, g.force, s.resync, s.force)
				}
			}
		})
	}
}

// TestGuardOfReadsThatOvertakeEachOther: of two reads the later one may be answered first.
func TestGuardOfReadsThatOvertakeEachOther(t *testing.T) {
	t.Parallel()
	var g guard
	g.admit(headAt("e", 1, ""), g.mark())

	early := g.mark()
	if !g.admit(headAt("e", 3, ""), g.mark()) || !g.admit(headAt("e", 2, ""), early) {
		t.Errorf("a head that was overtaken is %q", g.verdict)
	}
	if g.admit(headAt("e", 2, ""), g.mark()) {
		t.Error("a head that went back is admitted")
	}

	early = g.mark()
	g.admit(headAt("e", 3, ""), g.mark())
	if g.admit(headAt("e", 2, ""), early) || g.verdict != admitted {
		t.Errorf("a head from before the store came back changes the verdict to %q", g.verdict)
	}
	early = g.mark()
	g.admit(store.Head{}, g.mark())
	if g.admit(headAt("e", 3, ""), early) || g.verdict != heldVanished {
		t.Errorf("a head from before the store vanished changes the verdict to %q", g.verdict)
	}
}

// TestGuardAgainstAModel: heads in any order are judged as by the four sentences of R10, R13 and R14.
func TestGuardAgainstAModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 0))
		var g guard
		known, epoch, token, newest := false, "", "", 0
		for i := range 40 {
			h := headAt([]string{"", "e", "e", "e", "f"}[random.IntN(5)], 1+random.IntN(i+2), []string{"", "", "x", "y"}[random.IntN(4)])
			if random.IntN(10) == 0 {
				h = store.Head{}
			}
			if random.IntN(20) == 0 {
				h.Schema = maxSchema + 1
			}
			last := int(h.Last.Time)
			confirmed := h.Confirmed != "" && h.Confirmed != token && last >= newest
			want := h.Schema <= maxSchema &&
				(!known && h.Exists || known && confirmed || known && h.Exists && (epoch == "" || epoch == h.Epoch) && last >= newest)
			if got := g.admit(h, g.mark()); got != want {
				t.Fatalf("seed %d, head %d: %+v is admitted: %v, want %v (%s)", seed, i, h, got, want, g.verdict)
			}
			if want {
				known, epoch, newest = true, h.Epoch, max(newest, last)
				if h.Confirmed != "" {
					token = h.Confirmed
				}
			}
		}
	}
}
