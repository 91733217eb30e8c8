package document

import (
	"errors"
	"unique"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
)

// compiler turns the policies of one document into rules.
type compiler struct {
	*collector
	specs []specAt
}

func (c *compiler) compile(d *tenant.Definition, m *tenantv1.Tenant) {
	d.Policy, d.Routes = c.ruleset("", m.GetPolicy(), m.GetRoutes())
	if candidate := m.GetCandidate(); candidate != nil {
		d.Candidate = &tenant.Candidate{Percent: uint8(candidate.GetPercent())} //nolint:gosec // checked by shape; a record with problems is not used
		d.Candidate.Policy, d.Candidate.Routes = c.ruleset("candidate", candidate.GetPolicy(), candidate.GetRoutes())
	}
}

// ruleset compiles what stands below path.
func (c *compiler) ruleset(path string, base *tenantv1.Policy, routes []*tenantv1.Route) (*policy.Policy, []tenant.Route) {
	compiled := c.policy(join(path, "policy"), base)
	var out []tenant.Route
	seen := make(map[string]bool, len(routes))
	for i, m := range routes {
		r := tenant.Route{PathPrefix: m.GetPathPrefix()}
		at := element(join(path, "routes"), i)
		p := policy.Problem{Path: at + ".path_prefix", Value: r.PathPrefix, Code: CodePath}
		if p.Detail, p.Fix = tenant.PathPrefixFault(r.PathPrefix); p.Detail != "" {
			c.addAt(p)
		} else if seen[r.PathPrefix] {
			p.Code, p.Detail = CodePathRepeated, "an earlier route has this prefix"
			c.addAt(p)
		}
		seen[r.PathPrefix] = true
		r.Policy = c.policy(at+".policy", m.GetPolicy())
		out = append(out, r)
	}
	return compiled, out
}

func (c *compiler) policy(path string, m *tenantv1.Policy) *policy.Policy {
	spec := specOf(m)
	c.specs = append(c.specs, specAt{path: path, spec: spec})
	compiled, err := policy.Compile(spec)
	found, ok := errors.AsType[policy.Problems](err)
	if err != nil && !ok {
		found = policy.Problems{{Code: CodeFormat, Detail: "the policy cannot be compiled: " + err.Error()}}
	}
	for _, p := range found {
		p.Path = join(path, p.Path)
		c.addAt(p)
	}
	return compiled
}

// specOf is the policy as policy takes it; a missing one is the zero Spec.
func specOf(m *tenantv1.Policy) policy.Spec {
	spec := policy.Spec{
		Origins:              m.GetOrigins(),
		Methods:              intern(m.GetMethods()),
		RequestHeaders:       intern(m.GetRequestHeaders()),
		ExposeHeaders:        intern(m.GetExposeHeaders()),
		Credentials:          m.GetCredentials(),
		BlockDenied:          m.GetDeniedRequests() == tenantv1.Policy_BLOCK,
		Preflight:            preflightOf(m.GetPreflight()),
		EnforceWebSockets:    m.GetWebsockets() == tenantv1.Policy_ENFORCE,
		PrivateNetworkAccess: m.GetPrivateNetworkAccess(),
		TimingAllowOrigin:    m.GetTimingAllowOrigin(),
	}
	for _, t := range m.GetTemporaryOrigins() {
		temporary := policy.TemporaryOrigin{Origin: t.GetOrigin(), Note: t.GetNote()}
		if t.GetExpiresAt() != nil {
			temporary.ExpiresAt = t.GetExpiresAt().AsTime()
		}
		spec.TemporaryOrigins = append(spec.TemporaryOrigins, temporary)
	}
	if m.GetMaxAge() != nil {
		spec.MaxAge = new(m.GetMaxAge().AsDuration())
	}
	switch m.GetUpstreamHeaders() {
	case tenantv1.Policy_FILL:
		spec.UpstreamHeaders = policy.Fill
	case tenantv1.Policy_PASSTHROUGH:
		spec.UpstreamHeaders = policy.Passthru
	default:
		spec.UpstreamHeaders = policy.Override
	}
	for _, danger := range m.GetDangerouslyAllow() {
		switch danger {
		case tenantv1.Policy_ANY_ORIGIN_WITH_CREDENTIALS:
			spec.Dangerously.AnyOriginWithCredentials = true
		case tenantv1.Policy_INSECURE_ORIGINS_WITH_CREDENTIALS:
			spec.Dangerously.InsecureOriginsWithCredentials = true
		case tenantv1.Policy_PUBLIC_SUFFIX_WILDCARDS:
			spec.Dangerously.PublicSuffixWildcards = true
		default: // refused by checkShape
		}
	}
	return spec
}

func preflightOf(m *tenantv1.Preflight) policy.PreflightSpec {
	spec := policy.PreflightSpec{
		SuccessStatus: int(m.GetSuccessStatus()),
		DeniedStatus:  int(m.GetDeniedStatus()),
		Minimal:       m.GetDisclosure() == tenantv1.Preflight_MINIMAL,
		ExposeHeaders: m.GetExposeHeaders(),
	}
	if m.GetDebugUntil() != nil {
		spec.DebugUntil = m.GetDebugUntil().AsTime()
	}
	return spec
}

// intern shares the few names that many thousand policies repeat.
func intern(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	shared := make([]string, len(names))
	for i, name := range names {
		shared[i] = unique.Make(name).Value()
	}
	return shared
}
