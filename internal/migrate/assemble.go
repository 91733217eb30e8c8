package migrate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/internal/regular"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// site is a host as a reader found it.
type site struct {
	at    place
	host  string
	rules []rule // the first that takes a request decides
}

// converter turns sites into documents.
type converter struct {
	options Options
	notes   *notes
	prover  *regular.Prover
	done    map[string]*tenantv1.Policy
}

// Result of a migration.
type Result struct {
	// Documents in the order of their ids. Each is accepted by package tenant.
	Documents []*tenantv1.Tenant `json:"-"`
	// Sources are the kinds of what was read, for example "istio".
	Sources []string `json:"sources"`
	// Differences is every difference of single objects.
	Differences []Difference `json:"differences"`
	// General are the differences that the sources have to corsgate as such.
	General []Difference `json:"general"`
}

// YAML is all documents, as a file of tenants.
func (r *Result) YAML() ([]byte, error) {
	var out bytes.Buffer
	for i, d := range r.Documents {
		text, err := document.MarshalYAML(d)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// assemble makes documents: one for all hosts that have the same rules.
func (c *converter) assemble(sites []site) []*tenantv1.Tenant {
	var out []*tenantv1.Tenant
	var bare []string
	ids := map[string]bool{}
	for _, s := range mergeHosts(sites, c.notes) {
		rules := c.compose(s.at, s.all)
		if rules == nil {
			bare = append(bare, s.host)
			continue
		}
		doc := &tenantv1.Tenant{Hosts: []string{s.host}, Policy: rules.policy, Routes: rules.routes}
		if i := slices.IndexFunc(out, func(other *tenantv1.Tenant) bool { return sameRules(doc, other) }); i >= 0 {
			out[i].Hosts = append(out[i].GetHosts(), s.host)
			continue
		}
		doc.Id = newID(s.host, ids)
		if c.accepted(s.at, doc) {
			out = append(out, doc)
		} else {
			bare = append(bare, s.host)
		}
	}
	out = append(out, withoutPolicy(bare, out, ids)...)
	slices.SortFunc(out, func(a, b *tenantv1.Tenant) int { return strings.Compare(a.GetId(), b.GetId()) })
	return out
}

// withoutPolicy are documents that keep hosts which have no policy from falling to the wildcards of others. Mode
// OFF touches nothing, as the source did.
func withoutPolicy(bare []string, docs []*tenantv1.Tenant, ids map[string]bool) []*tenantv1.Tenant {
	var covered []string
	for _, host := range bare {
		if slices.ContainsFunc(docs, func(d *tenantv1.Tenant) bool {
			return slices.ContainsFunc(d.GetHosts(), func(wide string) bool { return wildcardCovers(wide, host) })
		}) {
			covered = append(covered, host)
		}
	}
	var out []*tenantv1.Tenant
	for hosts := range slices.Chunk(covered, document.MaxHosts) {
		out = append(out, &tenantv1.Tenant{Id: newID("without-cors", ids), Hosts: hosts, Mode: tenantv1.Tenant_OFF, Policy: &tenantv1.Policy{}})
	}
	return out
}

// wildcardCovers reports whether a tenant of the host wide is asked about another host, or some below it.
func wildcardCovers(wide, host string) bool {
	base, ok := strings.CutPrefix(wide, "*")
	return ok && wide != host && strings.HasSuffix(host, base)
}

func sameRules(a, b *tenantv1.Tenant) bool {
	return len(b.GetHosts()) < document.MaxHosts &&
		proto.Equal(&tenantv1.Tenant{Policy: a.GetPolicy(), Routes: a.GetRoutes()}, &tenantv1.Tenant{Policy: b.GetPolicy(), Routes: b.GetRoutes()})
}

// host is a host with all its sites. Which of them takes a request, by its port perhaps, a document cannot say.
type host struct {
	at   place
	host string
	all  [][]rule
}

// mergeHosts puts the sites of one host together.
func mergeHosts(sites []site, n *notes) []host {
	var out []host
	var lost [][]rule
	index := map[string]int{}
	for _, s := range sites {
		name, ok := canonicalHost(s.host)
		if !ok {
			n.narrower(CodeHost, s.at, s.host, "no tenant can have this host; it is not converted", "")
			lost = append(lost, s.rules)
			continue
		}
		if i, known := index[name]; known {
			out[i].all = append(out[i].all, s.rules)
			continue
		}
		index[name] = len(out)
		out = append(out, host{at: s.at, host: name, all: [][]rule{s.rules}})
	}
	for i := range out { // what has no tenant of its own is asked of these
		if strings.HasPrefix(out[i].host, "*") {
			out[i].all = append(out[i].all, lost...)
		}
	}
	return out
}

// canonicalHost is a host as documents have it.
func canonicalHost(host string) (string, bool) {
	if host == "*" {
		return host, true
	}
	base, below := strings.CutPrefix(host, "*.")
	canonical, ok := tenant.NormalizeHost(base)
	if !ok || strings.Contains(canonical, "*") {
		return "", false
	}
	if below {
		canonical = "*." + canonical
	}
	return canonical, true
}

// newID makes an id of a host.
func newID(host string, taken map[string]bool) string {
	base := strings.Replace(host, "*.", "any.", 1)
	if host == "*" {
		base = "default"
	}
	base = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, base)
	base = strings.Trim(base[:min(len(base), tenant.MaxIDBytes-6)], ".-_")
	if base == "" {
		base = "host"
	}
	id := base
	for i := 2; taken[id]; i++ {
		id = fmt.Sprintf("%s-%d", base, i)
	}
	taken[id] = true
	return id
}

// accepted reports whether tenants may have the document.
func (c *converter) accepted(at place, doc *tenantv1.Tenant) bool {
	text, err := document.MarshalYAML(doc)
	if err == nil {
		_, err = document.Parse("", text)
	}
	if err != nil {
		c.notes.narrower(CodeLimit, at, doc.GetHosts()[0], "the document is not valid and is left out: "+err.Error(), "split the host, or write the document by hand")
	}
	return err == nil
}
