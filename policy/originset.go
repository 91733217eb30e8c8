package policy

import "strings"

// entry is the index of an origin entry plus one; 0 is none.
type entry int

// originSet answers which entry of a list matches an origin: two maps, one of
// whole origins and one of the bases of "*." entries, which is asked label by
// label. A base is only ever looked up where a label starts, so "foo.com" cannot
// let "barfoo.com" in. The zero set is empty.
//
// Where several entries match, the lowest index is reported, so that the order
// of entries never changes whether there is a match (rule 36).
type originSet struct {
	exact map[string]entry // by serialised origin
	ports map[string]entry // "scheme://host" of entries that take any port
	below map[string]*webEntries
	// minDots and maxDots bound how many dots the bases hold, so that the walk looks
	// up no more of a long host than can match.
	minDots, maxDots int
	hosts            webEntries // "http://*" and "https://*"
	any              entry      // "*"
	// patterns: there is more to ask than the exact entries.
	patterns bool
	// expires is, for temporary entries, the Unix second from which each no longer
	// matches. It is nil for entries that stay.
	expires []int64
}

// webEntries are the entries of one base, by scheme.
type webEntries struct{ http, https portEntries }

// portEntries are the entries of one scheme and base, by port.
type portEntries struct {
	none  entry
	all   entry
	exact map[string]entry
}

func (w *webEntries) of(scheme string) *portEntries {
	if scheme == "http" {
		return &w.http
	}
	return &w.https
}

// add puts entry number i, which is written text and reads p, into the set.
func (s *originSet) add(text string, p *pattern, i int) {
	e := entry(i + 1)
	s.patterns = s.patterns || !p.exact()
	switch {
	case p.any:
		s.any = s.keep(s.any, e)
	case p.exact():
		put(&s.exact, text, s.keep(s.exact[text], e))
	case p.form == hostExact:
		key := strings.TrimSuffix(text, ":"+anyPort)
		put(&s.ports, key, s.keep(s.ports[key], e))
	case p.form == hostAny:
		s.addPort(s.hosts.of(p.scheme), p.port, e)
	default:
		s.addBelow(p, e)
	}
}

func (s *originSet) addBelow(p *pattern, e entry) {
	dots := strings.Count(p.host, ".")
	if len(s.below) == 0 {
		s.minDots = dots
	}
	s.minDots, s.maxDots = min(s.minDots, dots), max(s.maxDots, dots)
	w := s.below[p.host]
	if w == nil {
		w = &webEntries{}
		put(&s.below, p.host, w)
	}
	s.addPort(w.of(p.scheme), p.port, e)
}

func (s *originSet) addPort(ports *portEntries, port string, e entry) {
	switch port {
	case "":
		ports.none = s.keep(ports.none, e)
	case anyPort:
		ports.all = s.keep(ports.all, e)
	default:
		put(&ports.exact, port, s.keep(ports.exact[port], e))
	}
}

// keep chooses between two entries that read the same: the later expiry, else the
// first.
func (s *originSet) keep(old, e entry) entry {
	if old == 0 || s.expires != nil && s.expires[e-1] > s.expires[old-1] {
		return e
	}
	return old
}

func put[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// match returns the lowest entry that takes the origin o, written text, at now.
func (s *originSet) match(text string, o *origin, now int64) entry {
	return s.first(s.matchPattern(text, o, now), s.exact[text], now)
}

// matchPattern is match without the exact entries.
func (s *originSet) matchPattern(text string, o *origin, now int64) entry {
	if !s.patterns {
		return 0
	}
	best := s.first(0, s.any, now)
	if len(s.ports) > 0 {
		key := text
		if o.port != "" {
			key = text[:len(text)-len(o.port)-1]
		}
		best = s.first(best, s.ports[key], now)
	}
	if !webScheme(o.scheme) {
		return best
	}
	best = s.firstPort(best, s.hosts.of(o.scheme), o.port, now)
	if len(s.below) > 0 {
		best = s.matchBelow(best, o, now)
	}
	return best
}

// matchBelow walks the host's labels from the right and asks for each base that
// is left of nothing but whole labels.
func (s *originSet) matchBelow(best entry, o *origin, now int64) entry {
	end := len(o.host)
	for dots := range s.maxDots + 1 {
		end = strings.LastIndexByte(o.host[:end], '.')
		if end <= 0 {
			break
		}
		if dots < s.minDots {
			continue
		}
		if w := s.below[o.host[end+1:]]; w != nil {
			best = s.firstPort(best, w.of(o.scheme), o.port, now)
		}
	}
	return best
}

func (s *originSet) firstPort(best entry, ports *portEntries, port string, now int64) entry {
	best = s.first(best, ports.all, now)
	if port == "" {
		return s.first(best, ports.none, now)
	}
	return s.first(best, ports.exact[port], now)
}

// first returns the lower of best and e, unless e is none or has expired.
func (s *originSet) first(best, e entry, now int64) entry {
	if e == 0 || s.expires != nil && now >= s.expires[e-1] || best != 0 && best < e {
		return best
	}
	return e
}
