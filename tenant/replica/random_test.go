package replica_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// chaos is a random schedule of edits and faults, and a naive model of the store.
type chaos struct {
	*world
	random *rand.Rand
	docs   map[string]*doc // what is stored and good; nil: deleted
	ever   []string        // every text that was ever stored where it belongs
	evil   []string        // texts that were stored only while the store was another one
	writes int
	// lost are deleted without a tombstone. When the announcement is lost, too, because the stream was
	// trimmed or the store elsewhere, that is believed only after AbsentAfter.
	lost map[string]bool
	log  []string
}

const (
	chaosTenants = 8
	chaosTTL     = 30 * time.Second
)

// TestRandomSchedules: whatever happens in whatever order, no view allows what no document of its tenant
// ever allowed; and a TTL after everything has healed every view is what the store says.
func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	for seed := range *chaosSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			opt := replica.Options{TTL: chaosTTL, Limit: tenant.MassChangeLimit{Tenants: 1000}, ResyncInterval: 20 * time.Second}
			scene(t, opt, func(w *world) {
				c := &chaos{world: w, random: rand.New(rand.NewPCG(seed, 7)), docs: make(map[string]*doc), lost: make(map[string]bool)}
				defer func() {
					if t.Failed() {
						t.Logf("seed %d:\n%s", seed, strings.Join(c.log, "\n"))
					}
				}()
				c.run()
			})
		})
	}
}

func (c *chaos) run() {
	c.signed()
	for i := range chaosTenants {
		c.create(chaosID(i))
	}
	c.start()
	for range *chaosSteps {
		c.act()
		step(time.Duration(c.random.IntN(3000)) * time.Millisecond / time.Duration(1+c.random.IntN(20)))
		c.check()
		if c.t.Failed() {
			return
		}
	}
	c.heal()
}

func chaosID(i int) string { return fmt.Sprintf("t%d", i) }

func (c *chaos) note(format string, args ...any) {
	c.log = append(c.log, time.Now().Format("04:05.000 ")+fmt.Sprintf(format, args...))
}

// text is one of its own for each document that is written.
func (c *chaos) text(id string) string {
	c.writes++
	text := fmt.Sprintf("%sv%d", id, c.writes)
	c.ever = append(c.ever, text)
	return text
}

func (c *chaos) create(id string) {
	delete(c.lost, id)
	d := simple(id, c.text(id))
	c.docs[id] = &d
	c.write(d)
}

// one is a random tenant, with its document when it has one.
func (c *chaos) one() (string, *doc) {
	id := chaosID(c.random.IntN(chaosTenants))
	return id, c.docs[id]
}

func (c *chaos) act() {
	actions := []func(){c.edit, c.edit, c.edit, c.edit, c.move, c.move, c.remove, c.spoil, c.fault, c.fault, c.fault, c.otherStore, c.process}
	actions[c.random.IntN(len(actions))]()
}

// edit writes a document, with or without saying so.
func (c *chaos) edit() {
	id, d := c.one()
	if d == nil {
		c.note("create %s", id)
		c.create(id)
		return
	}
	d.text = c.text(id)
	announced := c.random.IntN(4) > 0
	c.note("edit %s %s, announced %v", id, d.text, announced)
	c.put(*d)
	if announced {
		c.Announce(id, store.KindApply, 0)
	}
}

// move gives a host that is never the only one of a tenant to another.
func (c *chaos) move() {
	host := []string{"s0.example", "s1.example", "*.wild.example"}[c.random.IntN(3)]
	to, d := c.one()
	if d == nil {
		return
	}
	var changed []doc
	for id, other := range c.docs {
		if other != nil && id != to && len(other.hosts) > 1 {
			kept := without(other.hosts, host)
			if len(kept) != len(other.hosts) {
				other.hosts, other.text = kept, c.text(id)
				changed = append(changed, *other)
			}
		}
	}
	d.hosts, d.text = append(without(d.hosts, host), host), c.text(to)
	changed = append(changed, *d)
	c.note("move %s to %s", host, to)
	c.write(changed...)
}

func without(hosts []string, host string) []string {
	var kept []string
	for _, h := range hosts {
		if h != host {
			kept = append(kept, h)
		}
	}
	return kept
}

func (c *chaos) remove() {
	id, d := c.one()
	if d == nil {
		return
	}
	c.docs[id] = nil
	if c.random.IntN(2) == 0 {
		c.note("bury %s", id)
		c.bury(*d)
		return
	}
	c.note("lose %s, announced", id)
	c.lost[id] = true
	c.Lose(id)
	c.Announce(id, store.KindDelete, 0)
}

// spoil makes a document unusable; what the model has is not stored any more, and goes on.
func (c *chaos) spoil() {
	id, d := c.one()
	if d == nil {
		return
	}
	c.note("spoil %s", id)
	if c.random.IntN(2) == 0 {
		c.Spoil(id, store.ErrWrongType)
	} else {
		c.Put(id, []byte(`{"id":`))
	}
	c.Announce(id, store.KindApply, 0)
}

