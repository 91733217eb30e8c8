package policy

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// maxScanned is how many permanent entries are asked one by one. Up to about this many that
// is as fast as a map, which takes several times their memory.
const maxScanned = 12

// entryList holds the texts of origin entries in one piece of memory: their number, where
// each ends, and the texts. The zero entryList is empty.
type entryList string

// Widths in an entryList. Ends are counted from its first byte.
const (
	countWidth = 2
	endWidth   = 4
)

// packEntries copies the texts of both lists. Together they are at most [maxOrigins].
func packEntries(permanent []string, temporary []TemporaryOrigin) entryList {
	n := len(permanent) + len(temporary)
	if n == 0 {
		return ""
	}
	head := make([]byte, 0, 64)
	head = binary.LittleEndian.AppendUint16(head, uint16(n)) //nolint:gosec // at most maxOrigins
	end := countWidth + n*endWidth
	add := func(text string) {
		end += len(text)
		head = binary.LittleEndian.AppendUint32(head, uint32(end)) //nolint:gosec // an entry beyond maxOriginBytes is refused
	}
	for _, text := range permanent {
		add(text)
	}
	for i := range temporary {
		add(temporary[i].Origin)
	}
	var out strings.Builder
	out.Grow(end)
	out.Write(head)
	for _, text := range permanent {
		out.WriteString(text)
	}
	for i := range temporary {
		out.WriteString(temporary[i].Origin)
	}
	return entryList(out.String())
}

func (l entryList) len() int {
	if len(l) < countWidth {
		return 0
	}
	return int(l[0]) | int(l[1])<<8
}

// end returns where entry number i ends.
func (l entryList) end(i int) int {
	b := l[countWidth+i*endWidth:][:endWidth]
	return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24
}

// text returns entry number i as written.
func (l entryList) text(i int) string {
	start := countWidth + l.len()*endWidth
	if i > 0 {
		start = l.end(i - 1)
	}
	return string(l[start:l.end(i)])
}

// scan finds the exact one among a few permanent entries that is o, or 0.
func (p *Policy) scan(o string) entry {
	l, n := p.origins, int(p.permanent)
	start := countWidth + l.len()*endWidth
	for i := range n {
		end := l.end(i)
		if end-start == len(o) && string(l[start:end]) == o && p.patterns>>i&1 == 0 {
			return entry(i + 1)
		}
		start = end
	}
	return 0
}

// covered finds the first permanent entry with a star that takes o, written text, or 0.
func (p *Policy) covered(text string, o *origin) entry {
	if p.wide != nil {
		return p.wide.matchPattern(text, o, 0)
	}
	for rest := p.patterns; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros16(rest)
		if takes(p.origins.text(i), o) {
			return entry(i + 1)
		}
	}
	return 0
}

// takes reports whether an entry with a star, in canonical form, takes o (rules 31, 32, 35).
func takes(text string, o *origin) bool {
	if text == anyOrigin {
		return true
	}
	rest, ok := strings.CutPrefix(text, o.scheme)
	if !ok || !strings.HasPrefix(rest, "://") {
		return false
	}
	host, port := splitPort(rest[len("://"):])
	if port != o.port && port != anyPort {
		return false
	}
	if base, below := strings.CutPrefix(host, "*."); below {
		start := len(o.host) - len(base)
		return start > 1 && o.host[start-1] == '.' && o.host[start:] == base
	}
	return host == "*" || host == o.host
}
