// Package tenanttest makes registries for tests from tenant documents.
package tenanttest

import (
	"strings"
	"testing"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// New returns a registry of docs, each YAML or JSON with one tenant or several.
// Any problem ends the test.
func New(tb testing.TB, docs ...string) *tenant.Snapshot {
	tb.Helper()
	good, _, problems := document.Decode(tb.Name(), []byte(strings.Join(docs, "\n---\n")))
	if err := problems.Err(); err != nil {
		tb.Fatalf("reading tenant documents:\n%v", err)
	}
	records := make([]*tenant.Record, 0, len(good))
	for _, d := range good {
		records = append(records, d.Record)
	}
	snapshot := tenant.SnapshotOf(records...)
	if rejected := snapshot.Survey(nil).Rejected; len(rejected) > 0 || snapshot.Tenants() != len(records) {
		tb.Fatalf("%d of %d tenant documents are in force: %+v", snapshot.Tenants(), len(records), rejected)
	}
	return snapshot
}
