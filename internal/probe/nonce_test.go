package probe_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/corsgate/corsgate/internal/probe"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

const probeTenant = `
id: probe
hosts: [api.acme.example]
labels: {probe: "true"}
policy:
  origins: ["https://app.acme.example"]
  temporary_origins:
  - {origin: "https://left.nonce.corsgate-probe.test", expires_at: "2020-01-01T00:00:00Z"}
  - {origin: "https://old.acme.example", expires_at: "2020-01-01T00:00:00Z"}
`

// registry is a store with one document, and a gateway that follows it.
type registry struct {
	*storetest.Memory
	// deaf keeps the gateway with the document that it has.
	deaf atomic.Bool
	view atomic.Pointer[probe.Documents]
	// onApply is called before each edit, onApplied behind it.
	onApply   func(n int, e store.Edit)
	onApplied func(n int)
	applied   int
}

func (r *registry) Apply(ctx context.Context, edits []store.Edit, author store.Author) ([]int64, error) {
	r.applied++
	if r.onApply != nil {
		r.onApply(r.applied, edits[0])
	}
	revisions, err := r.Memory.Apply(ctx, edits, author)
	if err == nil {
		err = r.follow(ctx)
	}
	if r.onApplied != nil {
		r.onApplied(r.applied)
	}
	return revisions, err
}

func (r *registry) follow(ctx context.Context) error {
	if r.deaf.Load() {
		return nil
	}
	got, err := r.Documents(ctx, []string{"probe"})
	if err != nil {
		return err
	}
	snapshot := tenant.SnapshotOf(document.ParseStored("probe", got.All[0].Data).Record)
	r.view.Store(&probe.Documents{Registry: snapshot})
	return nil
}

// stored is the document without what the registry writes.
func (r *registry) stored(t *testing.T) *tenantv1.Tenant {
	t.Helper()
	got, err := r.Documents(t.Context(), []string{"probe"})
	if err != nil {
		t.Fatal(err)
	}
	m := &tenantv1.Tenant{}
	if err := protojson.Unmarshal(got.All[0].Data, m); err != nil {
		t.Fatal(err)
	}
	m.Revision, m.UpdatedAt, m.UpdatedBy, m.Reason = 0, nil, "", ""
	return m
}

func newRegistry(t *testing.T, doc string) (*registry, string) {
	t.Helper()
	r := &registry{Memory: storetest.NewMemory()}
	d, err := document.Parse("probe.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(t.Context(), []store.Edit{{ID: "probe", Tenant: d.Tenant}}, store.Author{By: "ana", Kind: store.KindApply}); err != nil {
		t.Fatal(err)
	}
	return r, serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		gateway(t, *r.view.Load(), nil).ServeHTTP(w, q)
	}))
}

// measure runs the case alone.
func measure(ctx context.Context, t *testing.T, r *registry, addr string, bound time.Duration) (*probe.Report, probe.CaseReport) {
	t.Helper()
	p, err := probe.New(probe.Options{
		Targets: []probe.Target{target(addr)}, Source: sourceOf(t, acme), Cases: []string{"propagation"}, Version: "1.2.3",
		Nonce: &probe.Nonce{Store: r, Tenant: "probe", Target: target(addr), Bound: bound, By: "prober"},
	})
	if err != nil {
		t.Fatal(err)
	}
	report := p.Once(ctx)
	return report, report.Targets[len(report.Targets)-1].Cases[0]
}

// A change is seen, and its end, and then all is as it was, without what an earlier prober has left.
func TestPropagation(t *testing.T) {
	t.Parallel()
	r, addr := newRegistry(t, probeTenant)
	want := r.stored(t)
	want.Policy.TemporaryOrigins = want.Policy.TemporaryOrigins[1:]
	report, c := measure(t.Context(), t, r, addr, 10*time.Second)
	if c.Verdict != probe.Pass || c.Propagation == nil || c.Propagation.Allow <= 0 || c.Propagation.Revoke <= 0 {
		t.Errorf("%+v\n%s", c, text(t, report))
	}
	if diff := cmp.Diff(want, r.stored(t), protocmp.Transform()); diff != "" {
		t.Errorf("the document afterwards (-want +got):\n%s", diff)
	}
	if r.applied != 3 {
		t.Errorf("%d writes", r.applied)
	}
}

