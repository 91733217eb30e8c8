package change

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// forever is the end of an entry that has none.
const forever = math.MaxInt64

// anyOrigin is the entry for everybody.
const anyOrigin = "*"

// access is who is let in by one policy.
type access struct {
	entries []string         // each once, in document order
	ends    map[string]int64 // entry → Unix second from which it no longer matches
	spec    policy.Spec      // of the entries only
	list    *policy.Policy   // nil when the entries are not valid
	null    bool             // "null" is let in, by "*" without credentials
}

func accessOf(p *tenantv1.Policy) *access {
	a := &access{ends: map[string]int64{}}
	add := func(entry string, end int64) {
		known, ok := a.ends[entry]
		if !ok {
			a.entries = append(a.entries, entry)
		}
		if !ok || end > known {
			a.ends[entry] = end
		}
	}
	for _, o := range p.GetOrigins() {
		add(o, forever)
		a.null = a.null || o == anyOrigin && !p.GetCredentials()
	}
	a.spec.Origins = p.GetOrigins()
	for _, t := range p.GetTemporaryOrigins() {
		add(t.GetOrigin(), t.GetExpiresAt().GetSeconds())
		a.spec.TemporaryOrigins = append(a.spec.TemporaryOrigins, policy.TemporaryOrigin{Origin: t.GetOrigin(), ExpiresAt: t.GetExpiresAt().AsTime()})
	}
	// Without credentials, so that every entry stands that is well-formed.
	if list, err := policy.Compile(a.spec); err == nil {
		a.list = list
	}
	return a
}

// covers reports whether a lets in, up to the very end, all that an entry of another list does, and
// by which entry. An entry's sample stands for everything that the entry takes.
func (a *access) covers(sample string, end int64) (by string, ok bool) {
	if a.list == nil || end == math.MinInt64 {
		return "", false
	}
	now := end - 1
	if end == forever {
		now = forever
	}
	d := a.list.Decide(&policy.Request{Method: "GET", Origin: sample, Now: now})
	if d.Outcome != policy.Allowed {
		return "", false
	}
	if n := len(a.spec.Origins); d.OriginIndex >= n {
		return a.spec.TemporaryOrigins[d.OriginIndex-n].Origin, true
	}
	return a.spec.Origins[d.OriginIndex], true
}

// sampler makes origins that a pattern takes and no narrower entry does.
type sampler struct{ label, port string }

// newSampler chooses a label and a port that no entry of the lists holds.
func newSampler(lists ...*access) sampler {
	taken := func(text string) bool {
		for _, l := range lists {
			for _, entry := range l.entries {
				if strings.Contains(entry, text) {
					return true
				}
			}
		}
		return false
	}
	s := sampler{label: "q", port: "61000"}
	for n := 0; taken(s.label); n++ {
		s.label = "q" + strconv.Itoa(n)
	}
	for n := 61001; n <= math.MaxUint16 && taken(s.port); n++ {
		s.port = strconv.Itoa(n)
	}
	return s
}

// of is the sample of a well-formed entry.
func (s sampler) of(entry string) string {
	if entry == anyOrigin {
		return s.label + "://" + s.label
	}
	scheme, rest, _ := strings.Cut(entry, "://")
	if host, ok := strings.CutSuffix(rest, ":*"); ok {
		rest = host + ":" + s.port
	}
	if after, ok := strings.CutPrefix(rest, "*"); ok {
		rest = s.label + after
	}
	return scheme + "://" + rest
}

// originEffects compares who is let in, entry by entry.
func originEffects(before, after *tenantv1.Policy) []Effect {
	was, is := accessOf(before), accessOf(after)
	s := newSampler(was, is)
	var gained, longer, lost, shorter, already, still group
	for _, entry := range is.entries {
		end := is.ends[entry]
		old, had := was.ends[entry]
		if had && old >= end {
			continue
		}
		by, covered := was.covers(s.of(entry), end)
		switch {
		case covered:
			already.add(entry, "by "+by)
		case had:
			longer.add(entry, until(end)+", was "+until(old))
		default:
			gained.add(entry, ending(end))
		}
	}
	for _, entry := range was.entries {
		old := was.ends[entry]
		end, has := is.ends[entry]
		if has && end >= old {
			continue
		}
		by, covered := is.covers(s.of(entry), old)
		switch {
		case covered:
			still.add(entry, "by "+by)
		case has:
			shorter.add(entry, until(end)+", was "+until(old))
		default:
			lost.add(entry, ending(old))
		}
	}
	var effects []Effect
	effects = gained.effect(effects, Wider, "gains access", "gain access")
	effects = longer.effect(effects, Wider, "keeps access longer", "keep access longer")
	effects = lost.effect(effects, Narrower, "loses access", "lose access")
	effects = shorter.effect(effects, Narrower, "has access for less time", "have access for less time")
	effects = already.effect(effects, Neutral, "is listed and had access already", "are listed and had access already")
	effects = still.effect(effects, Neutral, "is no longer listed and keeps access", "are no longer listed and keep access")
	return append(effects, nullEffect(was, is)...)
}

// nullEffect is about "*" in both lists, which takes the opaque origin only without credentials.
func nullEffect(was, is *access) []Effect {
	switch {
	case was.null == is.null || was.ends[anyOrigin] != forever || is.ends[anyOrigin] != forever:
		return nil
	case is.null:
		return []Effect{{Code: NullOrigin, Direction: Wider, Values: []string{"null"}, Text: "null, the origin of sandboxed frames and local files, gains access by *"}}
	default:
		return []Effect{{Code: NullOrigin, Direction: Narrower, Values: []string{"null"}, Text: "null, the origin of sandboxed frames and local files, loses access"}}
	}
}

// group collects entries that fare alike.
type group struct{ entries, shown []string }

func (g *group) add(entry, note string) {
	g.entries = append(g.entries, entry)
	if note != "" {
		entry += " (" + note + ")"
	}
	g.shown = append(g.shown, entry)
}

func (g *group) effect(effects []Effect, d Direction, single, several string) []Effect {
	if len(g.entries) == 0 {
		return effects
	}
	text := list(g.shown) + " " + one(g.entries, single, several)
	if len(g.entries) > 1 {
		text = fmt.Sprintf("%d origins %s: %s", len(g.entries), several, list(g.shown))
	}
	return append(effects, Effect{Code: Origins, Direction: d, Values: g.entries, Text: text})
}

// ending is the note of an entry that ends.
func ending(end int64) string {
	if end == forever {
		return ""
	}
	return until(end)
}

func until(end int64) string {
	if end == forever {
		return "for good"
	}
	return "until " + time.Unix(end, 0).UTC().Format(time.RFC3339)
}
