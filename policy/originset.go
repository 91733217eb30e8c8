package policy

import (
	"encoding/binary"
	"strings"
)

// maxScanned is how many entries are compared one by one. Up to about this many that
// is as fast as a map, which takes several times their memory.
const maxScanned = 12

// anyOrigin is the entry for everybody, and Access-Control-Allow-Origin for everybody.
const anyOrigin = "*"

// originSet is the origin entries of a policy, permanent ones first, and finds the
// one that matches an origin. The zero set is empty.
//
// An entry that matches an origin can be written in a few ways only: as the origin, or
// with a star for the labels before one of its dots, for its host, for its port, or for
// all of it. The set is asked for each of these texts, as far as it has entries of
// that shape. A text only ever starts with a star where a label ends, so "*.foo.com"
// cannot let "barfoo.com" in.
//
// Where several entries match, the first one is reported, so that the order of
// entries never changes whether there is a match (rule 36).
type originSet struct {
	texts entryList
	index map[string]uint16 // where a text stands, when there are too many to compare one by one
	timed *timed            // nil when nothing depends on time

	permanent uint16 // how many of the entries never end
	shapes    shapes
	// minDots and maxDots bound how many dots the bases of "*." entries hold, so that no
	// more of a long host is asked for than can match.
	minDots, maxDots uint8
}

// timed is what ends by itself, in Unix seconds.
type timed struct {
	ends       []int64 // of each temporary entry: the first second in which it does not match
	debugUntil int64   // the end of the debug window (rule 56)
}

// shapes are the ways in which entries with a star are written. The bits of a host form
// are followed by those of the same form with any port.
type shapes uint8

const (
	shapeHost    shapes = 1 << (2 * hostExact)
	shapeBelow   shapes = 1 << (2 * hostBelow)
	shapeAnyHost shapes = 1 << (2 * hostAny)
	shapeAny     shapes = 1 << 6 // "*"

	statedPort = shapeHost | shapeBelow | shapeAnyHost
	starPort   = statedPort << 1
)

// shape returns how p is written, or 0 for an entry without a star.
func (p *pattern) shape() shapes {
	switch {
	case p.any:
		return shapeAny
	case p.exact():
		return 0
	case p.port == anyPort:
		return shapeHost << (2*p.form + 1)
	}
	return shapeHost << (2 * p.form)
}

// starred reports whether an entry holds a star: it stands behind "http://" or "https://", or at the end.
func starred(text string) bool {
	return text[len(text)-1] == '*' || len(text) > len("https://") && (text[len("http://")] == '*' || text[len("https://")] == '*')
}

// add makes entry number i, which is written text and reads p, known to the set.
func (s *originSet) add(i int, text string, p *pattern) {
	if p.form == hostBelow {
		dots := uint8(strings.Count(p.host, ".")) //nolint:gosec // a host has at most 253 bytes
		if s.shapes&(shapeBelow|shapeBelow<<1) == 0 {
			s.minDots = dots
		}
		s.minDots, s.maxDots = min(s.minDots, dots), max(s.maxDots, dots)
	}
	s.shapes |= p.shape()
	if s.index == nil {
		return
	}
	if old, listed := s.index[text]; !listed || s.outlasts(i, int(old)) {
		s.index[text] = uint16(i) //nolint:gosec // at most maxOrigins
	}
}

// outlasts reports whether entry i ends later than entry j before it.
func (s *originSet) outlasts(i, j int) bool {
	n := int(s.permanent)
	return j >= n && s.timed.ends[i-n] > s.timed.ends[j-n]
}

// ended reports whether entry i has ended at now.
func (s *originSet) ended(i int, now int64) bool {
	return i >= int(s.permanent) && now >= s.timed.ends[i-int(s.permanent)]
}

