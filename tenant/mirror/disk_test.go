package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestResumesFromDisk: with a copy from which the changes lead on, nothing is read but what has changed.
func TestResumesFromDisk(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		t.Run(fmt.Sprintf("lazy %v", lazy), func(t *testing.T) {
			scene(t, mirror.Options{Lazy: lazy}, func(w *world) {
				w.signed()
				docs := many(500)
				w.write(docs...)
				w.start()
				w.wantAll(docs, "live v1")
				step(2 * time.Second)
				w.crash()
				w.write(simple("t3", "v2"), simple("new", "v1"))
				w.bury(simple("t4", "v1"))
				w.Delay(time.Millisecond)
				asked, listed := w.asked(), w.Calls(storetest.OpIDs)
				w.start()
				w.wantAll(docs[5:], map[bool]string{true: "disk v1", false: "live v1"}[lazy])
				w.want("t3.example", "live v2")
				w.want("t4.example", "unknown")
				w.want("new.example", "live v1")
				w.want("nobody.example", "unknown")
				if n := asked(); n > 6 || w.Calls(storetest.OpIDs) != listed {
					w.t.Errorf("%d reads and %d listings", n, w.Calls(storetest.OpIDs)-listed)
				}
				w.count(map[string]int64{"resyncs": 0, "changes": 3})
				step(2 * time.Second)
				w.wantAll(docs[5:], "live v1") // of a part, what was used has been read meanwhile
			})
		})
	}
}

// TestDiskBeforeTheStoreAnswers: it decides from the first moment, and says that it is from disk.
func TestDiskBeforeTheStoreAnswers(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		docs := many(300)
		w.write(docs...)
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}})
		w.start()
		step(2 * time.Second)
		w.crash()
		w.Delay(200 * time.Millisecond)
		w.start()
		w.wantAll(docs, "disk v1")
		w.want("other.test", "disk all")
		step(time.Second)
		w.wantAll(docs, "live v1")
	})
}

// TestDiskThatIsNotWhole: what cannot be read of a copy makes it a part, in which no wildcard decides, and
// everything is read again.
func TestDiskThatIsNotWhole(t *testing.T) {
	tests := map[string]func(s *state){
		"not complete":          func(s *state) { s.saved.Complete = false },
		"a damaged document":    func(s *state) { s.committed["a"] = []byte("\x00{") },
		"a damaged host":        func(s *state) { s.committed["a"] = []byte{1, 200, 'x'} },
		"too many hosts":        func(s *state) { s.committed["a"] = []byte{0xff, 0xff, 0x7f} },
		"nothing of a document": func(s *state) { s.committed["a"] = nil },
		"an id that cannot be":  func(s *state) { s.extra = map[string][]byte{"no id": []byte("\x00{}")} },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			scene(t, mirror.Options{}, func(w *world) {
				w.write(simple("a", "v1"), simple("b", "v1"), doc{id: "all", text: "all", hosts: []string{"*"}})
				w.start()
				step(2 * time.Second)
				w.crash()
				damage(w.state)
				w.Fail(errGone)
				w.start()
				w.want("b.example", "disk v1")
				w.want("other.test", "unavailable")
				if v := w.look("a.example"); v.ID() == "all" {
					w.t.Errorf("a.example is %s of %s", v.Freshness, v.ID())
				}
				w.Fail(nil)
				step(6 * time.Second)
				w.want("a.example", "live v1")
				w.want("other.test", "live all")
				w.count(map[string]int64{"resyncs": 1})
			})
		})
	}
}

// TestDiskWithoutATime: a copy of which nobody knows the age is too old.
func TestDiskWithoutATime(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		step(2 * time.Second)
		w.crash()
		w.state.saved.At = time.Time{}
		w.Fail(errGone)
		w.start()
		w.want("a.example", "unavailable")
		step(time.Minute)
		w.want("a.example", "unavailable")
	})
}

// TestDiskFromTheFuture: a wall clock that went back makes a copy new, not eternal.
func TestDiskFromTheFuture(t *testing.T) {
	scene(t, mirror.Options{MaxDiskAge: time.Minute}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		step(2 * time.Second)
		w.crash()
		w.state.saved.At = time.Now().Add(time.Hour)
		w.Fail(errGone)
		w.start()
		w.want("a.example", "disk v1")
		step(time.Minute)
		w.want("a.example", "unavailable")
	})
}

// TestCommittedPositionsMoveOn: also when there is always something that is not loaded yet, and never past
// it.
func TestCommittedPositionsMoveOn(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		docs := many(50)
		w.write(docs...)
		w.start()
		w.Delay(100 * time.Millisecond)
		first := store.Position{}
		for i := range 1000 {
			w.write(simple(docs[i%50].id, fmt.Sprintf("v%d", i)))
			step(10 * time.Millisecond)
			if i == 200 {
				first = w.state.crash().saved.Position
			}
		}
		last := w.state.crash().saved.Position
		if moved := time.Duration(last.Time-first.Time) * time.Millisecond; moved < 6*time.Second {
			w.t.Errorf("in eight seconds the position has moved by %v", moved)
		}
	})
}

// TestCrashLosesNoChange: a copy from disk and the changes after its position are the store, whenever
// the crash was.
func TestCrashLosesNoChange(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			scene(t, mirror.Options{}, func(w *world) {
				random := rand.New(rand.NewPCG(seed, 1))
				w.signed()
				docs := many(20)
				w.write(docs...)
				w.start()
				text := make(map[string]string)
				for range 5 {
					w.Delay(time.Duration(random.IntN(60)) * time.Millisecond)
					for range random.IntN(300) {
						id := docs[random.IntN(20)].id
						switch random.IntN(10) {
						case 0:
							w.bury(simple(id, ""))
							text[id] = "gone"
						case 1:
							w.Lose(id)
							w.Announce(id, store.KindDelete, 0)
							text[id] = "gone"
						default:
							text[id] = fmt.Sprintf("v%d", random.IntN(1000))
							w.write(simple(id, text[id]))
						}
						if random.IntN(4) == 0 {
							step(time.Duration(random.IntN(40)) * time.Millisecond)
						}
					}
					w.crash()
					w.start()
					w.Delay(0)
					step(2 * time.Second)
					for id, text := range text {
						if text == "gone" {
							w.want(id+".example", "unknown")
						} else {
							w.want(id+".example", "live "+text)
						}
					}
					if s := w.m.Stats(); s.Resyncs != 0 && w.t.Failed() {
						w.t.Fatalf("%+v", s)
					}
				}
			})
		})
	}
}

// TestHeldStoreOnDisk: see [TestStoreThatIsNotWhereItShouldBe]; here the last run ended while the store was held.
func TestHeldStoreOnDisk(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"))
		w.start()
		step(2 * time.Second)
		w.Flush()
		w.SetEpoch("f")
		w.write(simple("a", "evil"), simple("b", "evil"))
		step(5 * time.Second)
		for range 3 {
			w.crash()
			w.start()
			step(5 * time.Second)
			w.held("epoch")
			if v := w.look("a.example"); v.Freshness != tenant.Disk || !allows(v, "v1") {
				w.t.Errorf("a.example is %s", v.Freshness)
			}
			w.want("b.example", "unavailable")
		}
	})
}
