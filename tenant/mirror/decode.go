package mirror

import (
	"context"
	"errors"
	"fmt"
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
// meanwhile, which costs one decoding too much or is found by apply. With check the owners of hosts
// are asked for also when a document is the same.
func (m *Mirror) decode(got store.Documents, check bool) []news {
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
			n.hosts = h.hosts()
			n.check = check
			continue
		}
		n.read()
	}
	return all
}

// read decodes and compiles the document.
func (n *news) read() {
	stored := tenant.ParseStored(n.id, n.data)
	n.record, n.broken = stored.Record, stored.Problems.Err()
	if n.record == nil {
		if n.broken == nil {
			n.broken = errors.New("the document is empty")
		}
		return
	}
	n.entry = tenant.Bind(n.record)
	n.hosts = n.record.Hosts()
	n.check = true
}

// errHeld says that the guard does not admit what was read.
var errHeld = errors.New("the store is not where it should be, so what it says does not count")

// rounds bounds how far hosts are followed from tenant to tenant.
const rounds = 4

// documents loads ids, at most maxPage, and applies what comes of it, together with the other
// tenants that hosts move from and to. It returns the ids of whom newer news are known already;
// they are asked for again.
func (m *Mirror) documents(ctx context.Context, ids []string, how how) (outdated []string, err error) {
	var all []news
	read := make(map[string]bool)
	for round := 0; len(ids) > 0; round++ {
		if len(ids) > maxPage || round == rounds {
			m.queue.want(true, ids...) // too far to be applied together
			break
		}
		mark := m.mark()
		m.counters.reads.Add(1)
		got, err := m.opt.Reader.Documents(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("reading %d tenant documents: %w", len(ids), err)
		}
		if !m.admit(got.Head, mark) {
			return nil, errHeld
		}
		for _, id := range ids {
			read[id] = true
		}
		some := m.decode(got, how.run != 0 || round > 0)
		others, err := m.verify(ctx, some)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		ids = slices.DeleteFunc(others, func(id string) bool { return read[id] })
	}
	return m.apply(all, how), nil
}

// verify asks who the hosts belong to that tenants have got or lost. It returns the tenants that own one
// without holding it yet, and those that hold one without owning it any more: a host that
// moves must not be nobody's in between, so they are applied together.
func (m *Mirror) verify(ctx context.Context, all []news) ([]string, error) {
	var hosts []string
	for i := range all {
		if all[i].check {
			hosts = append(hosts, all[i].hosts...)
		}
		hosts = append(hosts, m.lost(&all[i])...)
	}
	if len(hosts) == 0 {
		return nil, nil
	}
	owners, err := m.owners(ctx, hosts)
	if err != nil {
		return nil, err
	}
	for i := range all {
		n := &all[i]
		if n.check {
			n.strange = slices.DeleteFunc(slices.Clone(n.hosts), func(host string) bool { return owners[host] == n.id })
		}
	}
	var others []string
	for host, id := range owners {
		if !tenant.ValidID(id) {
			continue
		}
		holder := m.index.holder(host)
		if holder == nil || holder.id != id {
			others = append(others, id)
		}
		if holder != nil && holder.id != id {
			others = append(others, holder.id)
		}
	}
	slices.Sort(others)
	return slices.Compact(others), nil
}

// lost are the hosts that a tenant has in memory and not in its news.
func (m *Mirror) lost(n *news) []string {
	h := m.index.byID(n.id)
	if h == nil || n.same || n.err != nil || n.data != nil && n.record == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(h.hosts()), func(host string) bool { return slices.Contains(n.hosts, host) })
}
