// Package storetest says what every store must do, as tests ([Run]), and has a
// store in memory that does it ([Memory]), for tests of whoever reads one.
package storetest

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/store"
)

// Subject is a store under test, and what a test does behind its back. All
// functions are required.
type Subject struct {
	// Writer writes an empty store.
	Writer store.Writer
	// Source reads the same store; it may be Writer.
	Source store.Source
	// Put writes a value under a tenant's key and announces nothing.
	Put func(id string, data []byte)
	// Own gives a host to an id, whatever the document of the id lists.
	Own func(host, id string)
	// Lose removes what is under a tenant's key, and leaves its hosts and its history.
	Lose func(id string)
	// Mistype puts something else than a document under a tenant's key.
	Mistype func(id string)
	// Trim leaves the newest n changes in the stream.
	Trim func(n int)
	// Announce appends a change, of which some programs give no revision.
	Announce func(id, kind string, revision int64)
	// Rounds is how often each of eight writers wins their race. Default: 50.
	Rounds int
}

// Run holds stores against the contract of package store. open makes one that is empty, for one subtest.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	cases := []struct {
		name string
		run  func(*suite)
	}{
		{"an empty store says nothing", (*suite).emptyHead},
		{"the first write names the store", (*suite).firstWrite},
		{"documents come in order, absent ones too", (*suite).documents},
		{"wrong types and large documents are not absent", (*suite).unusable},
		{"documents are as new as their head", (*suite).asNewAsHead},
		{"owners come in order", (*suite).owners},
		{"all ids come, while others come and go", (*suite).ids},
		{"the page ends the listing", (*suite).pageError},
		{"changes come after a position, oldest first, limited", (*suite).changes},
		{"changes are waited for", (*suite).changesWait},
		{"foreign changes come as they are", (*suite).foreignChanges},
		{"a large change delays nobody", (*suite).largeChange},
		{"a trimmed stream says so", (*suite).trimmed},
		{"every call ends with its context", (*suite).cancelled},
		{"an edit writes document, hosts, change and history", (*suite).apply},
		{"an edit needs the base that is stored", (*suite).bases},
		{"all edits or none, with all reasons", (*suite).allOrNothing},
		{"edits become visible together", (*suite).together},
		{"a host has one owner", (*suite).hostTaken},
		{"hosts move within one call", (*suite).hostsMove},
		{"a deleted tenant leaves a tombstone and frees its hosts", (*suite).deleted},
		{"history is newest first", (*suite).history},
		{"confirmation gives a new token", (*suite).confirm},
		{"a host is held by who lists it, or may list it", (*suite).hostHeld},
		{"revisions never come twice", (*suite).revisionsGoOn},
		{"what cannot be read is replaced like nothing", (*suite).repair},
		{"edits are checked", (*suite).edits},
		{"authors are checked", (*suite).authors},
		{"many edits at once", (*suite).manyEdits},
		{"no update is lost among writers", (*suite).compareAndSet},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(&suite{T: t, Subject: open(t)}) })
	}
}

// suite is one subtest.
type suite struct {
	*testing.T
	Subject
}

const (
	// prompt is what a call may take that does not wait, on a busy machine.
	prompt = 5 * time.Second
	// clockSkew is how far the clocks of a store and its test may differ.
	clockSkew = time.Minute
)

func author() store.Author {
	return store.Author{By: "storetest", Reason: "to see", Kind: store.KindApply}
}

// document is a tenant with hosts.
func document(id string, hosts ...string) *tenantv1.Tenant {
	return &tenantv1.Tenant{Id: id, Hosts: hosts, Policy: &tenantv1.Policy{Origins: []string{"https://" + id + ".origin"}}}
}

func edit(base int64, d *tenantv1.Tenant) store.Edit {
	return store.Edit{ID: d.GetId(), Tenant: d, Base: base}
}

func remove(base int64, id string) store.Edit { return store.Edit{ID: id, Base: base} }

// applied makes edits that must succeed.
func (s *suite) applied(edits ...store.Edit) []int64 {
	s.Helper()
	revisions, err := s.Writer.Apply(s.Context(), edits, author())
	if err != nil {
		s.Fatalf("Apply: %v", err)
	}
	if len(revisions) != len(edits) {
		s.Fatalf("%d revisions for %d edits", len(revisions), len(edits))
	}
	return revisions
}

// refused makes edits that must fail as conflicts, which it returns as text.
func (s *suite) refused(edits ...store.Edit) []string {
	s.Helper()
	revisions, err := s.Writer.Apply(s.Context(), edits, author())
	conflicts, ok := err.(store.Conflicts) //nolint:errorlint // the contract gives the type itself
	if !ok {
		s.Fatalf("Apply gives %v and a %T: %v; want store.Conflicts", revisions, err, err)
	}
	texts := make([]string, len(conflicts))
	for i, c := range conflicts {
		switch c.(type) { //nolint:errorlint // so it does for each
		case *store.ConflictError, *store.HostTakenError:
		default:
			s.Errorf("a conflict is a %T: %v", c, c)
		}
		texts[i] = c.Error()
	}
	return texts
}

func (s *suite) head() store.Head {
	s.Helper()
	head, err := s.Source.Head(s.Context())
	if err != nil {
		s.Fatalf("Head: %v", err)
	}
	return head
}

func (s *suite) read(ids ...string) store.Documents {
	s.Helper()
	got, err := s.Source.Documents(s.Context(), ids)
	if err != nil {
		s.Fatalf("Documents: %v", err)
	}
	if len(got.All) != len(ids) {
		s.Fatalf("%d documents for %d ids", len(got.All), len(ids))
	}
	return got
}

// stored is the tenant in a document, nil when there is none.
func (s *suite) stored(d store.Document) *tenantv1.Tenant {
	s.Helper()
	if d.Err != nil {
		s.Fatalf("tenant %s: %v", d.ID, d.Err)
	}
	if d.Data == nil {
		return nil
	}
	return s.parse(d.Data)
}

func (s *suite) parse(data []byte) *tenantv1.Tenant {
	s.Helper()
	var t tenantv1.Tenant
	if err := protojson.Unmarshal(data, &t); err != nil {
		s.Fatalf("%.200q is no document: %v", data, err)
	}
	return &t
}

// ownersOf maps hosts to those who have them.
func (s *suite) ownersOf(hosts ...string) []string {
	s.Helper()
	got, err := s.Source.Owners(s.Context(), hosts)
	if err != nil {
		s.Fatalf("Owners: %v", err)
	}
	return got.IDs
}

// changesAfter is every change after a position, as text without positions.
func (s *suite) changesAfter(at store.Position) []string {
	s.Helper()
	got := s.rawChanges(at, 10_000)
	texts := make([]string, len(got))
	for i, c := range got {
		texts[i] = fmt.Sprintf("%s %s %d", c.Kind, c.Tenant, c.Revision)
	}
	return texts
}

func (s *suite) rawChanges(at store.Position, limit int) []store.Change {
	s.Helper()
	got, err := s.Source.Changes(s.Context(), at, limit, 0)
	if err != nil {
		s.Fatalf("Changes: %v", err)
	}
	return got
}

func (s *suite) want(what string, want, got any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (s *suite) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), d)
	s.Cleanup(cancel)
	return ctx
}

// names are n ids or hosts that start alike.
func names(start string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = start + strconv.Itoa(i)
	}
	return out
}
