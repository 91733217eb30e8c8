package decision

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// visit is a request of an origin that is allowed.
type visit struct{ host, origin string }

// visits are n of them, to tenants and origins at random. Their text lies in the order in which it is
// read, so that only the registry's own memory is cold: a server has just read the
// request.
func (p population) visits(n int) []visit {
	random := rand.New(rand.NewPCG(1, 2)) // the same for every registry and run
	var text strings.Builder
	ends := make([]int, 0, 2*n)
	for range n {
		i, k := p.pick(random)
		text.WriteString(p.host(i))
		ends = append(ends, text.Len())
		text.WriteString(p.origin(i, k))
		ends = append(ends, text.Len())
	}
	all, s, from := make([]visit, n), text.String(), 0
	for i := range all {
		host, origin := ends[2*i], ends[2*i+1]
		all[i] = visit{s[from:host], s[host:origin]}
		from = origin
	}
	return all
}

// pick chooses a tenant and one of its origins; only the large ones when there are any.
func (p population) pick(random *rand.Rand) (i, k int) {
	if p.large > 0 {
		return random.IntN(p.large), random.IntN(largeOrigins)
	}
	return random.IntN(p.tenants), random.IntN(p.origins)
}

// served decides visits as a server does, and counts those that were not allowed.
type served struct {
	registry tenant.Registry
	headers  []policy.Header
	wrong    int
}

func (s *served) visit(v visit) {
	r := policy.Request{Method: "GET", Scheme: "https", Authority: v.host, Origin: v.origin}
	view := s.registry.Lookup(context.Background(), tenant.Key{Authority: v.host, Path: "/v1/orders/7"})
	res := view.Decide(&r, policy.UnknownRefuse)
	s.headers = res.AppendGrants(s.headers[:0])
	if res.Outcome != policy.Allowed || view.Freshness != tenant.Live {
		s.wrong++
	}
}

// TestVisitsAreAllowed: what the benchmark of lookups asks for is there, live, in both registries.
func TestVisitsAreAllowed(t *testing.T) {
	for _, p := range []population{{tenants: 1, origins: 1}, {tenants: 300, origins: 1}, {tenants: 10, origins: 1, large: 2}} {
		for _, r := range registries(t, p.documents()) {
			s := served{registry: r}
			for _, v := range p.visits(1000) {
				s.visit(v)
			}
			if s.wrong > 0 {
				t.Errorf("%+v: %s refuses %d of 1000", p, r.impl, s.wrong)
			}
		}
	}
}

// BenchmarkLookup is how a decision depends on how many tenants there are, and how many origins the
// tenant in question has: the whole registry at origins=1, up to 32 large tenants in
// it at origins=10000. With visit=hot one tenant is asked by one origin, with
// visit=random each visit finds another, cold.
func BenchmarkLookup(b *testing.B) {
	const visits = 1 << 16
	for _, tenants := range []int{1, 1000, 100_000} {
		for _, large := range []int{0, min(tenants, 32)} {
			p := population{tenants: tenants, origins: 1, large: large}
			origins := 1
			if large > 0 {
				origins = largeOrigins
			}
			b.Run(fmt.Sprintf("tenants=%d/origins=%d", tenants, origins), func(b *testing.B) {
				random := p.visits(visits)
				for _, r := range registries(b, p.documents()) {
					b.Run("visit=hot/impl="+r.impl, func(b *testing.B) { benchVisits(b, r, random[:1]) })
					b.Run("visit=random/impl="+r.impl, func(b *testing.B) { benchVisits(b, r, random) })
				}
			})
		}
	}
}

// benchVisits goes round all, whose number is a power of two.
func benchVisits(b *testing.B, r tenant.Registry, all []visit) {
	b.Helper()
	s := served{registry: r}
	for _, v := range all {
		s.visit(v) // the copy of a store notes who is in use
	}
	i := 0
	measure(b, func() {
		s.visit(all[i])
		i = (i + 1) & (len(all) - 1)
	})
	if s.wrong > 0 {
		b.Fatalf("%d visits were refused", s.wrong)
	}
}
