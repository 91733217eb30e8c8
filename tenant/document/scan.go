package document

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// scanner reads JSON of the plainest form from left to right. It knows nothing of
// places and causes: at the first thing that is unusual, wrong or not, it gives up for good.
// Its strings share the memory of the text.
type scanner struct {
	text string
	at   int
	// unusual: nothing that was read counts.
	unusual bool
}

// maxMembers bounds the members of one object: no message has as many fields,
// and [MaxLabels] are no more.
const maxMembers = 32

func (s *scanner) giveUp() {
	s.unusual, s.at = true, len(s.text)
}

// skip passes over white space.
func (s *scanner) skip() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// found passes over c if it comes next, behind white space.
func (s *scanner) found(c byte) bool {
	s.skip()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) expect(c byte) {
	if !s.found(c) {
		s.giveUp()
	}
}

// object reads an object. For each member, member has to read the value; false
// says that it has none of that name.
func (s *scanner) object(member func(key string) bool) {
	s.expect('{')
	var seen [maxMembers]string
	for n := 0; !s.found('}') && !s.unusual; n++ {
		if n > 0 {
			s.expect(',')
			s.skip()
		}
		key := s.str()
		for s.at < len(s.text) && s.text[s.at] == ' ' {
			s.at++ // YAML ends a key at the end of its line
		}
		if n == maxMembers || s.at == len(s.text) || s.text[s.at] != ':' || slices.Contains(seen[:n], key) {
			s.giveUp()
			return
		}
		s.at++
		seen[n] = key
		if !member(key) {
			s.giveUp()
		}
	}
}

// array reads an array of at most limit elements; element has to read each.
func (s *scanner) array(limit int, element func()) {
	s.expect('[')
	for n := 0; !s.found(']') && !s.unusual; n++ {
		if n > 0 {
			s.expect(',')
		}
		if n == limit {
			s.giveUp()
			return
		}
		element()
	}
}

// strings reads an array of strings.
func (s *scanner) strings(limit int) []string {
	var list []string
	s.array(limit, func() {
		if list == nil {
			list = make([]string, 0, 8)
		}
		list = append(list, s.str())
	})
	return list
}

// str reads a string.
func (s *scanner) str() string {
	s.expect('"')
	start := s.at
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			return s.text[start:i]
		case c < ' ' || c == '\\' || c > '~':
			return s.unusualStr(start)
		}
	}
	s.giveUp()
	return ""
}

// unusualStr reads a string that begins at start and holds more than printable ASCII. It gives up where
// YAML might read something else: at control characters, which it refuses, at what it takes for the end of a line, and at
// half a surrogate pair.
func (s *scanner) unusualStr(start int) string {
	end := start
	for end < len(s.text) && s.text[end] != '"' {
		if s.text[end] == '\\' {
			end++
		}
		end++
	}
	var out string
	if end >= len(s.text) || json.Unmarshal([]byte(s.text[start-1:end+1]), &out) != nil || strings.ContainsFunc(out, unusualRune) {
		s.giveUp()
		return ""
	}
	s.at = end + 1
	return out
}

// unusualRune reports whether r is one that a YAML document may not hold as it is.
func unusualRune(r rune) bool {
	switch r {
	case utf8.RuneError, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
		return true
	}
	return r < ' ' || r >= 0x7f && r < 0xa0
}

// boolean reads true or false.
func (s *scanner) boolean() bool {
	s.skip()
	rest := s.text[s.at:]
	switch {
	case strings.HasPrefix(rest, "true"):
		s.at += len("true")
		return true
	case strings.HasPrefix(rest, "false"):
		s.at += len("false")
	default:
		s.giveUp()
	}
	return false
}

// number reads a whole number from 0 to limit.
func (s *scanner) number(limit int64) int64 {
	s.skip()
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	n, ok := plainNumber(s.text[start:s.at])
	if !ok || n > limit {
		s.giveUp()
		return 0
	}
	return n
}

// longNumber reads a whole number that may stand in quotes, as 64-bit numbers do.
func (s *scanner) longNumber() int64 {
	if s.skip(); s.at < len(s.text) && s.text[s.at] == '"' {
		n, ok := plainNumber(s.str())
		if !ok {
			s.giveUp()
		}
		return n
	}
	return s.number(1 << 62)
}

// plainNumber reads digits without a leading zero, so few that they fit.
func plainNumber(digits string) (n int64, ok bool) {
	if digits == "" || len(digits) > 18 || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(digits[i]-'0')
	}
	return n, true
}

// duration reads whole seconds such as "600s", between two bounds.
func (s *scanner) duration(low, high time.Duration) time.Duration {
	digits, ok := strings.CutSuffix(s.str(), "s")
	n, whole := plainNumber(digits)
	if !ok || !whole || n < int64(low/time.Second) || n > int64(high/time.Second) {
		s.giveUp()
		return 0
	}
	return time.Duration(n) * time.Second
}

// moment reads a time of RFC 3339.
func (s *scanner) moment() time.Time {
	text := s.str()
	_, fraction, _ := strings.Cut(text, ".")
	if zone := strings.IndexAny(fraction, "Z+-"); zone > len("999999999") || strings.Trim(text, "0123456789T:.Z+-") != "" {
		s.giveUp()
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 2 || t.Year() > 9998 {
		s.giveUp() // also at the ends of what a document can say, where zones matter
		return time.Time{}
	}
	return t.UTC()
}

// note reads text for people of at most limit characters.
func (s *scanner) note(limit int) string {
	text := s.str()
	if utf8.RuneCountInString(text) > limit || strings.ContainsRune(text, 0x7f) {
		s.giveUp()
	}
	return text
}

// oneOf reads one of a few names and gives its place among them.
func (s *scanner) oneOf(names ...string) int {
	text := s.str()
	for i, name := range names {
		if name == text {
			return i
		}
	}
	s.giveUp()
	return 0
}
