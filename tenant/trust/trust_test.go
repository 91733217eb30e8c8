package trust_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

func position(n int) store.Position { return store.Position{Time: uint64(n)} }

func head(epoch string, last int, confirmed string) store.Head {
	return store.Head{Epoch: epoch, Schema: 1, Confirmed: confirmed, Exists: true, First: position(1), Last: position(last)}
}

// stream is a store with nothing but changes.
type stream struct {
	store.Source
	changes []store.Change
}

func (s stream) Changes(_ context.Context, after store.Position, limit int, _ time.Duration) ([]store.Change, error) {
	var found []store.Change
	for _, c := range s.changes {
		if after.Before(c.At) && len(found) < limit {
			found = append(found, c)
		}
	}
	return found, nil
}

// confirm has the confirmation looked for of which a head tells.
func confirm(t *testing.T, tr *trust.Trust, h store.Head, changes ...store.Change) {
	t.Helper()
	found, err := store.ConfirmedSince(t.Context(), stream{changes: changes}, tr.Seen())
	if err != nil {
		t.Fatal(err)
	}
	if found {
		tr.Confirm(h)
	}
}

// judged is what happens to a Trust, and what it says then.
type judged struct {
	// stream is where a confirmation is looked for first; 0 is nowhere, and otherwise it is where one stands.
	stream int
	// before is called before the head is judged.
	before    func(*trust.Trust)
	head      store.Head
	want      trust.Verdict
	confirmed bool
	doubtful  bool
}

func TestJudge(t *testing.T) {
	t.Parallel()
	newer := head("e", 9, "")
	newer.Schema = 2
	unsigned := head("", 9, "")
	unsigned.Schema = 0
	saved := &trust.Memory{Epoch: "e", ApprovalToken: "x", Seen: position(5)}
	tests := map[string]struct {
		from *trust.Memory // nil: nothing is known
		says []judged
	}{
		"an empty store, then its first write": {nil, []judged{
			{want: trust.Empty},
			{head: head("e", 1, "")},
		}},
		"a store that grows":                              {nil, []judged{{head: head("e", 3, "")}, {head: head("e", 3, "")}, {head: head("e", 4, "")}}},
		"the first write of ours names what others wrote": {nil, []judged{{head: unsigned}, {head: head("e", 10, "")}}},
		"flushed, and back": {nil, []judged{
			{head: head("e", 5, "")},
			{want: trust.Vanished},
			{head: head("e", 5, ""), doubtful: true},
			{before: (*trust.Trust).Compared, head: head("e", 5, "")},
		}},
		"flushed and written anew": {nil, []judged{
			{head: head("e", 5, "")},
			{head: head("f", 6, ""), want: trust.Epoch},
			{head: head("", 6, ""), want: trust.Epoch},
			{head: head("e", 6, ""), doubtful: true},
		}},
		"flushed, written anew, confirmed": {nil, []judged{
			{head: head("e", 5, "")},
			{head: head("f", 6, ""), want: trust.Epoch},
			{head: head("f", 7, "x"), want: trust.Epoch},
			{stream: 4, head: head("f", 7, "x"), want: trust.Epoch},
			{stream: 7, head: head("f", 7, "x"), confirmed: true, doubtful: true},
		}},
		"confirmed with an older position than was seen": {nil, []judged{
			{head: head("e", 5, "")},
			{stream: 4, head: head("f", 4, "x"), want: trust.Epoch},
		}},
		"a newer layout, also when it is confirmed": {nil, []judged{
			{head: head("e", 5, "")},
			{head: newer, want: trust.Schema},
			{stream: 9, head: store.Head{Epoch: "e", Schema: 2, Confirmed: "x", Exists: true, Last: position(9)}, want: trust.Schema},
		}},
		"a newer layout at once":               {nil, []judged{{head: newer, want: trust.Schema}}},
		"a confirmation that was there before": {nil, []judged{{head: head("e", 5, "x")}, {head: head("e", 6, "x")}}},
		"a confirmation counts once":           {nil, []judged{{head: head("e", 5, "")}, {head: head("e", 6, "x"), confirmed: true}, {head: head("e", 7, "x")}}},
		"a backup has an old confirmation": {nil, []judged{
			{head: head("e", 3, "x")},
			{head: head("e", 5, "y"), confirmed: true},
			{head: head("e", 4, "x"), want: trust.Regressed},
			{stream: 3, head: head("e", 6, "x"), want: trust.Regressed},
			{stream: 7, head: head("e", 7, "z"), confirmed: true, doubtful: true},
			{head: head("e", 8, "y"), confirmed: true, doubtful: true},
			{before: (*trust.Trust).Diverge, head: head("e", 9, "z"), want: trust.Regressed, doubtful: true},
		}},
		"an older store stays so when it is written": {nil, []judged{
			{head: head("e", 5, "")},
			{head: head("e", 4, ""), want: trust.Regressed},
			{head: head("e", 5, ""), want: trust.Regressed},
			{head: head("e", 8, ""), want: trust.Regressed},
		}},
		"an older store that was emptied, and then restored": {nil, []judged{
			{head: head("e", 5, "")},
			{head: head("e", 4, ""), want: trust.Regressed},
			{want: trust.Vanished},
			{head: newer, want: trust.Schema},
			{head: head("f", 9, ""), want: trust.Epoch},
			{head: head("e", 8, ""), want: trust.Regressed},
		}},
		"an older store that has caught up": {nil, []judged{
			{head: head("e", 5, "")},
			{head: head("e", 4, ""), want: trust.Regressed},
			{before: (*trust.Trust).Recover, head: head("e", 5, ""), doubtful: true},
			{before: (*trust.Trust).Compared, head: head("e", 6, "")},
		}},
		"it is said to have caught up and has not": {nil, []judged{
			{head: head("e", 5, "")},
			{head: head("e", 4, ""), want: trust.Regressed},
			{before: (*trust.Trust).Recover, head: head("e", 4, ""), want: trust.Regressed, doubtful: true},
		}},
		"an older store that is confirmed": {nil, []judged{
			{head: head("e", 5, "")},
			{head: head("e", 4, ""), want: trust.Regressed},
			{stream: 6, head: head("e", 6, "x"), confirmed: true, doubtful: true},
			{before: (*trust.Trust).Compared, head: head("e", 7, "x")},
		}},
		"a change is missing in a store that is far enough": {nil, []judged{
			{head: head("e", 5, "")},
			{before: (*trust.Trust).Diverge, head: head("e", 8, ""), want: trust.Regressed},
			{head: head("e", 9, ""), want: trust.Regressed},
			{before: (*trust.Trust).Recover, head: head("e", 9, ""), doubtful: true},
		}},
		"a change is missing and an operator has confirmed it": {nil, []judged{
			{head: head("e", 5, "")},
			{before: (*trust.Trust).Diverge, head: head("e", 8, "x"), want: trust.Regressed},
			{stream: 7, head: head("e", 9, "x"), confirmed: true, doubtful: true},
		}},
		"a change was announced that the store does not have": {nil, []judged{
			{head: head("e", 5, "")},
			{before: func(t *trust.Trust) { t.See(position(7)); t.See(position(6)) }, head: head("e", 6, ""), want: trust.Regressed},
		}},
		"a change is missing since the store is another one meanwhile": {nil, []judged{
			{head: head("e", 5, "")},
			{before: (*trust.Trust).Diverge, head: head("f", 8, ""), want: trust.Epoch},
			{head: head("e", 9, ""), doubtful: true},
		}},
		"saved: the same store, later":                 {saved, []judged{{head: head("e", 7, "x")}}},
		"saved: another one":                           {saved, []judged{{head: head("f", 7, "x"), want: trust.Epoch}}},
		"saved: an older one":                          {saved, []judged{{head: head("e", 4, "x"), want: trust.Regressed}}},
		"saved: an empty one":                          {saved, []judged{{want: trust.Vanished}}},
		"saved: confirmed meanwhile":                   {saved, []judged{{stream: 6, head: head("f", 6, "y"), confirmed: true}}},
		"saved: another one that was confirmed before": {saved, []judged{{stream: 5, head: head("f", 6, "y"), want: trust.Epoch}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tr trust.Trust
			if tt.from != nil {
				tr.Restore(*tt.from)
			}
			for i, s := range tt.says {
				if s.before != nil {
					s.before(&tr)
				}
				if s.stream != 0 {
					confirm(t, &tr, s.head, store.Change{At: position(1)}, store.Change{At: position(s.stream), Kind: store.KindConfirm})
				}
				got, confirmed := tr.Judge(s.head)
				if got != s.want || tr.Verdict() != s.want || confirmed != s.confirmed || tr.Doubtful() != s.doubtful {
					t.Fatalf("head %d: %q (then %q), confirmed %v, doubtful %v; want %q, %v, %v",
						i, got, tr.Verdict(), confirmed, tr.Doubtful(), s.want, s.confirmed, s.doubtful)
				}
			}
		})
	}
}

