// Package store says what a registry that programs write is to those who read
// and write it, without naming one: documents by id, hosts and their owners,
// and a stream of changes with positions. redisstore is such a registry,
// storetest has one in memory and the contract that each must keep.
//
// Nothing a store says is believed beyond its [Head]: absence is no proof of
// deletion, and a store that went back in time says so by its head only.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// ErrUnavailable is the cause of an operation that was not tried because the
// store has just failed repeatedly.
var ErrUnavailable = errors.New("the store has failed repeatedly and is given a pause")

// Head is where a store is. Documents read together with a head are at least as new as it.
type Head struct {
	// Epoch is the random name that the store got with its first write of ours; "" when
	// it has none.
	Epoch string
	// Schema is the version of the layout; 0 when it is not written.
	Schema int
	// Confirmed is the token of the last confirmation by an operator ([Writer.Confirm]), or "".
	Confirmed string
	// Exists reports whether there is a change stream.
	Exists bool
	// First is the oldest change still in the stream; zero when there is none.
	First Position
	// Last is the newest change ever, also when it was trimmed: the store's generation.
	Last Position
	// Trimmed is the newest change that was removed from the stream; zero when none was, or
	// when the store cannot say.
	Trimmed Position
	// Time is the store's wall clock; zero when it was not asked.
	Time time.Time
}

// Change is one entry of the change stream.
type Change struct {
	// At is its position.
	At Position
	// Tenant is the id; foreign writers may send anything, so it need not be a valid one.
	Tenant string
	// Kind is one of [KindApply], [KindDelete], [KindConfirm], or a foreign word.
	Kind string
	// Revision of the document after the change; 0 when not given.
	Revision int64
}

// Kinds of change and of history entries.
const (
	KindApply    = "apply"
	KindDelete   = "delete"
	KindRollback = "rollback"
	KindImport   = "import"
	KindConfirm  = "confirm"
)

// Document is what the store holds under one id.
type Document struct {
	// ID is what was asked for.
	ID string
	// Data is the document or tombstone as JSON; nil when there is none.
	Data []byte
	// Err says why the value cannot be used: [ErrWrongType], [ErrTooLarge]. Data is then nil,
	// and the tenant is not absent.
	Err error
}

// Reasons of [Document.Err].
var (
	ErrWrongType = errors.New("the key holds another type than a string")
	ErrTooLarge  = errors.New("the document is larger than 1 MiB")
)

// Documents is what one read gave.
type Documents struct {
	// Head was read before any of All, on the same connection.
	Head Head
	// All has one document for each id asked for, in that order.
	All []Document
}

// Owners is who hosts belong to.
type Owners struct {
	// Head was read before IDs, on the same connection.
	Head Head
	// IDs has the tenant id of each host asked for, or "", in that order.
	IDs []string
}

// Reader reads a store. Every call is bounded by its context and by time-outs
// of the store's own, retries nothing, and is safe for concurrent use.
type Reader interface {
	// Head says where the store is, and what time it is there.
	Head(ctx context.Context) (Head, error)
	// IDs calls page with all ids, some hundred at a time, in no order, possibly
	// repeated. Ids that are there during the whole call are given. An error of page ends it.
	IDs(ctx context.Context, page func(ids []string) error) error
	// Documents reads ids, in one round trip when there are not more than 500.
	Documents(ctx context.Context, ids []string) (Documents, error)
	// Owners reads who hosts, in canonical form, belong to, in one round trip when there are
	// not more than 1,000.
	Owners(ctx context.Context, hosts []string) (Owners, error)
	// Changes returns at most limit changes after a position, oldest first. When there is
	// none it waits for one at most wait, and returns none. With wait 0 it does not block,
	// and uses another connection than a call that waits.
	Changes(ctx context.Context, after Position, limit int, wait time.Duration) ([]Change, error)
	// HasChange reports whether the stream holds the change at a position.
	HasChange(ctx context.Context, at Position) (bool, error)
}

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
	Reader
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
