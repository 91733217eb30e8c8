package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// Edit is one document to be written.
type Edit struct {
	// ID is the tenant. Required.
	ID string
	// Tenant is the new document, validated and with canonical hosts; nil deletes. Its
	// revision, updated_at, updated_by and reason are written by the store.
	Tenant *tenantv1.Tenant
	// Base is the revision that the edit was made from: that of the stored document, or 0
	// when the editor saw none or a tombstone.
	Base int64
}

// Author says who makes a change, and why.
type Author struct {
	// By is a person or program: at most 256 printable characters. Required.
	By string
	// Reason is at most 1,024 printable characters; may be empty.
	Reason string
	// Kind is what the history calls the change, for example [KindApply]. For edits that delete it
	// is always [KindDelete].
	Kind string
}

// Revision is one entry of a tenant's history.
type Revision struct {
	// At is when it was applied, by the store's clock.
	At time.Time
	// Number of the revision, from 1.
	Number int64
	// Kind of change.
	Kind string
	// By and Reason as in [Author].
	By, Reason string
	// Data is the document as JSON; for a deletion the tombstone.
	Data []byte
}

// Writer changes a store.
type Writer interface {
	Source
	// Apply makes all edits or none, atomically, and returns the new revisions in order. At most
	// MaxEdits at once. Errors: [Conflicts] holds every edit whose Base is not what is
	// stored ([ConflictError]) and every host that belongs to somebody else
	// ([HostTakenError]). Edits that race with another writer fail as conflicts, too.
	Apply(ctx context.Context, edits []Edit, author Author) ([]int64, error)
	// History returns the newest revisions of a tenant, newest first, at most limit.
	History(ctx context.Context, id string, limit int) ([]Revision, error)
	// Confirm tells every reader that the store is as its operator wants it: readers that
	// hold back a mass change, a foreign epoch or a lost past take the store as it is.
	// Returns the token.
	Confirm(ctx context.Context, author Author) (string, error)
}

// MaxEdits bounds one [Writer.Apply].
const MaxEdits = 10_000

// ConflictError says that the stored document is not the one that an edit was made from.
type ConflictError struct {
	// ID of the tenant.
	ID string
	// Base is what the edit was made from, Stored what there is: 0 for none or a tombstone.
	Base, Stored int64
}

// Error names the tenant and both revisions.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("tenant %s: revision %d is stored, the change was made from %d", e.ID, e.Stored, e.Base)
}

// HostTakenError says that a host belongs to another tenant.
type HostTakenError struct {
	// ID of the edit's tenant; Host that it lists; Owner that has it.
	ID, Host, Owner string
}

// Error names both tenants.
func (e *HostTakenError) Error() string {
	return fmt.Sprintf("tenant %s: host %s belongs to tenant %s", e.ID, e.Host, e.Owner)
}

// Conflicts is every reason why [Writer.Apply] changed nothing.
type Conflicts []error

// Error lists the conflicts, one a line.
func (c Conflicts) Error() string { return errors.Join(c...).Error() }

// Unwrap lets errors.As find the conflicts.
func (c Conflicts) Unwrap() []error { return c }
