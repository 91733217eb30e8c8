package telemetry

// sketch finds the most frequent of a stream of keys in fixed memory: the space-saving summary of
// Metwally, Agrawal and El Abbadi (2005). A key's count is never below its true one, and at most over
// above it; whatever occurs more often than one in size is on the list.
type sketch[K comparable, V any] struct {
	size  int
	place map[K]int
	slots []slot[K, V]
}

type slot[K comparable, V any] struct {
	key   K
	count uint64
	// over is how much of count may belong to keys that had the slot before.
	over  uint64
	value V
}

func newSketch[K comparable, V any](size int) *sketch[K, V] {
	return &sketch[K, V]{size: size, place: make(map[K]int)}
}

// add counts key and returns its slot. When there is no room it takes that of the least frequent key
// that may be displaced; without one it returns nil. A nil mayGo lets every key go.
func (s *sketch[K, V]) add(key K, mayGo func(*slot[K, V]) bool) *slot[K, V] {
	if i, ok := s.place[key]; ok {
		s.slots[i].count++
		return &s.slots[i]
	}
	if len(s.slots) < s.size {
		s.place[key] = len(s.slots)
		s.slots = append(s.slots, slot[K, V]{key: key, count: 1})
		return &s.slots[len(s.slots)-1]
	}
	least := -1
	for i := range s.slots {
		if (least < 0 || s.slots[i].count < s.slots[least].count) && (mayGo == nil || mayGo(&s.slots[i])) {
			least = i
		}
	}
	if least < 0 {
		return nil
	}
	old := &s.slots[least]
	delete(s.place, old.key)
	s.place[key] = least
	*old = slot[K, V]{key: key, count: old.count + 1, over: old.count}
	return old
}

// has reports whether key is on the list.
func (s *sketch[K, V]) has(key K) bool {
	_, ok := s.place[key]
	return ok
}
