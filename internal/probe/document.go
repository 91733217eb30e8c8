package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
)

// Documents are where the answers of tenants are looked up.
type Documents struct {
	// Registry finds the tenant, as serving processes do.
	Registry tenant.Registry
	// Document gives the document of a tenant that Registry has found, or nil.
	Document func(id string) *tenantv1.Tenant
	// Place names it for people: a file, or Redis.
	Place string
}

// Source reads the documents anew, for each run: a host, and the id of the tenant or "".
type Source func(ctx context.Context, host, id string) (Documents, error)

// errNoSource is a target without an expectation where no documents are named either.
var errNoSource = errors.New("nothing says what is expected")

// expectation asks src for the answers of the endpoint's tenant.
func (e *endpoint) expectation(ctx context.Context, src Source) (*expectation, error) {
	if e.expected != nil {
		return e.expected, nil
	}
	if src == nil {
		return nil, errNoSource
	}
	docs, err := src(ctx, e.url.Host, e.Tenant)
	if err != nil {
		return nil, err
	}
	look := func(path string) tenant.View {
		return docs.Registry.Lookup(ctx, tenant.Key{Hint: e.Tenant, Authority: e.url.Host, Path: path})
	}
	view := look(e.url.RequestURI())
	doc := docs.Document(view.ID())
	if view.ID() == "" || doc == nil {
		return nil, fmt.Errorf("%s has no tenant for %s: %s", docs.Place, e.url.Host, view.Freshness)
	}
	switch doc.GetMode() {
	case tenantv1.Tenant_SHADOW, tenantv1.Tenant_OFF:
		return nil, fmt.Errorf("tenant %s is in mode %s: what it answers is the application's, not the policy's", doc.GetId(), doc.GetMode())
	default:
	}
	r := policy.Request{Method: "GET", Authority: e.url.Host, Now: time.Now().Unix()}
	found := view.Explain(&r, policy.UnknownRefuse)
	m := policyAt(doc, found.Policy)
	if m == nil {
		return nil, fmt.Errorf("tenant %s in %s has no policy: %s", doc.GetId(), docs.Place, view.Freshness)
	}
	return &expectation{
		source: fmt.Sprintf("tenant %s, %s, in %s", doc.GetId(), found.Policy, docs.Place),
		spec:   specOf(m), ages: true,
		// An application that may speak for itself is only held against what browsers need.
		exact: m.GetUpstreamHeaders() <= tenantv1.Policy_OVERRIDE,
		decide: func(path string, r *policy.Request) policy.Decision {
			v := look(path)
			return v.Decide(r, policy.UnknownRefuse).Decision
		},
	}, nil
}

// policyAt is the policy at a field path such as "candidate.routes[0].policy".
func policyAt(doc *tenantv1.Tenant, path string) *tenantv1.Policy {
	if path == "" {
		return nil
	}
	base, routes := doc.GetPolicy(), doc.GetRoutes()
	path, candidate := strings.CutPrefix(path, "candidate.")
	if candidate {
		base, routes = doc.GetCandidate().GetPolicy(), doc.GetCandidate().GetRoutes()
	}
	for i, route := range routes {
		if path == fmt.Sprintf("routes[%d].policy", i) {
			return route.GetPolicy()
		}
	}
	return base
}

// specOf has of m what questions are made from.
func specOf(m *tenantv1.Policy) policy.Spec {
	spec := policy.Spec{
		Origins: m.GetOrigins(), Methods: m.GetMethods(), RequestHeaders: m.GetRequestHeaders(),
		ExposeHeaders: m.GetExposeHeaders(), Credentials: m.GetCredentials(),
	}
	for _, t := range m.GetTemporaryOrigins() {
		spec.Origins = append(slices.Clip(spec.Origins), t.GetOrigin())
	}
	if m.GetMaxAge() != nil {
		spec.MaxAge = new(m.GetMaxAge().AsDuration())
	}
	return spec
}
