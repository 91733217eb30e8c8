package change

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/document"
)

// Kind says what becomes of a document.
type Kind string

// The kinds of changes.
const (
	// Create makes a tenant that is not there, or was deleted.
	Create Kind = "create"
	// Update replaces a document by another one.
	Update Kind = "update"
	// Delete removes a tenant.
	Delete Kind = "delete"
	// Unchanged leaves everything as it is.
	Unchanged Kind = "unchanged"
)

// Direction says whether more or less is allowed than before.
type Direction string

// The directions.
const (
	// Wider allows something that was not allowed.
	Wider Direction = "wider"
	// Narrower takes something away.
	Narrower Direction = "narrower"
	// Both does either, for different requests. Only a whole [Change] has it.
	Both Direction = "both"
	// Neutral allows what was allowed.
	Neutral Direction = "neutral"
)

// Change is the difference between two versions of a tenant.
type Change struct {
	// ID is the tenant's.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Direction sums the effects up.
	Direction Direction `json:"direction"`
	// Effects are what the change does to requests, the tenant as a whole first, then path by path.
	// There are none when the documents differ in form only.
	Effects []Effect `json:"effects"`
	// Diff has the lines of the canonical YAML that differ, in unified style with three lines around
	// them; "" when unchanged. What a registry writes by itself takes no part.
	Diff string `json:"diff"`
}

// Compare says what replacing before by after does. Nil, and a tombstone, is no tenant. Documents
// need not be valid, but only between valid ones can redundant entries be told from
// others. It fails for a message that cannot be written as a document.
func Compare(before, after *tenantv1.Tenant) (Change, error) {
	c := Change{ID: after.GetId(), Kind: Update, Effects: []Effect{}, Direction: Neutral}
	if c.ID == "" {
		c.ID = before.GetId()
	}
	before, after = plain(before), plain(after)
	switch {
	case before == nil && after == nil, before != nil && after != nil && proto.Equal(before, after):
		c.Kind = Unchanged
		return c, nil
	case before == nil:
		c.Kind = Create
	case after == nil:
		c.Kind = Delete
	}
	a, err := yamlOf(before)
	if err != nil {
		return Change{}, fmt.Errorf("comparing with the document before: %w", err)
	}
	b, err := yamlOf(after)
	if err != nil {
		return Change{}, fmt.Errorf("comparing with the document after: %w", err)
	}
	c.Diff = unified(c.ID, a, b)
	c.Effects = append(c.Effects, effectsOf(before, after)...)
	for _, e := range c.Effects {
		c.Direction = c.Direction.and(e.Direction)
	}
	return c, nil
}

// and is the direction of two effects together.
func (d Direction) and(other Direction) Direction {
	switch {
	case d == other || other == Neutral:
		return d
	case d == Neutral:
		return other
	default:
		return Both
	}
}

// plain is t without what a registry writes, or nil when there is no tenant.
func plain(t *tenantv1.Tenant) *tenantv1.Tenant {
	if t == nil || t.GetDeleted() {
		return nil
	}
	t = proto.CloneOf(t)
	t.Revision, t.UpdatedAt, t.UpdatedBy, t.Reason = 0, nil, "", ""
	return t
}

func yamlOf(t *tenantv1.Tenant) (string, error) {
	if t == nil {
		return "", nil
	}
	text, err := document.MarshalYAML(t)
	return string(text), err
}
