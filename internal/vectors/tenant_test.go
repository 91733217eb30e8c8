package vectors_test

import (
	"testing"

	"github.com/corsgate/corsgate/internal/vectors"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// TestCorpusThroughTenants finds the tenant of every case as a registry does and
// lets its view decide: rules 24 to 29, which a run through policy alone takes for
// granted, and the proof that the corpus is made of legal tenant documents.
func TestCorpusThroughTenants(t *testing.T) {
	files, err := vectors.Load("../../policy/testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range vectors.Groups(files) {
		snapshot := snapshotOf(t, group)
		for _, f := range group {
			for _, c := range f.Cases {
				t.Run(f.Name+"/"+c.Name, func(t *testing.T) { runCase(t, snapshot, &f, &c) })
			}
		}
	}
}

func snapshotOf(t *testing.T, group []vectors.File) *tenant.Snapshot {
	t.Helper()
	var records []*tenant.Record
	for _, f := range group {
		if _, known := f.Hosts(); !known {
			continue
		}
		doc, err := document.Parse(f.Name+".json", f.Tenant)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		records = append(records, doc.Record)
	}
	return tenant.SnapshotOf(records...)
}

func runCase(t *testing.T, snapshot *tenant.Snapshot, f *vectors.File, c *vectors.Case) {
	r, err := c.PolicyRequest()
	if err != nil {
		t.Fatal(err)
	}
	view := snapshot.Lookup(t.Context(), tenant.Key{Authority: c.Request.Authority, Path: c.Request.Path})
	want := f.Name
	if _, known := f.Hosts(); !known {
		want = ""
	}
	if view.ID() != want {
		t.Fatalf("tenant: got %q, want %q", view.ID(), want)
	}
	d := view.Decide(&r, policy.UnknownRefuse)
	got := vectors.Want{Kind: d.Kind.String(), Outcome: d.Outcome.String(), Reason: d.Reason.String(), Answered: d.Answered()}
	if got.Kind != c.Want.Kind || got.Outcome != c.Want.Outcome || got.Reason != c.Want.Reason || got.Answered != c.Want.Answered {
		t.Errorf("decision: got %+v, want %+v", got, c.Want)
	}
	status, headers := vectors.Response(&d.Decision, c.App)
	if diff := vectors.Compare(c.Want, status, headers); diff != "" {
		t.Errorf("response:\n%s", diff)
	}
}
