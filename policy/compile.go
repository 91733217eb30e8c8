package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of one policy. They keep a document readable, a compiled policy small,
// and every header value well below what proxies and servers accept in one line.
const (
	maxOrigins    = 10_000
	maxMethods    = 100
	maxNames      = 500
	maxValueWidth = 8 << 10
	maxAgeLimit   = 24 * time.Hour
)

// Policy is a compiled [Spec]: immutable, safe for concurrent use. It is made by
// [Compile]; the zero Policy allows no origin.
type Policy struct {
	spec Spec

	public      bool // "*" without credentials (rule 45)
	publicEntry int
	origins     originSet
	temporary   originSet
	methods     map[string]bool
	anyMethod   bool
	headers     nameSet
	anyHeader   bool

	// Header values, ready to be sent; "" where there is nothing to send or where the
	// value depends on the request.
	allowMethods  string
	allowHeaders  string
	exposeHeaders string
	maxAge        string

	exposeAll  bool // "expose all" with credentials: the names come from the response
	debugUntil int64
}

// Compile checks spec and prepares it. The error is a [Problems] with every
// problem, in document order; there is no partial policy.
//
// Nothing is silently changed, except the case of the six methods that browsers
// change too (rule 37): an entry that no browser could ever match is refused, and
// the problem's Fix is what to write. Expired temporary origins are legal.
func Compile(spec Spec) (*Policy, error) {
	p := &Policy{spec: spec.clone()}
	var problems Problems
	p.compileOrigins(&problems)
	p.compileMethods(&problems)
	p.compileRequestHeaders(&problems)
	p.compileExposeHeaders(&problems)
	p.compileMaxAge(&problems)
	p.checkModes(&problems)
	p.checkValues(&problems)
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

// Spec returns a copy of what the policy was compiled from, methods normalised.
func (p *Policy) Spec() Spec { return p.spec.clone() }

// Dangerous lists the refusals of rules 46 and 47 that the policy's author lifted,
// as the tenant document names them in lower case.
func (p *Policy) Dangerous() []string { return p.spec.Dangerously.lifted() }

func (p *Policy) compileOrigins(problems *Problems) {
	count := len(p.spec.Origins) + len(p.spec.TemporaryOrigins)
	if count > maxOrigins {
		problems.add("origins", "", fault{code: CodeLimit, detail: fmt.Sprintf("%d origins are more than 10,000", count)})
		return
	}
	for i, text := range p.spec.Origins {
		pattern, ok := p.compileOrigin(at("origins", i), text, problems)
		if !ok {
			continue
		}
		if pattern.any && !p.spec.Credentials && !p.public {
			p.public, p.publicEntry = true, i
		}
		p.origins.add(text, &pattern, i)
	}
	p.temporary.expires = make([]int64, len(p.spec.TemporaryOrigins))
	for i, t := range p.spec.TemporaryOrigins {
		path := at("temporary_origins", i)
		pattern, ok := p.compileOrigin(path+".origin", t.Origin, problems)
		if t.ExpiresAt.IsZero() {
			problems.add(path+".expires_at", "", fault{code: CodeExpiryMissing, detail: "a temporary origin needs an end"})
		}
		// Whole seconds, rounded down: an entry may end early, never late.
		p.temporary.expires[i] = t.ExpiresAt.Unix()
		if ok {
			p.temporary.add(t.Origin, &pattern, i)
		}
	}
	p.debugUntil = math.MinInt64
	if until := p.spec.Preflight.DebugUntil; !until.IsZero() {
		p.debugUntil = until.Unix()
	}
}

// compileOrigin reads one entry and applies the refusals of rules 46 and 47.
func (p *Policy) compileOrigin(path, text string, problems *Problems) (pattern, bool) {
	pattern, ok := parsePattern(text)
	if !ok {
		problems.add(path, text, diagnose(text))
		return pattern, false
	}
	if !p.spec.Credentials {
		return pattern, true
	}
	danger := p.spec.Dangerously
	if pattern.unbounded() && !danger.AnyOriginWithCredentials {
		problems.add(path, text, fault{
			code:   CodeCredentialsAnyOrigin,
			detail: "any site could read what its visitors see here with their cookies",
			fix:    "list the origins, or turn credentials off",
		})
	}
	if pattern.insecure() && !danger.InsecureOriginsWithCredentials {
		problems.add(path, text, fault{
			code:   CodeCredentialsInsecure,
			detail: "whoever is on the network path can run scripts under a plain http origin",
			fix:    "write https" + strings.TrimPrefix(text, "http"),
		})
	}
	if pattern.publicSuffix() && !danger.PublicSuffixWildcards {
		problems.add(path, text, fault{
			code:   CodeCredentialsPublicSuffix,
			detail: "anybody can register a name below " + pattern.host,
			fix:    "list the names, or turn credentials off",
		})
	}
	return pattern, true
}

func (p *Policy) compileMethods(problems *Problems) {
	if n := len(p.spec.Methods); n > maxMethods {
		problems.add("methods", "", fault{code: CodeLimit, detail: fmt.Sprintf("%d methods are more than 100", n)})
		return
	}
	p.methods = make(map[string]bool, len(p.spec.Methods))
	var listed []string
	for i, m := range p.spec.Methods {
		path := at("methods", i)
		switch {
		case m == "*":
			p.anyMethod = true
			continue
		case len(m) > maxNameBytes || !isToken(m):
			problems.add(path, m, fault{code: CodeMethodMalformed, detail: "a method is a token of at most 128 bytes"})
			continue
		case forbiddenMethod(m):
			problems.add(path, m, fault{code: CodeMethodForbidden, detail: "scripts can never use this method", fix: "remove it"})
			continue
		}
		m = normalMethod(m)
		p.spec.Methods[i] = m
		if !p.methods[m] {
			p.methods[m] = true
			listed = append(listed, m)
		}
	}
	switch {
	case p.spec.Preflight.Minimal, p.anyMethod && p.spec.Credentials:
		// What was asked is echoed (rules 40 and 54).
	case p.anyMethod:
		p.allowMethods = "*"
	case len(listed) == 0:
		p.allowMethods = "GET, HEAD, POST" // what passes without being listed (rule 38)
	default:
		p.allowMethods = strings.Join(listed, listSeparator)
	}
}

func (p *Policy) compileMaxAge(problems *Problems) {
	if p.spec.MaxAge == nil {
		return
	}
	age := *p.spec.MaxAge
	if age < 0 || age > maxAgeLimit || age%time.Second != 0 {
		problems.add("max_age", age.String(), fault{code: CodeMaxAge, detail: "the lifetime is 0 to 86400 whole seconds"})
		return
	}
	p.maxAge = strconv.Itoa(int(age / time.Second))
}

func (p *Policy) checkModes(problems *Problems) {
	if p.spec.UpstreamHeaders > Passthru {
		problems.add("upstream_headers", strconv.Itoa(int(p.spec.UpstreamHeaders)), fault{code: CodeUpstreamMode, detail: "there is no such mode"})
	}
	if s := p.spec.Preflight.SuccessStatus; !slices.Contains([]int{0, 204, 200}, s) {
		problems.add("preflight.success_status", strconv.Itoa(s), fault{code: CodeStatus, detail: "the status of a granted preflight is 204 or 200"})
	}
	if s := p.spec.Preflight.DeniedStatus; !slices.Contains([]int{0, 403, 204, 200}, s) {
		problems.add("preflight.denied_status", strconv.Itoa(s), fault{code: CodeStatus, detail: "the status of a denied preflight is 403, 204 or 200"})
	}
}

// checkValues looks once more at every value that will be sent as it is.
func (p *Policy) checkValues(problems *Problems) {
	for _, v := range [...]struct{ path, value string }{
		{"methods", p.allowMethods},
		{"request_headers", p.allowHeaders},
		{"expose_headers", p.exposeHeaders},
		{"max_age", p.maxAge},
	} {
		switch {
		case len(v.value) > maxValueWidth:
			problems.add(v.path, "", fault{code: CodeValueTooLong, detail: fmt.Sprintf("the names make a header of %d bytes, more than 8192", len(v.value))})
		case v.value != "" && !isFieldValue(v.value):
			problems.add(v.path, v.value, fault{code: CodeUnsendable, detail: "the value cannot stand in a header"})
		}
	}
}
