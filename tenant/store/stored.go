package store

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/tenant/document"
)

// storedTenant is what a write has to know of a stored document or tombstone.
type storedTenant struct {
	state storedState
	// revision is 0 when there is no document, and when the document says none.
	revision int64
	// hosts are canonical.
	hosts []string
}

// storedState says what is under the key of a tenant.
type storedState uint8

const (
	absent storedState = iota
	live
	tombstone
	// unreadable is something of which not even the hosts are known.
	unreadable
)

// readStored reads what a key holds. A gateway may refuse the document: the write replaces it, or must not
// take the hosts that it lists.
func readStored(d Document) storedTenant {
	switch {
	case d.Err != nil:
		return storedTenant{state: unreadable}
	case d.Data == nil:
		return storedTenant{}
	}
	var fields struct {
		Revision json.Number `json:"revision"`
		Deleted  bool        `json:"deleted"`
		Hosts    []string    `json:"hosts"`
	}
	if json.Unmarshal(d.Data, &fields) == nil {
		revision, err := fields.Revision.Int64()
		if err != nil {
			revision = 0
		}
		return newStored(fields.Deleted, revision, fields.Hosts)
	}
	// Gateways read YAML, too.
	if record := document.ParseStored(d.ID, d.Data).Record; record != nil {
		return newStored(record.Deleted(), record.Revision(), record.Hosts())
	}
	return storedTenant{state: unreadable}
}

func newStored(deleted bool, revision int64, entries []string) storedTenant {
	t := storedTenant{state: live, revision: max(0, revision)}
	if deleted {
		t.state = tombstone
	}
	seen := make(map[string]bool, len(entries))
	for _, entry := range entries[:min(len(entries), document.MaxHosts)] {
		if host, ok := canonicalHost(entry); ok && !seen[host] {
			seen[host] = true
			t.hosts = append(t.hosts, strings.Clone(host))
		}
	}
	return t
}

// base is the revision that an edit must have been made from.
func (t storedTenant) base() int64 {
	if t.state == tombstone {
		return 0
	}
	return t.revision
}

// holds reports whether a host that belongs to the tenant may not be given to another one.
func (t storedTenant) holds(host string) bool {
	switch t.state {
	case absent, tombstone:
		return false
	case unreadable:
		return true // the document may list it; whoever repairs the document can give the host up
	default:
		return slices.Contains(t.hosts, host)
	}
}