// TestJudgeAgainstAModel: heads in any order are judged as the sentences of the verdicts say.
func TestJudgeAgainstAModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 0))
		var tr trust.Trust
		known, lacks, epoch, token, newest := false, false, "", "", 0
		for i := range 40 {
			diverged, found := false, ""
			h := head([]string{"", "e", "e", "e", "f"}[random.IntN(5)], 1+random.IntN(i+2), []string{"", "", "x", "y"}[random.IntN(4)])
			switch random.IntN(20) {
			case 0, 1:
				h = store.Head{}
			case 2:
				h.Schema = 2
			case 3:
				tr.Diverge()
				diverged = true
			case 4, 5:
				tr.Recover()
				lacks = false
			}
			last := int(h.Last.Time)
			claims := known && h.Confirmed != "" && h.Confirmed != token && last >= newest
			if tr.Claims(h) != claims {
				t.Fatalf("seed %d, head %d: %+v claims %v, want %v", seed, i, h, !claims, claims)
			}
			if at := random.IntN(i + 2); random.IntN(3) == 0 {
				confirm(t, &tr, h, store.Change{At: position(at), Kind: store.KindConfirm})
				if claims && at > newest {
					found = h.Confirmed
				}
			}
			same := known && h.Exists && (epoch == "" || epoch == h.Epoch)
			want := h.Schema <= 1 && (!known && h.Exists || claims && found == h.Confirmed || same && last >= newest && !lacks && !diverged)
			lacks = !want && (lacks || same && h.Schema <= 1 && (last < newest || diverged))
			if got, forced := tr.Judge(h); (got == trust.Trusted) != want || forced != (want && claims) {
				t.Fatalf("seed %d, head %d: %+v is judged %q, confirmed %v; want trusted %v", seed, i, h, got, forced, want)
			}
			if want {
				known, epoch, newest = true, h.Epoch, max(newest, last)
				if h.Confirmed != "" {
					token = h.Confirmed
				}
			}
		}
		if m := tr.Memory(); m != (trust.Memory{Epoch: epoch, ApprovalToken: token, Seen: position(newest)}) {
			t.Fatalf("seed %d: it keeps %+v", seed, m)
		}
	}
}
