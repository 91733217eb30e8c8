// Package tenanttest makes registries for tests from tenant documents.
package tenanttest

import (
	"strings"
	"testing"

	"github.com/corsgate/corsgate/tenant"
)

// New returns a registry of docs, each YAML or JSON with one tenant or several.
// Any problem ends the test.
func New(tb testing.TB, docs ...string) *tenant.Snapshot {
	tb.Helper()
	good, _, problems := tenant.Decode(tb.Name(), []byte(strings.Join(docs, "\n---\n")))
	records := make([]*tenant.Record, 0, len(good))
	for _, d := range good {
		records = append(records, d.Record)
	}
	snapshot, conflicts := tenant.NewSnapshot(records, tenant.Options{})
	if err := append(problems, conflicts...).Err(); err != nil {
		tb.Fatalf("reading tenant documents:\n%v", err)
	}
	return snapshot
}
