package policy

import (
	"encoding/binary"
	"slices"
	"strings"
	"unique"
)

// nameSet is a list of methods or header names, each once. Equal lists share their
// memory, for thousands of tenants list the same names. The zero nameSet is empty.
//
// It is packed: the length of the sorted list; the names sorted, to be looked up, each
// behind its length; the names in the order of the author, as they are sent.
type nameSet struct{ packed unique.Handle[string] }

const (
	// sortedWidth is the width of the length of the sorted list. 500 names of 128 bytes fit.
	sortedWidth = 2
	// lengthMark is set in the byte that holds the length of a name less one. No byte of
	// a token has it set.
	lengthMark = 0x80
)

// packNames makes a set of at most [maxNames] names of at most [maxNameBytes].
func packNames(list []string) nameSet {
	if len(list) == 0 {
		return nameSet{}
	}
	sorted := make([]byte, sortedWidth, 256)
	for _, name := range slices.Sorted(slices.Values(list)) {
		sorted = append(append(sorted, lengthMark|byte(len(name)-1)), name...) //nolint:gosec // at most maxNameBytes
	}
	binary.LittleEndian.PutUint16(sorted, uint16(len(sorted)-sortedWidth)) //nolint:gosec // see sortedWidth
	return nameSet{unique.Make(string(sorted) + strings.Join(list, listSeparator))}
}

// open makes s ready to be searched.
func (s nameSet) open() names {
	if s == (nameSet{}) {
		return names{}
	}
	packed := s.packed.Value()
	return names{sorted: packed[sortedWidth:][:sortedLen(packed)]}
}

// has looks name up, which is quick in a short list such as that of methods.
func (s nameSet) has(name string) bool {
	for rest := s.open().sorted; rest != ""; {
		length := 1 + int(rest[0]&^lengthMark)
		rest = rest[1:]
		if length == len(name) && rest[:length] == name {
			return true
		}
		rest = rest[length:]
	}
	return false
}

// joined is the list as it is sent, or "".
func (s nameSet) joined() string {
	if s == (nameSet{}) {
		return ""
	}
	packed := s.packed.Value()
	return packed[sortedWidth+sortedLen(packed):]
}

func sortedLen(packed string) int { return int(packed[0]) | int(packed[1])<<8 }

// names is an open [nameSet].
type names struct {
	sorted string
	next   int // behind the name found last
}

// has looks name up. Browsers send the names of a list sorted, so the name that
// follows the one found last is tried first.
func (n *names) has(name string) bool {
	low, high := 0, len(n.sorted)
	for start := n.next; low < high; {
		if start == high {
			start = low
		}
		end := start + 2 + int(n.sorted[start]&^lengthMark)
		switch found := n.sorted[start+1 : end]; {
		case found == name:
			n.next = end
			return true
		case found < name:
			low = end
		default:
			high = start
		}
		start = (low + high) / 2
		for start > low && n.sorted[start] < lengthMark {
			start--
		}
	}
	return false
}

// hasFolded is has for names without case: the set is lower-case. It does not allocate.
func (n *names) hasFolded(name string) bool {
	if n.has(name) {
		return true
	}
	var folded [maxNameBytes]byte
	changed := false
	for i := range min(len(name), len(folded)) {
		folded[i] = lower(name[i])
		changed = changed || folded[i] != name[i]
	}
	return changed && len(name) <= len(folded) && n.has(string(folded[:len(name)]))
}