func (c *chaos) fault() {
	n := c.random.IntN(9)
	c.note("fault %d", n)
	switch n {
	case 0:
		c.Fail(errGone)
	case 1, 2:
		c.Fail(nil)
	case 3:
		c.Delay(time.Duration(c.random.IntN(300)) * time.Millisecond)
	case 4:
		c.Delay(0)
	case 5:
		c.deaf.Store(c.random.IntN(2) == 0)
	case 6:
		c.Trim(c.random.IntN(5))
	case 7:
		odds := c.random.Int64N(5)
		var turn atomic.Int64
		c.Intercept(func(context.Context, storetest.Call) error {
			if turn.Add(7)%10 < odds {
				return errGone
			}
			return nil
		})
	case 8:
		late := time.Duration(c.random.IntN(100)) * time.Millisecond
		c.Late(func(call storetest.Call) {
			if len(call.Keys)%2 == 1 {
				<-time.After(late)
			}
		})
	}
}

// otherStore has the store be another one for a while.
func (c *chaos) otherStore() {
	step(time.Millisecond)
	whole := c.Save()
	n := c.random.IntN(4)
	c.note("other store %d", n)
	switch n {
	case 0:
		c.Flush()
	case 1:
		c.LoseStream()
	case 2:
		c.Flush()
		c.SetEpoch("f")
		c.writeEvil()
	case 3:
		c.SetEpoch("f")
		c.writeEvil()
	}
	for range 1 + c.random.IntN(5) {
		step(time.Duration(c.random.IntN(2000)) * time.Millisecond)
		c.check()
	}
	c.Restore(whole)
	c.note("the store again")
}

func (c *chaos) writeEvil() {
	for i := range chaosTenants + 2 {
		text := fmt.Sprintf("evil%d", i)
		c.evil = append(c.evil, text)
		c.write(simple(chaosID(i), text))
	}
}

// process has something happen to the process.
func (c *chaos) process() {
	switch c.random.IntN(3) {
	case 0:
		c.note("suspended")
		c.m.Suspended()
	default:
		c.note("restart")
		c.restart()
	}
}

// hosts are all that are looked up.
func (c *chaos) hosts() []string {
	hosts := []string{"s0.example", "s1.example", "x.wild.example", "nobody.example"}
	for i := range chaosTenants + 2 {
		hosts = append(hosts, chaosID(i)+".example", "/"+chaosID(i))
	}
	return hosts
}

// check holds every view against all that was ever stored.
func (c *chaos) check() {
	c.t.Helper()
	for _, host := range c.hosts() {
		v := c.look(host)
		for _, text := range c.ever {
			if allows(v, text) && !strings.HasPrefix(text, v.ID()+"v") {
				c.t.Fatalf("%s (%s of %q) allows %s", host, v.Freshness, v.ID(), text)
			}
		}
		for _, text := range append(c.evil, "else") {
			if allows(v, text) {
				c.t.Fatalf("%s (%s of %q) allows %s", host, v.Freshness, v.ID(), text)
			}
		}
	}
}

// heal ends all faults, and compares every view with the store.
func (c *chaos) heal() {
	c.note("heal")
	c.Fail(nil)
	c.Delay(0)
	c.Intercept(nil)
	c.Late(func(storetest.Call) {})
	c.deaf.Store(false)
	step(time.Millisecond)
	for i := range chaosTenants { // spoiled documents are written again; the others only sometimes
		if d := c.docs[chaosID(i)]; d != nil {
			c.put(*d)
			if c.random.IntN(2) == 0 {
				c.Announce(d.id, store.KindApply, 0)
			}
		}
	}
	c.create(chaosID(0)) // the store moves on
	for range int((chaosTTL + 3*time.Second) / time.Second) {
		c.check()
		step(time.Second)
	}
	want := make(map[string]string)
	for id, d := range c.docs {
		if d == nil {
			continue
		}
		want["/"+id] = d.text
		for _, host := range d.hosts {
			want[strings.Replace(host, "*", "x", 1)] = d.text
		}
	}
	for _, host := range c.hosts() {
		v := c.look(host)
		text, known := want[host]
		switch {
		case known && c.lost[v.ID()] && v.Freshness <= tenant.Stale: // it has the host as long as it is not known to be deleted
		case known && (v.Freshness != tenant.Live || !allows(v, text)):
			c.t.Errorf("healed, %s is %s of %q, want live %s", host, v.Freshness, v.ID(), text)
		case !known && c.lost[v.ID()] && v.Freshness <= tenant.Disk: // until AbsentAfter
		case !known && v.Freshness != tenant.Unknown:
			c.t.Errorf("healed, %s is %s of %q, want unknown", host, v.Freshness, v.ID())
		}
	}
	c.held("")
	var rejected []tenant.Rejection
	for _, r := range c.m.Survey().Rejected {
		if !c.lost[r.ID] && r.Why != tenant.HostConflict {
			rejected = append(rejected, r)
		}
	}
	if s := c.m.Status(); len(s.HeldBack) != 0 || len(rejected) != 0 || !s.Following {
		c.t.Errorf("healed: %+v, rejected %+v", s, rejected)
	}
}
