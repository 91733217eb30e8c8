package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// nonceDomain ends the origins that a probe writes. Nobody can own it.
const nonceDomain = ".nonce.corsgate-probe.test"

// attempts is how often a change is tried again when somebody else was quicker.
const attempts = 5

// errNoTenant is a registry without the tenant.
var errNoTenant = errors.New("there is no such tenant")

// read gives the stored document, whole: what cannot be read back is not written back either.
func (n *nonce) read(ctx context.Context) (*tenantv1.Tenant, error) {
	id := n.Tenant
	got, err := n.Store.Documents(ctx, []string{id})
	if err != nil {
		return nil, fmt.Errorf("reading tenant %s: %w", id, err)
	}
	if len(got.All) != 1 || got.All[0].Data == nil {
		return nil, fmt.Errorf("tenant %s: %w", id, errNoTenant)
	}
	m := &tenantv1.Tenant{}
	if err := protojson.Unmarshal(got.All[0].Data, m); err != nil {
		return nil, fmt.Errorf("tenant %s cannot be read as a whole: %w", id, err)
	}
	if m.GetDeleted() {
		return nil, fmt.Errorf("tenant %s: %w", id, errNoTenant)
	}
	return m, nil
}

// change reads the tenant, edits it and writes it back, if nobody else has changed it in between. An edit that gives false
// leaves it as it is. tried says that something was sent, which may be in force also when the answer is an error.
func (n *nonce) change(ctx context.Context, edit func(*tenantv1.Tenant) (bool, error)) (tried bool, err error) {
	for range attempts {
		var m *tenantv1.Tenant
		if m, err = n.read(ctx); err != nil {
			return tried, err
		}
		base := m.GetRevision()
		changed, bad := edit(m)
		if bad != nil || !changed {
			return tried, bad
		}
		tried = true
		author := store.Author{By: n.By, Reason: "corsgate probe measures how changes spread", Kind: store.KindApply}
		_, err = n.Store.Apply(ctx, []store.Edit{{ID: m.GetId(), Tenant: m, Base: base}}, author)
		if _, conflict := errors.AsType[store.Conflicts](err); !conflict {
			break
		}
	}
	if err != nil {
		return tried, fmt.Errorf("changing tenant %s: %w", n.Tenant, err)
	}
	return tried, nil
}

// enter lets origin in, for as long as the measuring can take.
func (n *nonce) enter(ctx context.Context, origin string) (tried bool, err error) {
	return n.change(ctx, func(m *tenantv1.Tenant) (bool, error) {
		if m.GetLabels()[ProbeLabel] != "true" {
			return false, fmt.Errorf("tenant %s is not labelled %s: \"true\": a probe changes no other", m.GetId(), ProbeLabel)
		}
		where, err := n.policyFor(ctx, m, origin)
		if err != nil {
			return false, err
		}
		now := time.Now()
		// What a prober that was killed has left behind goes, too.
		where.TemporaryOrigins = slices.DeleteFunc(where.GetTemporaryOrigins(), func(t *tenantv1.TemporaryOrigin) bool {
			return strings.HasSuffix(t.GetOrigin(), nonceDomain) && t.GetExpiresAt().AsTime().Before(now)
		})
		where.TemporaryOrigins = append(where.TemporaryOrigins, &tenantv1.TemporaryOrigin{
			Origin: origin, ExpiresAt: timestamppb.New(now.Add(2*n.Bound + time.Minute).Truncate(time.Second)), Note: "corsgate probe",
		})
		if d, err := n.decision(ctx, m, origin); err != nil {
			return false, err
		} else if d.Outcome != policy.Allowed {
			return false, fmt.Errorf("tenant %s would not allow the nonce: %s", m.GetId(), d.Reason)
		}
		return true, nil
	})
}

// leave takes origin out, and nothing else. A tenant that is gone needs nothing.
func (n *nonce) leave(ctx context.Context, origin string) error {
	_, err := n.change(ctx, func(m *tenantv1.Tenant) (bool, error) {
		return drop(m, origin), nil
	})
	if errors.Is(err, errNoTenant) {
		return nil
	}
	return err
}

// drop takes origin out of every policy of m, and reports whether it was in one.
func drop(m *tenantv1.Tenant, origin string) bool {
	policies := []*tenantv1.Policy{m.GetPolicy(), m.GetCandidate().GetPolicy()}
	for _, r := range append(slices.Clone(m.GetRoutes()), m.GetCandidate().GetRoutes()...) {
		policies = append(policies, r.GetPolicy())
	}
	found := false
	for _, p := range policies {
		if p == nil {
			continue
		}
		before := len(p.GetTemporaryOrigins())
		p.TemporaryOrigins = slices.DeleteFunc(p.GetTemporaryOrigins(), func(t *tenantv1.TemporaryOrigin) bool { return t.GetOrigin() == origin })
		found = found || len(p.GetTemporaryOrigins()) < before
	}
	return found
}

// policyFor is the policy of m that decides about origin at the endpoint, which must be one that denies it.
func (n *nonce) policyFor(ctx context.Context, m *tenantv1.Tenant, origin string) (*tenantv1.Policy, error) {
	view, err := n.view(ctx, m)
	if err != nil {
		return nil, err
	}
	r := n.question(origin)
	found := view.Explain(&r, policy.UnknownRefuse)
	where := policyAt(m, found.Policy)
	switch {
	case where == nil:
		return nil, fmt.Errorf("tenant %s does not answer for %s: %s", m.GetId(), n.Target.URL, view.Freshness)
	case m.GetMode() == tenantv1.Tenant_SHADOW || m.GetMode() == tenantv1.Tenant_OFF:
		return nil, fmt.Errorf("tenant %s is in mode %s", m.GetId(), m.GetMode())
	case !denies(&found.Result.Decision):
		return nil, fmt.Errorf("tenant %s allows every origin at %s", m.GetId(), n.Target.URL)
	}
	return where, nil
}

func (n *nonce) decision(ctx context.Context, m *tenantv1.Tenant, origin string) (policy.Decision, error) {
	view, err := n.view(ctx, m)
	if err != nil {
		return policy.Decision{}, err
	}
	r := n.question(origin)
	return view.Decide(&r, policy.UnknownRefuse).Decision, nil
}

func (n *nonce) question(origin string) policy.Request {
	u := n.endpoint.url
	return policy.Request{Method: "GET", Scheme: u.Scheme, Authority: u.Host, Origin: origin, Now: time.Now().Unix()}
}

// view is what serving processes make of m at the endpoint.
func (n *nonce) view(ctx context.Context, m *tenantv1.Tenant) (tenant.View, error) {
	data, err := document.MarshalJSON(proto.CloneOf(m))
	if err != nil {
		return tenant.View{}, err
	}
	parsed := document.ParseStored(m.GetId(), data)
	if err := parsed.Problems.Err(); err != nil {
		return tenant.View{}, fmt.Errorf("tenant %s cannot be used: %w", m.GetId(), err)
	}
	snapshot := tenant.SnapshotOf(parsed.Record)
	key := tenant.Key{Authority: n.endpoint.url.Host, Path: n.endpoint.url.RequestURI()}
	if len(m.GetHosts()) == 0 {
		key.Hint = m.GetId() // it is found by Envoy's route
	}
	return snapshot.Lookup(ctx, key), nil
}
