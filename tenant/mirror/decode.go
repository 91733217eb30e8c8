package mirror

import (
	"context"
	"errors"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// news is what the store said about one tenant, read and compiled.
type news struct {
	id   string
	data []byte // nil: the store has no document
	err  error  // data cannot be used at all
	sum  uint64
	// same: the text is that of the document in force; the rest is then empty, but for hosts.
	same   bool
	record *tenant.Record // nil when nothing could be read
	entry  *tenant.Entry  // of record
	broken error          // the problems of the document
	// hosts are those of the document, strange those of them that are another's or nobody's.
	hosts, strange []string
	// check says that the owners of hosts must be asked for.
	check bool
	// at is where the store was, at the earliest, when it was read.
	at store.Position
}

// decode reads what changed. It needs no lock: what is in force may change
// meanwhile, which costs one decoding too much or is found by the next read.
func (m *Mirror) decode(got store.Documents, how how) []news {
	all := make([]news, len(got.All))
	for i := range got.All {
		d := &got.All[i]
		n := &all[i]
		n.id, n.data, n.err, n.at = d.ID, d.Data, d.Err, got.Head.Last
		if d.Err != nil || d.Data == nil {
			continue
		}
		n.sum = xxhash.Sum64(d.Data)
		if h := m.index.byID(d.ID); h != nil && h.sum.Load() == n.sum {
			n.same = true
			n.hosts = h.entry.Load().Record().Hosts()
			n.check = how.run != 0
			continue
		}
		n.read(m)
	}
	return all
}

// read decodes and compiles the document.
func (n *news) read(m *Mirror) {
	stored := tenant.ParseStored(n.id, n.data)
	n.record, n.broken = stored.Record, stored.Problems.Err()
	if n.record == nil {
		if n.broken == nil {
			n.broken = errors.New("the document is empty")
		}
		return
	}
	n.entry = tenant.Bind(n.record, m.opt.Attach)
	n.hosts = n.record.Hosts()
	n.check = true
}

// verify asks who the hosts of new documents belong to, and returns the tenants, but for those
// of known, that own one.
func (m *Mirror) verify(ctx context.Context, all []news, known []string) ([]string, error) {
	var hosts []string
	for i := range all {
		if all[i].check {
			hosts = append(hosts, all[i].hosts...)
		}
	}
	if len(hosts) == 0 {
		return nil, nil
	}
	owners, err := m.owners(ctx, hosts)
	if err != nil {
		return nil, err
	}
	var others []string
	for i := range all {
		n := &all[i]
		if !n.check {
			continue
		}
		for _, host := range n.hosts {
			owner := owners[host]
			if owner == n.id {
				continue
			}
			n.strange = append(n.strange, host)
			if owner != "" && tenant.ValidID(owner) && !slices.Contains(known, owner) && len(others) < maxPage {
				others = append(others, owner)
			}
		}
	}
	slices.Sort(others)
	return slices.Compact(others), nil
}
