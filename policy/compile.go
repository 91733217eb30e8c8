package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"
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
//
// There is one for each tenant in memory, and most list a few origins of their own and
// the same methods and headers as everybody: the former lie in one piece of memory, the
// latter are shared, and what few policies need is behind a pointer.
type Policy struct {
	origins entryList  // permanent entries, then temporary ones
	wide    *originSet // of the permanent entries, when there are too many to ask one by one
	timed   *timed     // nil when nothing depends on time

	methods nameSet
	headers nameSet // lower-case
	exposed nameSet // lower-case
	maxAge  unique.Handle[string]

	// identity is one address for each policy. A [Key] holds on to it, and not to the whole policy.
	identity *byte

	permanent   uint16 // how many of the origins are
	publicEntry uint16
	patterns    uint16 // which of a few permanent entries are not exact
	options
}

// options are the switches of a policy.
type options struct {
	successStatus, deniedStatus uint16 // 0 for the default

	public          bool // "*" without credentials (rule 45)
	credentials     bool
	anyMethod       bool
	anyHeader       bool
	exposeStar      bool
	minimal         bool
	preflightExpose bool
	blockDenied     bool
	webSockets      bool
	privateNetwork  bool
	timing          bool
	upstream        UpstreamMode
	dangers         Dangers
}

// timed is what ends by itself.
type timed struct {
	origins    originSet
	debugUntil int64
}

// compiler collects what is wrong with spec while it fills p.
type compiler struct {
	p        *Policy
	spec     *Spec
	problems Problems
}

// Compile checks spec and prepares it. The error is a [Problems] with every
// problem, in document order; there is no partial policy. The policy shares no memory with spec.
//
// Nothing is silently changed, except the case of the six methods that browsers
// change too (rule 37): an entry that no browser could ever match is refused, and
// the problem's Fix is what to write. Expired temporary origins are legal.
func Compile(spec Spec) (*Policy, error) {
	c := compiler{p: &Policy{identity: new(byte)}, spec: &spec}
	c.takeOptions()
	c.compileOrigins()
	c.compileMethods()
	c.compileRequestHeaders()
	c.compileExposeHeaders()
	c.compileMaxAge()
	c.checkModes()
	c.checkValues()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.p, nil
}

// Origins is the number of entries, permanent and temporary.
func (p *Policy) Origins() int { return p.origins.len() }

// Dangerous lists the refusals of rules 46 and 47 that the policy's author lifted,
// as the tenant document names them in lower case.
func (p *Policy) Dangerous() []string { return p.dangers.lifted() }

// Dangers are those refusals.
func (p *Policy) Dangers() Dangers { return p.dangers }

// Public reports whether p allows every origin, without credentials (rule 45).
func (p *Policy) Public() bool { return p.public }

func (c *compiler) takeOptions() {
	c.p.options = options{
		credentials: c.spec.Credentials, minimal: c.spec.Preflight.Minimal, preflightExpose: c.spec.Preflight.ExposeHeaders,
		blockDenied: c.spec.BlockDenied, webSockets: c.spec.EnforceWebSockets, privateNetwork: c.spec.PrivateNetworkAccess,
		timing: c.spec.TimingAllowOrigin, upstream: c.spec.UpstreamHeaders, dangers: c.spec.Dangerously,
	}
}

func (c *compiler) compileOrigins() {
	p := c.p
	count := len(c.spec.Origins) + len(c.spec.TemporaryOrigins)
	if count > maxOrigins {
		c.problems.add("origins", "", fault{code: CodeLimit, detail: fmt.Sprintf("%d origins are more than 10,000", count)})
		return
	}
	p.origins = packEntries(c.spec.Origins, c.spec.TemporaryOrigins)
	p.permanent = uint16(len(c.spec.Origins)) //nolint:gosec // at most maxOrigins
	if len(c.spec.Origins) > maxScanned {
		p.wide = &originSet{}
	}
	for i := range c.spec.Origins {
		text := p.origins.text(i)
		pattern, ok := c.compileOrigin("origins", "", i, text)
		switch {
		case !ok:
			continue
		case p.wide != nil:
			p.wide.add(text, &pattern, i)
		case !pattern.exact():
			p.patterns |= 1 << i
		}
		if pattern.any && !p.credentials && !p.public {
			p.public, p.publicEntry = true, uint16(i)
		}
	}
	c.compileTimed()
}