// find returns the entry that is written text, or -1: the first permanent one, else the
// temporary one that ends last.
func find[T string | []byte](s *originSet, text T) int {
	if s.index != nil {
		if i, listed := s.index[string(text)]; listed {
			return int(i)
		}
		return -1
	}
	l, n := s.texts, s.texts.len()
	start := countWidth + n*endWidth
	for i := range n {
		end := l.end(i)
		if end-start == len(text) && string(l[start:end]) == string(text) {
			return s.last(i)
		}
		start = end
	}
	return -1
}

// last returns, of the entries that are written as entry i, the first one if that is
// permanent, else the one that ends last. None before i is written so.
func (s *originSet) last(i int) int {
	if i < int(s.permanent) {
		return i
	}
	for j := i + 1; j < s.texts.len(); j++ {
		if s.texts.text(j) == s.texts.text(i) && s.outlasts(j, i) {
			i = j
		}
	}
	return i
}

// match returns the first entry that matches the origin o and has not ended at now, or
// -1. text is o as written, and written the entry that [find] has for it.
func (s *originSet) match(written int, text string, o *origin, now int64) int {
	best := s.first(-1, written, now)
	if s.shapes&shapeAny != 0 {
		best = s.first(best, find(s, anyOrigin), now)
	}
	if !webScheme(o.scheme) {
		return best
	}
	if stars := s.shapes & statedPort; stars != 0 {
		best = s.matchStars(best, stars, o, text[len(o.scheme)+len("://")+len(o.host):], now)
	}
	if stars := s.shapes & starPort; stars != 0 {
		best = s.matchStars(best, stars>>1, o, ":"+anyPort, now)
	}
	return best
}

// matchStars asks for the entries of the given shapes whose port is written so.
func (s *originSet) matchStars(best int, stars shapes, o *origin, port string, now int64) int {
	var buffer [len("https://*") + maxHostBytes + len(":65535")]byte
	start := copy(buffer[:], "https://*")
	if o.scheme == "http" {
		start = copy(buffer[:], "http://*")
	}
	if stars&shapeAnyHost != 0 {
		end := start + copy(buffer[start:], port)
		best = s.first(best, find(s, buffer[:end]), now)
	}
	if stars&shapeBelow != 0 {
		dot := len(o.host)
		for dots := range s.maxDots + 1 {
			if dot = strings.LastIndexByte(o.host[:dot], '.'); dot <= 0 {
				break
			}
			if dots >= s.minDots {
				end := start + copy(buffer[start:], o.host[dot:])
				end += copy(buffer[end:], port)
				best = s.first(best, find(s, buffer[:end]), now)
			}
		}
	}
	if stars&shapeHost != 0 {
		end := start - 1 + copy(buffer[start-1:], o.host)
		end += copy(buffer[end:], port)
		best = s.first(best, find(s, buffer[:end]), now)
	}
	return best
}

// first returns the lower of best and i, unless i is none or has ended.
func (s *originSet) first(best, i int, now int64) int {
	if i < 0 || s.ended(i, now) || best >= 0 && best < i {
		return best
	}
	return i
}

// entryList holds the texts of origin entries in one piece of memory: their number, where
// each ends, and the texts. The zero entryList is empty.
type entryList string

// Widths in an entryList. Ends are counted from its first byte.
const (
	countWidth = 2
	endWidth   = 4
)

// packEntries copies at most [maxOrigins] texts.
func packEntries(texts []string) entryList {
	if len(texts) == 0 {
		return ""
	}
	end := countWidth + len(texts)*endWidth
	packed := binary.LittleEndian.AppendUint16(make([]byte, 0, end), uint16(len(texts))) //nolint:gosec // at most maxOrigins
	for _, text := range texts {
		end += len(text)
		packed = binary.LittleEndian.AppendUint32(packed, uint32(end)) //nolint:gosec // an entry beyond maxOriginBytes is refused
	}
	return entryList(string(packed) + strings.Join(texts, ""))
}

func (l entryList) len() int {
	if l == "" {
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
