package migrate

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/internal/regular"
	"github.com/corsgate/corsgate/policy"
)

// Any origin, as an entry and as what browsers send.
const (
	anyOrigin  = "*"
	nullOrigin = "null"
)

// sendable is every origin of web pages that browsers send, and some that are too long: default ports are left out.
const sendable = `(http://` + someHost + `(:([1-9]|[1-79][0-9]|8[1-9]|[1-9][0-9]{2,4}))?` +
	`|https://` + someHost + `(:([1-9]|[1-9][0-9]|[1-35-9][0-9][0-9]|4[0-35-9][0-9]|44[0-24-9]|[1-9][0-9]{3,4}))?)`

// sendableByApps is every origin of apps and extensions, and more.
const sendableByApps = `[a-z][a-z0-9+.-]*://` + someHost + `(:[1-9][0-9]{0,4})?`

const (
	someHost  = `([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])`
	someBelow = `([a-z0-9_-]+\.)+`
	somePort  = `(:[1-9][0-9]{0,4})?`
)

// entryPattern is an expression that has every origin which an entry allows, and perhaps more.
func entryPattern(entry string) string {
	if entry == anyOrigin {
		return `[ -~]*`
	}
	scheme, rest, ok := strings.Cut(entry, "://")
	if !ok {
		return regexp.QuoteMeta(entry)
	}
	rest, open := strings.CutSuffix(rest, ":*")
	out := regexp.QuoteMeta(scheme + "://")
	switch {
	case strings.HasPrefix(rest, "*."):
		out += someBelow + regexp.QuoteMeta(rest[len("*."):])
	case strings.HasPrefix(rest, "*"):
		out += `([a-z0-9_.-]+|\[[0-9a-f:]+\])` + regexp.QuoteMeta(rest[len("*"):])
	default:
		out += regexp.QuoteMeta(rest)
	}
	if open {
		out += somePort
	}
	return out
}

// pattern is an expression for what m takes, as a whole. ok is false when there is none.
func (m *matcher) pattern() (string, bool) {
	text := regexp.QuoteMeta(m.text)
	switch m.kind {
	case exact:
	case prefix:
		text += `(?s:.*)`
	case suffix:
		text = `(?s:.*)` + text
	case contains:
		text = `(?s:.*)` + text + `(?s:.*)`
	case regex:
		re, err := syntax.Parse(m.text, syntax.Perl)
		if err != nil || len(m.text) > regular.MaxPattern {
			return "", false
		}
		text = re.String() // without what would reach beyond the expression, such as \Q
	default:
		return "", false
	}
	if m.fold {
		text = `(?i:` + text + `)`
	}
	return `(?:` + text + `)`, true
}

// validEntry reports whether a tenant document may have the entry, credentials or not.
func validEntry(entry string) bool {
	_, err := policy.Compile(policy.Spec{Origins: []string{entry}})
	return err == nil
}

// translator turns the matchers of one policy into entries.
type translator struct {
	notes    *notes
	prover   *regular.Prover
	all      *regular.Language // what all matchers together take
	sendable *regular.Language
	entries  []string
}

// translateOrigins gives the entries that allow nothing which the matchers did not allow together.
func translateOrigins(n *notes, prover *regular.Prover, matchers []matcher) []string {
	t := translator{notes: n, prover: prover}
	var wide []matcher
	for i := range matchers {
		m := &matchers[i]
		switch {
		case m.kind == exact && m.text == anyOrigin:
			return []string{anyOrigin}
		case m.kind == exact:
			t.exact(m)
		default:
			wide = append(wide, *m)
		}
	}
	if len(wide) > 0 {
		t.wide(matchers, wide)
	}
	return t.entries
}

func (t *translator) take(entry string) {
	if !slices.Contains(t.entries, entry) {
		t.entries = append(t.entries, entry)
	}
}

// exact takes an origin over as it is, or not at all: what is put right allows what nothing allowed before.
func (t *translator) exact(m *matcher) {
	text := m.text
	if m.fold {
		text = strings.ToLower(text) // browsers send lower case
	}
	switch {
	case text == nullOrigin:
		t.notes.narrower(CodeOriginNull, m.at, m.value(), "null stands for everybody's sandboxed frames; corsgate never allows it by a list", "")
	case strings.Contains(text, "*") || !validEntry(text):
		t.notes.ignored(CodeOriginDead, m.at, m.value(), "no browser sends this origin", fixOf(text))
	default:
		t.take(text)
	}
}

// fixOf is what the author of an entry probably meant.
func fixOf(entry string) string {
	_, err := policy.Compile(policy.Spec{Origins: []string{entry}})
	if problems, ok := err.(policy.Problems); ok && len(problems) > 0 { //nolint:errorlint // Compile gives them as they are
		return problems[0].Fix
	}
	return ""
}

// maxUnion is the largest number of matchers that are proven against together.
const maxUnion = 200

