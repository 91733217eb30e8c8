package mirror_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
)

// changed compares the counts of changes: created, updated, removed.
func (w *world) changed(want string) {
	w.t.Helper()
	s := w.m.Stats()
	if got := fmt.Sprint(s.Created, s.Updated, s.Removed); got != want {
		w.t.Errorf("created, updated and removed: %s, want %s", got, want)
	}
}

func TestChangesAreCounted(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		a, b := simple("a", "v1"), simple("b", "v1")
		w.write(a, b)
		w.start()
		w.changed("0 0 0") // what is read at the start is no change
		w.write(simple("c", "v1"))
		w.write(simple("a", "v2"))
		step(soon)
		w.changed("1 1 0")
		w.write(simple("a", "v2")) // nothing new
		w.put(simple("d", "v1"))   // unannounced
		step(20 * time.Minute)
		w.changed("2 1 0")
		w.bury(b)
		step(soon)
		w.changed("2 1 1")
		w.Put("b", nil) // the tombstone goes, which changes nothing any more
		w.Lose("b")
		w.Announce("b", store.KindDelete, 0)
		step(soon)
		w.changed("2 1 1")
		w.write(b)
		step(soon)
		w.changed("3 1 1")
		w.Lose("c")
		w.Announce("c", store.KindDelete, 0)
		step(soon)
		w.changed("3 1 2")
	})
}

func TestChangesAreCountedInTheLazyMode(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		old, young := simple("a", "v1"), simple("b", "v1")
		old.revision, young.revision = 7, 1
		w.write(old)
		w.start()
		w.want("a.example", "live v1")
		w.changed("0 0 0") // loaded, not changed
		w.write(young)
		step(soon)
		w.changed("1 0 0")
		other := simple("c", "v1")
		other.revision = 2 // not in memory, and changed
		w.write(other)
		step(soon)
		w.changed("1 1 0")
	})
}

func TestRefusalsAreCountedByCause(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"), simple("b", "v1"), simple("c", "v1"))
		w.start()
		w.Put("a", []byte(`{"id":"a"}`))
		w.Announce("a", store.KindApply, 0)
		w.Spoil("b", errGone)
		w.Announce("b", store.KindApply, 0)
		step(soon)
		thief := simple("d", "v1")
		thief.hosts = append(thief.hosts, "c.example")
		w.Put("d", thief.bytes(), "d.example")
		w.Announce("d", store.KindApply, 0)
		step(soon)
		s := w.m.Stats()
		if s.Rejected != 2 || s.Unreadable != 1 || s.HostConflicts != 1 {
			w.t.Errorf("%d rejected, %d of them unreadable, %d in conflict; want 2, 1, 1", s.Rejected, s.Unreadable, s.HostConflicts)
		}
	})
}

func TestDangersAndAgesAreSurveyed(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		text := func(id, policy string) {
			w.Put(id, fmt.Appendf(nil, `{"id":%q,"hosts":["%s.example"],%s}`, id, id, policy), id+".example")
			w.Announce(id, store.KindApply, 0)
		}
		w.SetEpoch("one")
		w.start()
		if got := w.m.Status().Oldest; got >= 0 {
			w.t.Errorf("without a tenant the oldest is %s old", got)
		}
		text("a", `"policy":{"origins":["*"]}`)
		text("b", `"policy":{},"routes":[{"path_prefix":"/x","policy":{"origins":["*"]}}]`)
		text("c", `"policy":{"dangerously_allow":["ANY_ORIGIN_WITH_CREDENTIALS","PUBLIC_SUFFIX_WILDCARDS"]}`)
		text("d", `"policy":{"dangerously_allow":["INSECURE_ORIGINS_WITH_CREDENTIALS"]}`)
		text("e", `"policy":{},"candidate":{"policy":{"origins":["*"]}}`)
		text("f", `"policy":{"origins":["*"],"credentials":true,"dangerously_allow":["ANY_ORIGIN_WITH_CREDENTIALS"]}`)
		step(5 * time.Second)
		want := tenant.DangerCount{AnyOrigin: 2, AnyOriginWithCredentials: 2, InsecureOriginsWithCredentials: 1, PublicSuffixWildcards: 1}
		if diff := cmp.Diff(want, w.m.Status().Dangers); diff != "" {
			w.t.Error(diff)
		}
		if s := w.m.Status(); s.Oldest < 0 || s.Oldest > 3*time.Second || !s.Reachable {
			w.t.Errorf("followed, the oldest is %s old, reachable %t", s.Oldest, s.Reachable)
		}
		text("e", `"policy":{},"candidate":{"percent":1,"policy":{"origins":["*"]}}`)
		w.bury(simple("a", ""))
		w.want("nobody.example", "unknown")
		step(5 * time.Second)
		s := w.m.Status()
		if s.Dangers.AnyOrigin != 2 { // a went, e came
			w.t.Errorf("%d tenants allow everybody, want 2", s.Dangers.AnyOrigin)
		}
		if s.Negative != 1 {
			w.t.Errorf("%d are known to be nobody's, want 1", s.Negative)
		}
		w.Fail(errGone)
		step(time.Hour)
		if s := w.m.Status(); s.Oldest < time.Hour-5*time.Second || s.Oldest > time.Hour+5*time.Second || s.Reachable {
			w.t.Errorf("an hour after the store went the oldest is %s old, reachable %t", s.Oldest, s.Reachable)
		}
		w.Fail(nil)
		w.SetEpoch("another")
		step(10 * time.Second)
		if s := w.m.Status(); s.Held != "epoch" || !s.Reachable {
			w.t.Errorf("another store that answers: held %q, reachable %t", s.Held, s.Reachable)
		}
	})
}
