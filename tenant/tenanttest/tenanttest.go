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
	return NewWith(tb, tenant.Options{}, docs...)
}

// NewWith is [New] with options for the snapshot.
func NewWith(tb testing.TB, opt tenant.Options, docs ...string) *tenant.Snapshot {
	tb.Helper()
	good, _, problems := document.Decode(tb.Name(), []byte(strings.Join(docs, "\n---\n")))
	records := make([]*tenant.Record, 0, len(good))
	for _, d := range good {
		records = append(records, d.Record)
	}
	snapshot, conflicts := tenant.NewSnapshot(records, opt)
	if err := append(problems, document.Conflicts(conflicts)...).Err(); err != nil {
		tb.Fatalf("reading tenant documents:\n%v", err)
	}
	return snapshot
}
