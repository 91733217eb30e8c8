package telemetry

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// Bounds of the refusals that are remembered; together they hold at most about 60 MB, of hostile input.
const (
	deniedTenants = 1000
	deniedOrigins = 32 // of a tenant
	deniedSample  = 16 // tenants that are looked at for one to forget
)

// Denial is one kind of refusal of a tenant.
type Denial struct {
	// Origin, Host, Path and Method are those of the latest such request, in visible ASCII.
	Origin string `json:"origin"`
	Host   string `json:"host"`
	Path   string `json:"path,omitempty"`
	Method string `json:"method,omitempty"`
	Phase  string `json:"phase"`
	Reason string `json:"reason"`
	// Rule is where the reason comes from, and Text what it means.
	Rule string `json:"rule"`
	Text string `json:"text"`
	// Count is how often it was seen since it came on the list; at most Over of it may be others.
	Count uint64    `json:"count"`
	Over  uint64    `json:"over,omitempty"`
	Last  time.Time `json:"last"`
	// Now is what the same request would get now, and Near what it nearly matched.
	Now  string     `json:"now,omitempty"`
	Near []NearMiss `json:"near,omitempty"`
}

// NearMiss is an entry that almost matched.
type NearMiss struct {
	Kind  string `json:"kind"`
	Entry string `json:"entry"`
	Hint  string `json:"hint"`
}

// TenantDenials are the most frequent refusals of one tenant, the most frequent first.
type TenantDenials struct {
	// Tenant is its id; "" stands for hosts that no tenant has.
	Tenant  string   `json:"tenant"`
	Denials []Denial `json:"denials"`
}

// denied remembers the most frequent refusals of the tenants that were refused of late.
type denied struct {
	mu      sync.Mutex
	tenants map[string]*refusals // under mu
}

type refusals struct {
	last   time.Time
	sketch *sketch[refusal, request]
}

// refusal is what is counted.
type refusal struct {
	origin string
	reason policy.Reason
}

// request is the latest one that was refused so.
type request struct {
	key     tenant.Key
	request policy.Request
	kind    policy.Kind
	whole   bool // it can be explained
	last    time.Time
}

func newDenied() *denied { return &denied{tenants: make(map[string]*refusals)} }

func (d *denied) add(o *server.Observation, now time.Time) {
	origin := o.Request.Origin[:min(len(o.Request.Origin), maxOriginText)]
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tenants[o.Tenant]
	if t == nil {
		d.makeRoom()
		t = &refusals{sketch: newSketch[refusal, request](deniedOrigins)}
		d.tenants[o.Tenant] = t
	}
	t.last = now
	kind := refusal{origin, o.Reason}
	if !t.sketch.has(kind) {
		kind.origin = strings.Clone(origin) // not the rest of what the client sent
	}
	s := t.sketch.add(kind, nil)
	s.value = request{key: o.Key, request: o.Request, kind: o.Kind, last: now}
	s.value.whole = bound(&s.value.key, &s.value.request)
}

// maxRequestText is the most bytes that are kept of a request; a client of good will sends fewer.
const maxRequestText = 1024

// bound leaves of longer requests what is shown of them. It reports whether the request is whole; otherwise it cannot
// be explained any more.
func bound(key *tenant.Key, r *policy.Request) bool {
	size := len(key.Hint) + len(key.Path) + len(key.Authority) + len(r.Authority) + len(r.Scheme) + len(r.Origin) +
		len(r.RequestHeaders) + len(r.Method) + len(r.RequestMethod) + len(r.PrivateNetwork)
	if size <= maxRequestText {
		return true
	}
	cut := func(s string, most int) string { return strings.Clone(s[:min(len(s), most+1)]) } // one more shows that it is cut
	*key = tenant.Key{Path: cut(key.Path, maxPathText)}
	*r = policy.Request{
		Authority: cut(r.Authority, maxHostText), Origin: cut(r.Origin, maxOriginText),
		Method: cut(r.Method, maxMethodText), RequestMethod: cut(r.RequestMethod, maxMethodText),
	}
	return false
}

// makeRoom forgets the tenant, of some, that was refused the longest ago.
func (d *denied) makeRoom() {
	if len(d.tenants) < deniedTenants {
		return
	}
	oldest, looked := "", 0
	for id, t := range d.tenants {
		if looked == 0 || t.last.Before(d.tenants[oldest].last) {
			oldest = id
		}
		if looked++; looked == deniedSample {
			break
		}
	}
	delete(d.tenants, oldest)
}

// has reports whether the origin is among the frequent refusals of a tenant.
func (d *denied) has(id, origin string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tenants[id]
	if t == nil {
		return false
	}
	for r := policy.OriginMultiple; r <= policy.TenantAmbiguous; r++ {
		if t.sketch.has(refusal{origin, r}) {
			return true
		}
	}
	return false
}

// list copies the refusals of one tenant, or of all when id is "*", the most frequent first.
func (d *denied) list(id string, most int, explain func(tenant.Key, *policy.Request) tenant.Explanation) []TenantDenials {
	var out []TenantDenials
	var slots [][]slot[refusal, request]
	for _, id := range d.ids(id, most) {
		d.mu.Lock() // for each by itself: requests wait for it
		if t := d.tenants[id]; t != nil {
			out, slots = append(out, TenantDenials{Tenant: id}), append(slots, slices.Clone(t.sketch.slots))
		}
		d.mu.Unlock()
	}
	for i := range out {
		slices.SortFunc(slots[i], func(a, b slot[refusal, request]) int {
			return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.key.origin, b.key.origin), cmp.Compare(a.key.reason, b.key.reason))
		})
		for j := range slots[i] {
			out[i].Denials = append(out[i].Denials, denialOf(&slots[i][j], explain))
		}
	}
	return out
}

// ids are id, or for "*" those of the tenants that were refused last, in order.
func (d *denied) ids(id string, most int) []string {
	if id != "*" {
		return []string{id}
	}
	type refused struct {
		id   string
		last time.Time
	}
	d.mu.Lock()
	all := make([]refused, 0, len(d.tenants))
	for id, t := range d.tenants {
		all = append(all, refused{id, t.last})
	}
	d.mu.Unlock()
	slices.SortFunc(all, func(a, b refused) int { return cmp.Or(b.last.Compare(a.last), cmp.Compare(a.id, b.id)) })
	ids := make([]string, 0, most)
	for _, one := range all[:min(len(all), most)] {
		ids = append(ids, one.id)
	}
	slices.Sort(ids)
	return ids
}

func denialOf(s *slot[refusal, request], explain func(tenant.Key, *policy.Request) tenant.Explanation) Denial {
	r := &s.value
	d := Denial{
		Origin: printable(s.key.origin, maxOriginText), Host: printable(r.request.Authority, maxHostText),
		Path: printable(r.key.Path, maxPathText), Method: printable(r.request.Method, maxMethodText),
		Phase: r.kind.String(), Reason: s.key.reason.String(), Rule: s.key.reason.Rule(), Text: s.key.reason.Text(),
		Count: s.count, Over: s.over, Last: r.last.UTC(),
	}
	if r.request.RequestMethod != "" {
		d.Method = printable(r.request.RequestMethod, maxMethodText)
	}
	if !r.whole || explain == nil {
		return d
	}
	why := explain(r.key, &r.request)
	d.Now = why.Result.Outcome.String()
	if why.Result.Outcome != policy.Denied {
		return d
	}
	for _, n := range why.Why.Near {
		d.Near = append(d.Near, NearMiss{Kind: n.Kind, Entry: n.Entry, Hint: n.Hint})
	}
	return d
}