func (c *compiler) compileTimed() {
	until := c.spec.Preflight.DebugUntil
	if until.IsZero() && len(c.spec.TemporaryOrigins) == 0 {
		return
	}
	t := &timed{debugUntil: math.MinInt64}
	if !until.IsZero() {
		t.debugUntil = until.Unix()
	}
	t.origins.expires = make([]int64, len(c.spec.TemporaryOrigins))
	for i := range c.spec.TemporaryOrigins {
		text, expires := c.p.origins.text(len(c.spec.Origins)+i), c.spec.TemporaryOrigins[i].ExpiresAt
		pattern, ok := c.compileOrigin("temporary_origins", ".origin", i, text)
		if expires.IsZero() {
			c.problems.add(at("temporary_origins", i)+".expires_at", "", fault{code: CodeExpiryMissing, detail: "a temporary origin needs an end"})
		}
		// Whole seconds, rounded down: an entry may end early, never late.
		t.origins.expires[i] = expires.Unix()
		if ok {
			t.origins.add(text, &pattern, i)
		}
	}
	c.p.timed = t
}

// compileOrigin reads entry number i of a field and applies the refusals of rules 46 and 47.
func (c *compiler) compileOrigin(field, below string, i int, text string) (pattern, bool) {
	refuse := func(f fault) { c.problems.add(at(field, i)+below, text, f) }
	pattern, ok := parsePattern(text)
	if !ok {
		refuse(diagnose(text))
		return pattern, false
	}
	if !c.spec.Credentials {
		return pattern, true
	}
	danger := c.spec.Dangerously
	if pattern.unbounded() && !danger.AnyOriginWithCredentials {
		refuse(fault{
			code:   CodeCredentialsAnyOrigin,
			detail: "any site could read what its visitors see here with their cookies",
			fix:    "list the origins, or turn credentials off",
		})
	}
	if pattern.insecure() && !danger.InsecureOriginsWithCredentials {
		refuse(fault{
			code:   CodeCredentialsInsecure,
			detail: "whoever is on the network path can run scripts under a plain http origin",
			fix:    "write https" + strings.TrimPrefix(text, "http"),
		})
	}
	if pattern.publicSuffix() && !danger.PublicSuffixWildcards {
		refuse(fault{
			code:   CodeCredentialsPublicSuffix,
			detail: "anybody can register a name below " + pattern.host,
			fix:    "list the names, or turn credentials off",
		})
	}
	return pattern, true
}

func (c *compiler) compileMaxAge() {
	if c.spec.MaxAge == nil {
		return
	}
	age := *c.spec.MaxAge
	if age < 0 || age > maxAgeLimit || age%time.Second != 0 {
		c.problems.add("max_age", age.String(), fault{code: CodeMaxAge, detail: "the lifetime is 0 to 86400 whole seconds"})
		return
	}
	c.p.maxAge = unique.Make(strconv.Itoa(int(age / time.Second)))
}

func (c *compiler) checkModes() {
	if mode := c.spec.UpstreamHeaders; mode > Passthru {
		c.problems.add("upstream_headers", strconv.Itoa(int(mode)), fault{code: CodeUpstreamMode, detail: "there is no such mode"})
	}
	if s := c.spec.Preflight.SuccessStatus; slices.Contains([]int{0, 204, 200}, s) {
		c.p.successStatus = uint16(s) //nolint:gosec // one of three
	} else {
		c.problems.add("preflight.success_status", strconv.Itoa(s), fault{code: CodeStatus, detail: "the status of a granted preflight is 204 or 200"})
	}
	if s := c.spec.Preflight.DeniedStatus; slices.Contains([]int{0, 403, 204, 200}, s) {
		c.p.deniedStatus = uint16(s) //nolint:gosec // one of four
	} else {
		c.problems.add("preflight.denied_status", strconv.Itoa(s), fault{code: CodeStatus, detail: "the status of a denied preflight is 403, 204 or 200"})
	}
}

// checkValues looks once more at every value that will be sent as it is.
func (c *compiler) checkValues() {
	for _, v := range [...]struct{ path, value string }{
		{"methods", c.p.allowMethods()},
		{"request_headers", c.p.allowHeaders()},
		{"expose_headers", c.p.exposeHeaders()},
		{"max_age", c.p.maxAgeValue()},
	} {
		switch {
		case len(v.value) > maxValueWidth:
			c.problems.add(v.path, "", fault{code: CodeValueTooLong, detail: fmt.Sprintf("the names make a header of %d bytes, more than 8192", len(v.value))})
		case v.value != "" && !isFieldValue(v.value):
			c.problems.add(v.path, v.value, fault{code: CodeUnsendable, detail: "the value cannot stand in a header"})
		}
	}
}