// wide translates the matchers that are no single origins.
func (t *translator) wide(all, wide []matcher) {
	if len(all) > maxUnion {
		all = wide
	}
	var patterns []string
	for i := range all {
		if p, ok := all[i].pattern(); ok {
			patterns = append(patterns, p)
		}
	}
	t.all, t.sendable = compileAny(patterns), compileAny([]string{sendable})
	if t.all != nil && t.sendable != nil {
		for i := range wide {
			for _, candidate := range candidates(&wide[i]) {
				t.prove(candidate)
			}
		}
		t.dropSubsumed()
	}
	for i := range wide {
		t.compare(&wide[i])
	}
}

func compileAny(patterns []string) *regular.Language {
	l, err := regular.Compile(strings.Join(patterns, "|"))
	if err != nil || len(patterns) == 0 {
		return nil
	}
	return l
}

// prove takes a candidate if the source allows all that it would.
func (t *translator) prove(candidate string) {
	if slices.Contains(t.entries, candidate) || !validEntry(candidate) {
		return
	}
	entry := compileAny([]string{entryPattern(candidate)})
	if entry == nil {
		return
	}
	if verdict, _ := t.prover.Within(t.all, entry); verdict == regular.Yes {
		t.take(candidate)
	}
}

// dropSubsumed drops entries that a wider one makes needless.
func (t *translator) dropSubsumed() {
	if len(t.entries) > maxUnion {
		return
	}
	for i := 0; i < len(t.entries); i++ {
		small := compileAny([]string{entryPattern(t.entries[i])})
		for j, other := range t.entries {
			if i == j || !strings.Contains(other, "*") {
				continue
			}
			large := compileAny([]string{entryPattern(other)})
			if small == nil || large == nil {
				continue
			}
			if verdict, _ := t.prover.Within(large, small); verdict == regular.Yes {
				t.entries = slices.Delete(t.entries, i, i+1)
				i--
				break
			}
		}
	}
}

// compare reports what a matcher took that the entries do not.
func (t *translator) compare(m *matcher) {
	text, ok := m.pattern()
	before := compileAny([]string{text})
	if !ok || before == nil || t.sendable == nil {
		t.notes.narrower(CodeOriginDropped, m.at, m.value(), "the expression cannot be read", "list its origins in the document")
		return
	}
	if before.Contains(nullOrigin) && !slices.Contains(t.entries, anyOrigin) {
		t.notes.narrower(CodeOriginNull, m.at, m.value(), "it takes null, which corsgate never allows by a list", "")
	}
	after, apps := t.after(), compileAny([]string{sendableByApps})
	if after == nil || apps == nil {
		t.notes.narrower(CodeOriginDropped, m.at, m.value(), "the list is too large to compare with", "compare by hand")
		return
	}
	verdict, lost := t.prover.Within(after, before, t.sendable)
	empty, _ := t.prover.Within(compileNothing(), before, t.sendable)
	if v, lost := t.prover.Within(t.after(`https?://.*`), before, apps); v != regular.Yes {
		t.notes.narrower(CodeOriginNarrowed, m.at, m.value(),
			"it takes schemes other than http and https, for example "+lost+"; those are only allowed one by one", "list the origins of your apps")
	}
	switch {
	case verdict == regular.Yes && empty == regular.Yes:
		t.notes.ignored(CodeOriginDead, m.at, m.value(), "it takes no origin of a web page", "")
	case verdict == regular.Yes:
	case verdict == regular.Unknown:
		t.notes.narrower(CodeOriginNarrowed, m.at, m.value(), "the expression is too large to compare; it may have taken more", "compare by hand")
	default:
		t.lost(m, before, lost)
	}
}

// lost reports a matcher of which lost is not allowed any more.
func (t *translator) lost(m *matcher, before *regular.Language, lost string) {
	code, detail := CodeOriginDropped, "nothing that corsgate can express is within it; it took, for example, "+lost
	for _, entry := range t.entries {
		l := compileAny([]string{entryPattern(entry)})
		if l == nil {
			continue
		}
		if verdict, _ := t.prover.Within(compileNothing(), before, l); verdict == regular.No {
			code, detail = CodeOriginNarrowed, "a part of it is written; it also took, for example, "+lost
			break
		}
	}
	t.notes.narrower(code, m.at, m.value(), detail, widening(m))
}

// widening is the entry that a person might write for a matcher after a look at what it would open.
func widening(m *matcher) string {
	for _, c := range candidates(m) {
		if strings.Contains(c, "://*.") && validEntry(c) {
			return "if all names below it are yours, add " + c
		}
	}
	return ""
}

// after is what the entries allow, and more.
func (t *translator) after(more ...string) *regular.Language {
	patterns := more
	for _, entry := range t.entries {
		patterns = append(patterns, entryPattern(entry))
	}
	if len(patterns) == 0 {
		return compileNothing()
	}
	return compileAny(patterns)
}

// compileNothing is the empty language.
func compileNothing() *regular.Language { return compileAny([]string{`[^\x00-\x{10FFFF}]`}) }
