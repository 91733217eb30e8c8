package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// storedTenant is what the registry has under an id.
type storedTenant struct {
	id   string
	data []byte
	// document is the tenant's, nil when there is none, it was deleted, or it is not readable at all.
	document *tenantv1.Tenant
	// revision, deleted, updatedAt and updatedBy are of the document or tombstone, as far as known.
	revision             int64
	deleted              bool
	updatedAt, updatedBy string
	// hosts of the document or tombstone.
	hosts []string
	// problem says why serving processes cannot use it, or is nil.
	problem error
}

// parseStored reads a document, a tombstone, or what somebody has written instead.
func parseStored(d store.Document) storedTenant {
	t := storedTenant{id: d.ID, data: d.Data, problem: d.Err, updatedAt: "-"}
	if d.Data == nil {
		return t
	}
	found := document.ParseStored(d.ID, d.Data)
	if found.Problems != nil {
		t.problem = found.Problems
	}
	m := &tenantv1.Tenant{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(d.Data, m); err != nil {
		m = nil
		if good, _, _ := document.Decode(d.ID, d.Data); len(good) == 1 {
			m = good[0].Tenant // it is YAML
		}
	}
	if m == nil {
		t.revision, t.deleted = outline(d.Data)
		return t
	}
	t.revision, t.deleted, t.hosts, t.updatedBy = m.GetRevision(), m.GetDeleted(), m.GetHosts(), plainText(m.GetUpdatedBy())
	if m.GetUpdatedAt() != nil {
		t.updatedAt = m.GetUpdatedAt().AsTime().UTC().Format(time.RFC3339)
	}
	if !t.deleted {
		t.document = m
	}
	return t
}

// outline reads what a writer goes by of a document that is no document: who repairs it has to say
// which revision is replaced.
func outline(data []byte) (revision int64, deleted bool) {
	var o struct {
		Revision json.Number `json:"revision"`
		Deleted  bool        `json:"deleted"`
	}
	if json.Unmarshal(data, &o) != nil {
		return 0, false
	}
	n, err := o.Revision.Int64()
	if err != nil || n < 0 {
		n = 0
	}
	return n, o.Deleted
}

// base is the revision that an edit is made from.
func (t *storedTenant) base() int64 {
	if t.deleted {
		return 0
	}
	return t.revision
}

// absent reports whether there is nothing, not even something that cannot be read.
func (t *storedTenant) absent() bool { return t.data == nil && t.problem == nil }

// readBatch is how many documents come in one round trip.
const readBatch = 500

// readTenants gives what the registry has under ids, in their order, batch by batch.
func readTenants(ctx context.Context, s store.Source, ids []string, each func(storedTenant) error) error {
	for some := range slices.Chunk(ids, readBatch) {
		got, err := s.Documents(ctx, some)
		if err != nil {
			return interrupted(ctx, fmt.Errorf("reading tenants: %w", err))
		}
		for _, d := range got.All {
			if err := each(parseStored(d)); err != nil {
				return err
			}
		}
	}
	return nil
}

// readTenant gives what the registry has under one id.
func readTenant(ctx context.Context, s store.Source, id string) (t storedTenant, err error) {
	err = readTenants(ctx, s, []string{id}, func(found storedTenant) error {
		t = found
		return nil
	})
	return t, err
}

// interrupted says so where err is only what an interruption looks like.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// readIDs gives all ids that match a glob, sorted; those of tombstones, too.
func readIDs(ctx context.Context, s store.Source, glob string) ([]string, error) {
	var ids []string
	err := s.IDs(ctx, func(page []string) error {
		for _, id := range page {
			if ok, err := path.Match(glob, id); err != nil {
				return err
			} else if ok && tenant.ValidID(id) {
				ids = append(ids, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, interrupted(ctx, fmt.Errorf("listing tenants: %w", err))
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// readOwners gives the tenants of hosts, in the order of hosts.
func readOwners(ctx context.Context, s store.Source, hosts []string) ([]string, error) {
	const batch = 1000
	owners := make([]string, 0, len(hosts))
	for some := range slices.Chunk(hosts, batch) {
		got, err := s.Owners(ctx, some)
		if err != nil {
			return nil, interrupted(ctx, fmt.Errorf("reading who hosts belong to: %w", err))
		}
		owners = append(owners, got.IDs...)
	}
	return owners, nil
}

// hostsAbove are the entries that can answer for a host, the first one first: itself, wildcards, the
// default tenant. An entry with a star stands for itself.
func hostsAbove(host string) ([]string, error) {
	if strings.HasPrefix(host, "*") {
		return []string{host}, nil
	}
	canonical, ok := tenant.NormalizeHost(host)
	if !ok {
		return nil, fmt.Errorf("%q is not a host", host)
	}
	entries := []string{canonical}
	for _, base, more := strings.Cut(canonical, "."); more && base != ""; _, base, more = strings.Cut(base, ".") {
		entries = append(entries, "*."+base)
	}
	return append(entries, "*"), nil
}

// errNoTenant is the answer to who asks for a tenant that is not there.
func errNoTenant(t *storedTenant) error {
	if !t.deleted {
		return fmt.Errorf("there is no tenant %s", t.id)
	}
	return fmt.Errorf("tenant %s was deleted at %s by %s; corsgate tenant history %s has its documents, rollback brings one back",
		t.id, t.updatedAt, t.updatedBy, t.id)
}

// withoutRegistry is a document without what the registry writes.
func withoutRegistry(m *tenantv1.Tenant) *tenantv1.Tenant {
	m = proto.CloneOf(m)
	m.Revision, m.UpdatedAt, m.UpdatedBy, m.Reason = 0, nil, "", ""
	return m
}

// errUnreadable is for commands that need a stored document which cannot be used.
func errUnreadable(t *storedTenant) error {
	return fmt.Errorf("the stored document of tenant %s cannot be used: %w", t.id, errors.New(plainText(t.problem.Error())))
}
