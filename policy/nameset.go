package policy

import (
	"encoding/binary"
	"slices"
	"strings"
	"unique"
)

// nameSet is a list of methods or header names: each once, in the order in which they
// are sent, and sorted to be looked up. Equal lists share their memory, for thousands of
// tenants list the same names. The zero nameSet is empty.
//
// It is packed: the number of names; the sorted order, by number; where each name
// ends; the names, joined as they are sent.
type nameSet struct{ packed unique.Handle[string] }

// nameWidth is the width of a number in a nameSet. 500 names of 128 bytes fit.
const nameWidth = 2

// packNames makes a set of at most [maxNames] names of at most [maxNameBytes].
func packNames(list []string) nameSet {
	if len(list) == 0 {
		return nameSet{}
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(list[a], list[b]) })
	packed := make([]byte, 0, 256)
	number := func(n int) {
		packed = binary.LittleEndian.AppendUint16(packed, uint16(n)) //nolint:gosec // bounded, see nameWidth
	}
	number(len(list))
	for _, i := range order {
		number(i)
	}
	end := 0
	for i, name := range list {
		if i > 0 {
			end += len(listSeparator)
		}
		end += len(name)
		number(end)
	}
	for i, name := range list {
		if i > 0 {
			packed = append(packed, listSeparator...)
		}
		packed = append(packed, name...)
	}
	return nameSet{unique.Make(string(packed))}
}

// open makes s ready to be read.
func (s nameSet) open() names {
	if s == (nameSet{}) {
		return names{}
	}
	packed := s.packed.Value()
	n := numberAt(packed, 0)
	packed = packed[nameWidth:]
	return names{
		count: n, order: packed[:n*nameWidth], ends: packed[n*nameWidth:][:n*nameWidth], joined: packed[2*n*nameWidth:],
	}
}

// has looks name up, which is quick in a short list such as that of methods.
func (s nameSet) has(name string) bool {
	if s == (nameSet{}) {
		return false
	}
	packed := s.packed.Value()
	n := numberAt(packed, 0)
	ends := packed[(1+n)*nameWidth:]
	start := n * nameWidth
	for i := range n {
		end := n*nameWidth + numberAt(ends, i)
		if end-start == len(name) && ends[start:end] == name {
			return true
		}
		start = end + len(listSeparator)
	}
	return false
}

// joined is the list as it is sent, or "".
func (s nameSet) joined() string {
	if s == (nameSet{}) {
		return ""
	}
	packed := s.packed.Value()
	return packed[(1+2*numberAt(packed, 0))*nameWidth:]
}

// names is an open [nameSet].
type names struct {
	count       int
	order, ends string
	joined      string
	next        int // in order, behind the name found last
}

func numberAt(packed string, i int) int {
	b := packed[i*nameWidth:][:nameWidth]
	return int(b[0]) | int(b[1])<<8
}

// name returns name number i in the order of sending.
func (n *names) name(i int) string {
	start := 0
	if i > 0 {
		start = numberAt(n.ends, i-1) + len(listSeparator)
	}
	return n.joined[start:numberAt(n.ends, i)]
}

func (n *names) sorted(i int) string { return n.name(numberAt(n.order, i)) }

// has looks name up. Browsers send the names of a list sorted, so the name that
// follows the one found last is tried first.
func (n *names) has(name string) bool {
	if n.next < n.count && n.sorted(n.next) == name {
		n.next++
		return true
	}
	low, high := 0, n.count
	for low < high {
		middle := (low + high) / 2
		switch found := n.sorted(middle); {
		case found == name:
			n.next = middle + 1
			return true
		case found < name:
			low = middle + 1
		default:
			high = middle
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