// A gateway that follows too late fails, and the document is restored all the same.
func TestPropagationLate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		deaf int // from which write on
		want string
	}{{"never allowed", 2, "Access-Control-Allow-Origin: https://"}, {"never denied", 3, "no Access-Control-Allow-Origin"}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, addr := newRegistry(t, strings.Replace(probeTenant, "left.nonce.corsgate-probe", "left", 1))
			want := r.stored(t)
			r.onApply = func(n int, _ store.Edit) {
				if n >= tc.deaf {
					r.deaf.Store(true)
				}
			}
			report, c := measure(t.Context(), t, r, addr, 700*time.Millisecond)
			if c.Verdict != probe.Fail || len(c.Findings) != 1 || !strings.HasPrefix(c.Findings[0].Want, tc.want) || c.Propagation.Revoke != 0.7 {
				t.Errorf("%+v\n%s", c, text(t, report))
			}
			if diff := cmp.Diff(want, r.stored(t), protocmp.Transform()); diff != "" {
				t.Errorf("the document afterwards (-want +got):\n%s", diff)
			}
		})
	}
}

// Somebody else's edits in between are kept.
func TestPropagationRace(t *testing.T) {
	t.Parallel()
	r, addr := newRegistry(t, probeTenant)
	r.onApply = func(n int, e store.Edit) {
		if n != 2 && n != 4 { // before the first try to let the nonce in, and to take it out
			return
		}
		m := r.stored(t)
		m.Policy.Origins = append(m.Policy.Origins, map[int]string{2: "https://second.acme.example", 4: "https://third.acme.example"}[n])
		if _, err := r.Memory.Apply(t.Context(), []store.Edit{{ID: "probe", Tenant: m, Base: e.Base}}, store.Author{By: "ana", Kind: store.KindApply}); err != nil {
			t.Error(err)
		}
	}
	report, c := measure(t.Context(), t, r, addr, 10*time.Second)
	if c.Verdict != probe.Pass {
		t.Errorf("%+v\n%s", c, text(t, report))
	}
	got := r.stored(t)
	if diff := cmp.Diff([]string{"https://app.acme.example", "https://second.acme.example", "https://third.acme.example"}, got.GetPolicy().GetOrigins()); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	if n := len(got.GetPolicy().GetTemporaryOrigins()); n != 1 {
		t.Errorf("%d temporary origins are left", n)
	}
}

// An interruption leaves nothing behind.
func TestPropagationInterrupted(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		r, addr := newRegistry(t, probeTenant)
		ctx, cancel := context.WithCancel(t.Context())
		r.deaf.Store(true)
		r.onApply = func(int, store.Edit) {
			if before {
				cancel()
			}
		}
		r.onApplied = func(int) { cancel() }
		if _, c := measure(ctx, t, r, addr, 10*time.Second); c.Verdict != probe.Unasked {
			t.Errorf("%+v", c)
		}
		for _, o := range r.stored(t).GetPolicy().GetTemporaryOrigins() {
			if strings.HasSuffix(o.GetOrigin(), ".nonce.corsgate-probe.test") && !strings.HasPrefix(o.GetOrigin(), "https://left.") {
				t.Errorf("before %t: %s is left", before, o.GetOrigin())
			}
		}
		if r.applied < 2 || !before && r.applied < 3 {
			t.Errorf("before %t: %d writes", before, r.applied)
		}
	}
}

// Only a tenant that is made for it is changed.
func TestPropagationRefused(t *testing.T) {
	t.Parallel()
	for want, doc := range map[string]string{
		"is not labelled":          strings.Replace(probeTenant, `probe: "true"`, `probe: "yes"`, 1),
		"does not answer for":      strings.Replace(probeTenant, host, "other.example", 1),
		"is in mode SHADOW":        strings.Replace(probeTenant, "policy:", "mode: SHADOW\npolicy:", 1),
		"allows every origin":      strings.Replace(probeTenant, "https://app.acme.example", "*", 1),
		"there is no such tenant":  "",
		"cannot be read as a whol": "newer",
	} {
		r, addr := newRegistry(t, probeTenant)
		switch doc {
		case "":
			if _, err := r.Memory.Apply(t.Context(), []store.Edit{{ID: "probe", Base: 1}}, store.Author{By: "ana", Kind: store.KindDelete}); err != nil {
				t.Fatal(err)
			}
		case "newer":
			r.Put("probe", []byte(`{"id":"probe","hosts":["api.acme.example"],"labels":{"probe":"true"},"policy":{},"novelty":1}`))
		default:
			r, addr = newRegistry(t, doc)
		}
		writes := r.applied
		_, c := measure(t.Context(), t, r, addr, time.Second)
		if c.Verdict != probe.Unasked || !strings.Contains(c.Reason, want) || r.applied != writes {
			t.Errorf("%s: %d writes, %+v", want, r.applied-writes, c)
		}
	}
}
