package statefile

import (
	"bytes"

	"github.com/corsgate/corsgate/tenant/store"
)

// batch is changes of documents, the newest of each tenant: nil for a deletion.
type batch struct {
	changes map[string][]byte
	size    int // of all, roughly in memory
}

// changeSize is what a change takes in memory beside its id and document.
const changeSize = 96

func newBatch() batch { return batch{changes: make(map[string][]byte)} }

func (b *batch) set(id string, data []byte) {
	if old, is := b.changes[id]; is {
		b.size -= changeSize + len(id) + len(old)
	}
	b.changes[id] = data
	b.size += changeSize + len(id) + len(data)
}

// take moves all of newer into b; newer wins.
func (b *batch) take(newer *batch) {
	if len(b.changes) == 0 {
		*b, *newer = *newer, *b
		return
	}
	for id, data := range newer.changes {
		b.set(id, data)
	}
	*newer = newBatch()
}

// pending is what is not on disk yet: what was changed since the last commit, and
// what was committed. It is guarded by [File.mu].
type pending struct {
	open, committed batch
	saved           *store.Saved // of committed; nil when nothing is
	last            store.Saved  // the newest commit, or what Load gave
	writing         batch        // what is being written
	// lost has the tenants whose newest document did not fit.
	lost map[string]struct{}
}

func (p *pending) init() {
	p.open, p.committed, p.lost = newBatch(), newBatch(), make(map[string]struct{})
}

func (p *pending) size() int { return p.open.size + p.committed.size + p.writing.size }

// Put implements [store.State]. It keeps a copy of data. A document that is empty, larger
// than 2 MiB, or does not fit in [Options.MaxPending], is deleted from the copy instead,
// which is then not complete.
func (f *File) Put(id string, data []byte) {
	if !f.validID(id) {
		return
	}
	fits := len(data) > 0 && len(data) <= maxData
	if fits {
		data = bytes.Clone(data)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pending
	if !fits || p.size()+changeSize+len(id)+len(data) > f.opt.MaxPending {
		p.open.set(id, nil)
		p.lost[id] = struct{}{}
		return
	}
	delete(p.lost, id)
	p.open.set(id, data)
	if p.saved == nil && p.open.size > f.opt.MaxPending/2 {
		f.commitEarly()
	}
}

// commitEarly lets what is not committed be written before memory runs out, as when a large
// store is read for the first time: documents newer than the last commit, which
// are no whole with it. It needs mu.
func (f *File) commitEarly() {
	p := &f.pending
	s := p.last
	s.Complete = false
	p.committed.take(&p.open)
	p.saved = &s
	f.signal()
}

// signal wakes Run.
func (f *File) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Delete implements [store.State].
func (f *File) Delete(id string) {
	if !f.validID(id) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pending.lost, id)
	f.pending.open.set(id, nil)
}

// Commit implements [store.State].
func (f *File) Commit(s store.Saved) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pending
	if len(s.Epoch) > maxWord || len(s.Confirmed) > maxWord {
		f.failed(errWords) // what is open waits for a commit that can be written
		return
	}
	s.Complete = s.Complete && len(p.lost) == 0
	p.committed.take(&p.open)
	p.saved, p.last = &s, s
	f.signal()
}

func (f *File) validID(id string) bool {
	return id != "" && len(id) <= maxID && f.opt.ValidID(id)
}

// take gives what is committed; false when nothing is.
func (f *File) take() (batch, store.Saved, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pending
	if p.saved == nil {
		return batch{}, store.Saved{}, false
	}
	b, s := p.committed, *p.saved
	p.committed, p.saved, p.writing = newBatch(), nil, b
	return b, s, true
}

// giveBack returns a batch that could not be written. What was committed since wins.
func (f *File) giveBack(b batch, s store.Saved) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pending
	p.writing = batch{}
	b.take(&p.committed)
	p.committed = b
	if p.saved == nil {
		p.saved = &s
	}
}
