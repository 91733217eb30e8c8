package mirror

import (
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// xxhashOf is the hash of a text.
func xxhashOf(s string) uint64 { return xxhash.Sum64String(s) }

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
	verified := -int64(max(0, time.Since(saved.At)))
	for i := range all {
		n := &all[i]
		h := &held{id: n.id, jitter: uint8(xxhashOf(n.id))} //nolint:gosec // any byte will do
		h.entry.Store(n.entry)
		h.sum.Store(n.sum)
		h.verified.Store(verified)
		m.index.ids.Set(n.id, h)
		for _, host := range n.hosts {
			if !slices.Contains(n.strange, host) {
				m.index.give(h, host)
			}
		}
	}
	m.mu.Unlock()
	if len(all) > 0 {
		m.restored.Store(true)
		m.opt.Log.Info("serving the tenants of the last run", "tenants", len(all), "saved_at", saved.At,
			"took", time.Since(began).Round(time.Millisecond).String())
	}
	m.opt.OnChange()
}

// readState decodes what the state keeps, on all processors.
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
				good := list[:0]
				for _, n := range list {
					n.read(m)
					n.data = nil
					if n.entry != nil {
						good = append(good, n)
					}
				}
				mu.Lock()
				all = append(all, good...)
				mu.Unlock()
			}
		})
	}
	var list []news
	saved, err := m.opt.State.Load(func(id string, packed []byte) {
		strange, data, ok := unpack(packed)
		if !ok || !tenant.ValidID(id) {
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
	return saved, all, err
}

// commit tells the state where the copy is.
func (m *Mirror) commit() {
	if m.opt.State == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	confirmed := m.confirmed.Load()
	if confirmed <= 0 || m.guard.verdict != admitted {
		return
	}
	s := store.Saved{
		Epoch: m.guard.epoch, Confirmed: m.guard.confirmed, Position: m.saved.Position,
		At:       time.Now().Add(-time.Duration(m.clock() - confirmed)),
		Complete: m.primed.Load() && !m.opt.Lazy,
	}
	if len(m.announced) == 0 {
		s.Position = m.position
	}
	last := m.saved
	if !m.unsaved && s.Position == last.Position && s.Epoch == last.Epoch && s.Confirmed == last.Confirmed &&
		s.Complete == last.Complete && s.At.Sub(last.At) < saveInterval {
		return
	}
	m.opt.State.Commit(s)
	m.saved, m.unsaved = s, false
}
