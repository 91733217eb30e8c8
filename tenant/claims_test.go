package tenant_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/tenant"
)

// A host moves only when the tenant that holds it no longer lists it (rule 26a).
func TestHostsMoveWhenTheirHolderLetsGo(t *testing.T) {
	s := newState(t)
	s.merge(good("a", "v1", "h.example"))
	s.merge(good("b", "v1", "h.example", "b.example"))
	s.want(map[string]string{"h.example": "a v1", "b.example": "b v1"})
	s.rejected("b host_conflict")
	s.merge(good("b", "v2", "h.example", "b.example"))
	s.rejected()
	s.merge(good("a", "v2", "h.example"))
	s.want(map[string]string{"h.example": "a v2", "b.example": "b v2"})
	s.merge(good("c", "v1", "h.example"))
	s.rejected("c host_conflict")
	s.merge(good("a", "v3", "a.example"))
	s.want(map[string]string{"h.example": "conflict", "a.example": "a v3"})
	s.rejected("b host_conflict", "c host_conflict")
	s.merge(buried("c", "h.example"))
	s.want(map[string]string{"h.example": "b v2"})
	s.merge(buried("b", "h.example", "b.example"))
	s.want(map[string]string{"h.example": "unknown", "b.example": "unknown"})
	s.merge(good("a", "v4", "h.example"), gone("b"))
	s.want(map[string]string{"h.example": "a v4", "b.example": "unknown"})
	if len(s.Holders()) != 1 || s.Holders()["h.example"] != "a" { // beside the tombstone of c
		t.Errorf("contested: %v", s.Holders())
	}
}

func TestNewClaimsOfOneHost(t *testing.T) {
	for _, host := range []string{"h.example", "*.h.example", "*"} {
		updates := []tenant.Update{good("a", "v1", host), good("b", "v1", host, "b.test"), good("wide", "v1", "*.example")}
		for range 2 {
			s := newState(t)
			s.merge(updates...)
			s.want(map[string]string{strings.Replace(host, "*", "x", 1): "conflict", "b.test": "b v1"})
			s.rejected("a host_conflict", "b host_conflict")
			s.merge(good("a", "v2", "a.test"))
			s.want(map[string]string{strings.Replace(host, "*", "x", 1): "b v1"})
			slices.Reverse(updates)
		}
	}
}

// model is who has what, told naively.
type model struct {
	docs    map[string][]string // hosts
	holders map[string]string
}

// merge changes all documents at once, then looks at every host.
func (m *model) merge(docs map[string][]string) {
	for id, hosts := range docs {
		if hosts == nil {
			delete(m.docs, id)
		} else {
			m.docs[id] = hosts
		}
	}
	claimants := make(map[string][]string)
	for id, hosts := range m.docs {
		for _, host := range hosts {
			claimants[host] = append(claimants[host], id)
		}
	}
	next := make(map[string]string)
	for host, ids := range claimants {
		switch holder, held := m.holders[host]; {
		case held && slices.Contains(ids, holder):
			next[host] = holder
		case len(ids) == 1:
			next[host] = ids[0]
		}
	}
	m.holders = next
}

func (m *model) owner(host string) string {
	for ; ; host = "*." + strings.SplitN(strings.TrimPrefix(host, "*."), ".", 2)[1] {
		for id, hosts := range m.docs {
			if slices.Contains(hosts, host) {
				if m.holders[host] == "" {
					return "conflict"
				}
				_ = id
				return m.holders[host]
			}
		}
		if !strings.Contains(strings.TrimPrefix(host, "*."), ".") {
			return "unknown"
		}
	}
}

// TestRandomClaims holds Merge against the model: whoever writes what in whatever order, the same tenant has a host,
// also after a restart.
func TestRandomClaims(t *testing.T) {
	hosts := []string{"a.x.test", "b.x.test", "*.x.test", "*.test", "c.y.test", "*.y.test"}
	asked := []string{"a.x.test", "b.x.test", "z.x.test", "c.y.test", "z.y.test", "z.test"}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := newState(t)
		m := &model{docs: make(map[string][]string)}
		for step := range 40 {
			docs := make(map[string][]string)
			var updates []tenant.Update
			for range 1 + random.IntN(4) {
				id := fmt.Sprintf("t%d", random.IntN(6))
				if _, twice := docs[id]; twice {
					continue
				}
				var list []string
				for _, host := range hosts {
					if random.IntN(3) == 0 {
						list = append(list, host)
					}
				}
				if len(list) == 0 {
					docs[id] = nil
					updates = append(updates, gone(id))
					continue
				}
				docs[id] = list
				updates = append(updates, good(id, "v1", list...))
			}
			m.merge(docs)
			s.merge(updates...)
			if random.IntN(5) == 0 {
				s.restart()
			}
			for _, host := range asked {
				if got, _, _ := strings.Cut(seen(s.Snapshot, host), " "); got != m.owner(host) {
					t.Fatalf("seed %d, step %d: %s is %s, want %s; documents %v", seed, step, host, got, m.owner(host), m.docs)
				}
			}
		}
	}
}

// restart makes the snapshot anew from what is in force and who holds contested hosts.
func (s *state) restart() {
	var updates []tenant.Update
	for r, sum := range s.All() {
		updates = append(updates, tenant.Update{ID: r.ID(), Record: r, Sum: sum})
	}
	rules := s.rules
	rules.Holders = s.Holders()
	if s.Snapshot, _ = tenant.NewSnapshot().Merge(updates, rules); !maps.Equal(rules.Holders, s.Holders()) {
		s.Errorf("restarted, hosts belong to %v; before, to %v", s.Holders(), rules.Holders)
	}
}

// TestLargeSnapshots has overlays grow into bases.
func TestLargeSnapshots(t *testing.T) {
	s := newState(t)
	id := func(i int) string { return fmt.Sprintf("t%d", i) }
	for round, text := range []string{"v1", "v2"} {
		for i := range 3000 {
			s.merge(good(id(i), text, id(i)+".example"))
		}
		if round == 0 {
			s.merge(gone("t7"), gone("t2999"))
		}
	}
	for i := range 3000 {
		if got, want := seen(s.Snapshot, id(i)+".example"), id(i)+" v2"; got != want {
			t.Fatalf("%s is %s", id(i), got)
		}
	}
	if s.Tenants() != 3000 || s.Documents() != 3000 {
		t.Errorf("%d tenants, %d documents", s.Tenants(), s.Documents())
	}
}
