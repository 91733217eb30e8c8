package migrate

import (
	"slices"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// narrowest is a policy that allows nothing which one of the policies does not allow. A nil policy allows nothing.
func narrowest(policies []*tenantv1.Policy) *tenantv1.Policy {
	if len(policies) == 0 || slices.Contains(policies, nil) {
		return &tenantv1.Policy{}
	}
	out := proto.CloneOf(policies[0])
	for _, p := range policies[1:] {
		if proto.Equal(out, p) {
			continue
		}
		methods, headers, expose := lists(out, p, methodsOf), lists(out, p, headersOf), lists(out, p, exposeOf)
		out.Origins = common(listing{names: out.GetOrigins(), all: true}, listing{names: p.GetOrigins(), all: true})
		out.Methods, out.RequestHeaders, out.ExposeHeaders = methods, headers, expose
		out.Credentials = out.GetCredentials() && p.GetCredentials()
		out.PrivateNetworkAccess = out.GetPrivateNetworkAccess() && p.GetPrivateNetworkAccess()
		if out.MaxAge == nil || p.MaxAge == nil {
			out.MaxAge = nil
		} else if p.GetMaxAge().AsDuration() < out.GetMaxAge().AsDuration() {
			out.MaxAge = p.GetMaxAge()
		}
		if !out.GetCredentials() {
			out.DangerouslyAllow = nil
		} else {
			out.DangerouslyAllow = union(out.GetDangerouslyAllow(), p.GetDangerouslyAllow())
		}
	}
	return out
}

// listing is a list of names, and whether its star has authorization, too (rule 44).
type listing struct {
	names []string
	all   bool
}

func (l listing) has(name string) bool {
	return slices.Contains(l.names, name) || slices.Contains(l.names, star) && (l.all || name != authorization)
}

// common is what both lists have.
func common(a, b listing) []string {
	var out []string
	for _, name := range slices.Concat(a.names, b.names) {
		if a.has(name) && b.has(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func lists(a, b *tenantv1.Policy, of func(*tenantv1.Policy) []string) []string {
	return common(listing{of(a), a.GetCredentials()}, listing{of(b), b.GetCredentials()})
}

func methodsOf(p *tenantv1.Policy) []string { return p.GetMethods() }

func headersOf(p *tenantv1.Policy) []string { return p.GetRequestHeaders() }

func exposeOf(p *tenantv1.Policy) []string { return p.GetExposeHeaders() }

func union(a, b []tenantv1.Policy_Danger) []tenantv1.Policy_Danger {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}
