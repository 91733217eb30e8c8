package redisstore

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/tenant/document"
)

// storedTenant is what a writer has to know of a stored document or tombstone.
type storedTenant struct {
	// revision is 0 when there is none, also in a document that says none.
	revision int64
	// hosts are canonical.
	hosts []string
	state storedState
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

// parseStored reads what a key holds. Whether a gateway would accept it does not matter: it is going to be
// replaced, or holds hosts that nobody may take from it.
func parseStored(id string, v value) storedTenant {
	switch {
	case v.nothing():
		return storedTenant{}
	case v.err != nil:
		return storedTenant{state: unreadable}
	}
	var d struct {
		Revision json.Number `json:"revision"`
		Deleted  bool        `json:"deleted"`
		Hosts    []string    `json:"hosts"`
	}
	if json.Unmarshal(v.data, &d) != nil {
		return parseThorough(id, v.data)
	}
	t := storedTenant{state: live, hosts: canonicalHosts(d.Hosts)}
	if n, err := d.Revision.Int64(); err == nil && n > 0 {
		t.revision = n
	}
	if d.Deleted {
		t.state = tombstone
	}
	return t
}

// parseThorough reads a document as gateways do, of which some of what is no JSON has hosts all the same.
func parseThorough(id string, data []byte) storedTenant {
	record := document.ParseStored(id, data).Record
	if record == nil {
		return storedTenant{state: unreadable}
	}
	t := storedTenant{state: live, revision: record.Revision(), hosts: canonicalHosts(record.Hosts())}
	if record.Deleted() {
		t.state = tombstone
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
		return true // perhaps; who repairs the document can give the host up
	default:
		return slices.Contains(t.hosts, host)
	}
}

// canonicalHosts are the hosts of a stored document without repetition, not more than a document may
// have. What is no host is left out.
func canonicalHosts(entries []string) []string {
	entries = entries[:min(len(entries), document.MaxHosts)]
	hosts := make([]string, 0, len(entries))
	seen := make(map[string]bool, len(entries))
	for _, entry := range entries {
		if host, ok := canonicalHost(entry); ok && !seen[host] {
			seen[host] = true
			hosts = append(hosts, strings.Clone(host))
		}
	}
	return hosts
}
