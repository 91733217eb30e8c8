package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// Bounds of the refusals that are remembered; together they hold at most about 15 MB, of hostile input.
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
	s := t.sketch.add(refusal{origin, o.Reason}, nil)
	s.value = request{key: o.Key, request: o.Request, kind: o.Kind, last: now}
	s.value.bound()
}

// bound leaves out what is longer than a client of good will sends: the request cannot be explained again then.
func (r *request) bound() {
	if len(r.key.Path)+len(r.key.Authority)+len(r.request.Origin)+len(r.request.RequestHeaders)+len(r.request.Method)+len(r.request.RequestMethod) <= 1024 {
		return
	}
	for _, s := range []*string{
		&r.key.Path, &r.key.Authority, &r.request.Authority, &r.request.Origin, &r.request.RequestHeaders,
		&r.request.Method, &r.request.RequestMethod, &r.request.PrivateNetwork,
	} {
		*s = strings.Clone((*s)[:min(len(*s), maxPathText)])
	}
	r.kind = policy.Exempt // not to be explained
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
	d.mu.Lock()
	ids := slices.Sorted(maps.Keys(d.tenants))
	if id != "*" {
		ids = []string{id}
	}
	slots := make([][]slot[refusal, request], 0, len(ids))
	var out []TenantDenials
	for _, id := range ids {
		if t := d.tenants[id]; t != nil && len(out) < most {
			out = append(out, TenantDenials{Tenant: id})
			slots = append(slots, slices.Clone(t.sketch.slots))
		}
	}
	d.mu.Unlock() // what follows may take its time
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
	if r.kind == policy.Exempt || explain == nil {
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
