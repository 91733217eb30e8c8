package document

import (
	"strconv"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Advise returns warnings about what is legal and risky in d, as of now: those
// of policy.Advise for each policy, and those about the tenant as a whole.
func (d *Document) Advise(now time.Time) Problems {
	t := *d.text
	if _, _, _, ok := t.parse(); !ok {
		t.root = nil // cannot happen to a document that was decoded; places are then unknown
	}
	c := &collector{doc: &t, id: d.Record.ID()}
	d.adviseTenant(c)
	for i := range d.specs {
		s := &d.specs[i]
		for _, p := range policy.Advise(s.spec) {
			p.Path = join(s.path, p.Path)
			c.addAt(p)
		}
		s.adviseTime(c, now)
	}
	return c.sorted()
}

func (d *Document) adviseTenant(c *collector) {
	switch d.Record.Mode() {
	case tenant.Shadow:
		c.addAt(policy.Problem{
			Path: "mode", Value: "SHADOW", Code: CodeMode,
			Detail: "decisions are only counted; browsers see the application's own CORS headers",
		})
	case tenant.Off:
		c.addAt(policy.Problem{
			Path: "mode", Value: "OFF", Code: CodeMode,
			Detail: "nothing is touched; browsers see the application's own CORS headers",
		})
	case tenant.Enforce:
	}
	if len(d.Record.Hosts()) == 0 {
		c.addAt(policy.Problem{
			Path: "hosts", Code: CodeNoHosts,
			Detail: "without hosts the tenant is only found when envoy sends its id",
		})
	}
	for i, host := range d.Record.Hosts() {
		if host == "*" {
			c.addAt(policy.Problem{
				Path: element("hosts", i), Value: host, Code: CodeHostDefault,
				Detail: "this is the policy of every host that no tenant has, also of hosts that nobody thought of",
			})
		}
	}
}

// adviseTime reports what time has made pointless or has not ended yet.
func (s *specAt) adviseTime(c *collector, now time.Time) {
	for i, t := range s.spec.TemporaryOrigins {
		if !now.Before(t.ExpiresAt) {
			c.addAt(policy.Problem{
				Path: s.path + ".temporary_origins[" + strconv.Itoa(i) + "]", Value: t.Origin, Code: CodeExpired,
				Detail: "the entry matches nothing since " + t.ExpiresAt.UTC().Format(time.RFC3339), Fix: "remove the entry",
			})
		}
	}
	debug := s.spec.Preflight.DebugUntil
	if debug.IsZero() {
		return
	}
	p := policy.Problem{
		Path: s.path + ".preflight.debug_until", Value: debug.UTC().Format(time.RFC3339), Code: CodeDebug,
		Detail: "the debug window is over", Fix: "remove debug_until",
	}
	if now.Before(debug) {
		p.Detail, p.Fix = "failing preflights are answered 204 until then", "remove debug_until when done"
	}
	c.addAt(p)
}
