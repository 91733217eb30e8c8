package mirror

import (
	"encoding/binary"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// maxPackedHost bounds one host on disk, in bytes.
const maxPackedHost = 1 << 10

// saveInterval is how often a copy that did not change is confirmed on disk.
const saveInterval = 10 * time.Second

// pack is a document as it is kept on disk: the hosts that the store did not
// give it, each with its length, then the text.
func pack(strange []string, data []byte) []byte {
	b := make([]byte, 0, len(data)+1)
	b = binary.AppendUvarint(b, uint64(len(strange)))
	for _, host := range strange {
		b = binary.AppendUvarint(b, uint64(len(host)))
		b = append(b, host...)
	}
	return append(b, data...)
}

func unpack(b []byte) (strange []string, data []byte, ok bool) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > tenant.MaxHosts {
		return nil, nil, false
	}
	b = b[n:]
	for range count {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > maxPackedHost || len(b) < n+int(size) {
			return nil, nil, false
		}
		strange = append(strange, string(b[n:n+int(size)]))
		b = b[n+int(size):]
	}
	return strange, b, true
}

// restore serves what the last run left. The store has yet to confirm it.
func (m *Mirror) restore() {
	if m.opt.State == nil {
		return
	}
	began := time.Now()
	saved, all, err := m.readState()
	if err != nil {
		m.opt.Log.Warn("the tenants of the last run cannot be read", "error", err)
	}
	m.mu.Lock()
	if !saved.At.IsZero() {
		m.saved = saved
		m.position = saved.Position
		m.guard.restore(saved)
	}
	// A time that makes no sense is long ago, but not before time began.
	age := min(max(0, time.Since(saved.At)), math.MaxInt64/2)
	for i := range all {
		n := &all[i]
		h := newHeld(n.id)
		h.put(n.entry)
		h.sum.Store(n.sum)
		h.verified.Store(-int64(age))
		h.answered.Store(-int64(age))
		m.index.add(h)
		for _, host := range n.hosts {
			if !slices.Contains(n.strange, host) {
				m.index.give(h, host)
			}
		}
	}
	if m.whole != nil {
		m.whole.entire.Store(saved.Complete)
	}
	m.mu.Unlock()
	if len(all) > 0 {
		m.restored.Store(true)
		m.opt.Log.Info("serving the tenants of the last run", "tenants", len(all), "saved_at", saved.At,
			"took", time.Since(began).Round(time.Millisecond).String())
	}
	m.opt.OnChange()
}

// readState decodes what the state keeps, on all processors. Without what cannot be decoded the
// copy is not complete.
func (m *Mirror) readState() (store.Saved, []news, error) {
	const batchSize = 256
	work := make(chan []news, runtime.GOMAXPROCS(0))
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		all     []news
	)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for list := range work {
				for i := range list {
					list[i].read()
					list[i].data = nil
				}
				mu.Lock()
				all = append(all, list...)
				mu.Unlock()
			}
		})
	}
	var list []news
	bad := 0
	saved, err := m.opt.State.Load(func(id string, packed []byte) {
		strange, data, ok := unpack(packed)
		if !ok || !tenant.ValidID(id) {
			bad++
			return
		}
		list = append(list, news{id: id, data: data, sum: xxhash.Sum64(data), strange: strange})
		if len(list) == batchSize {
			work <- list
			list = nil
		}
	})
	work <- list
	close(work)
	workers.Wait()
	good := slices.DeleteFunc(all, func(n news) bool { return n.entry == nil })
	saved.Complete = saved.Complete && err == nil && bad == 0 && len(good) == len(all)
	return saved, good, err
}

// save keeps a document that was put in force for the next run.
func (m *Mirror) save(n *news) {
	if m.opt.State != nil {
		m.opt.State.Put(n.id, pack(n.strange, n.data))
		m.unsaved = true
	}
}

// forget notes that a tenant is there no more.
func (m *Mirror) forget(n *news) {
	if m.removed.Before(n.at) {
		m.removed = n.at
	}
	if m.opt.State != nil {
		m.opt.State.Delete(n.id)
		m.unsaved = true
	}
}

// commit tells the state where the copy is: before the first change that it does not hold.
func (m *Mirror) commit() {
	if m.opt.State == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	confirmed := m.confirmed.Load()
	if confirmed == never {
		return
	}
	// A store that is held changes nothing here: what was admitted before is still what to keep.
	s := store.Saved{
		Epoch: m.guard.epoch, Confirmed: m.guard.confirmed, Position: m.position,
		At:       time.Now().Add(-time.Duration(m.clock() - confirmed)),
		Complete: m.primed.Load(),
	}
	for _, a := range m.announced {
		if a.before.Before(s.Position) {
			s.Position = a.before
		}
	}
	last := m.saved
	if !m.unsaved && s.Position == last.Position && s.Epoch == last.Epoch && s.Confirmed == last.Confirmed &&
		s.Complete == last.Complete && s.At.Sub(last.At) < saveInterval {
		return
	}
	m.opt.State.Commit(s)
	m.saved, m.unsaved = s, false
}
