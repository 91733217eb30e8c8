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

func (c *compiler) takeOptions() {
	c.p.options = options{
		credentials: c.spec.Credentials, minimal: c.spec.Preflight.Minimal, preflightExpose: c.spec.Preflight.ExposeHeaders,
		blockDenied: c.spec.BlockDenied, webSockets: c.spec.EnforceWebSockets, privateNetwork: c.spec.PrivateNetworkAccess,
		timing: c.spec.TimingAllowOrigin, upstream: c.spec.UpstreamHeaders, dangers: c.spec.Dangerously,
	}
}

func (c *compiler) compileOrigins() {
	p, temporary := c.p, c.spec.TemporaryOrigins
	texts := slices.Clone(c.spec.Origins)
	for i := range temporary {
		texts = append(texts, temporary[i].Origin)
	}
	if len(texts) > maxOrigins {
		c.problems.add("origins", "", fault{code: CodeLimit, detail: fmt.Sprintf("%d origins are more than 10,000", len(texts))})
		return
	}
	p.texts, p.permanent = packEntries(texts), uint16(len(c.spec.Origins)) //nolint:gosec // at most maxOrigins
	if len(texts) > maxScanned {
		p.index = make(map[string]uint16, len(texts))
	}
	for i := range c.spec.Origins {
		pattern, ok := c.compileOrigin(at("origins", i), i)
		if ok && pattern.any && !p.credentials && !p.public {
			p.public, p.publicEntry = true, uint16(i)
		}
	}
	c.compileTimed()
}

func (c *compiler) compileTimed() {
	until, temporary := c.spec.Preflight.DebugUntil, c.spec.TemporaryOrigins
	if until.IsZero() && len(temporary) == 0 {
		return
	}
	c.p.timed = &timed{debugUntil: math.MinInt64, ends: make([]int64, len(temporary))}
	if !until.IsZero() {
		c.p.timed.debugUntil = until.Unix()
	}
	for i := range temporary {
		// Whole seconds, rounded down: an entry may end early, never late.
		c.p.timed.ends[i] = temporary[i].ExpiresAt.Unix()
		path := at("temporary_origins", i)
		c.compileOrigin(path+".origin", len(c.spec.Origins)+i)
		if temporary[i].ExpiresAt.IsZero() {
			c.problems.add(path+".expires_at", "", fault{code: CodeExpiryMissing, detail: "a temporary origin needs an end"})
		}
	}
}

// compileOrigin reads entry number i, which stands at path, and applies the refusals of rules 46 and 47.
func (c *compiler) compileOrigin(path string, i int) (pattern, bool) {
	text := c.p.texts.text(i)
	refuse := func(f fault) { c.problems.add(path, text, f) }
	pattern, ok := parsePattern(text)
	if !ok {
		refuse(diagnose(text))
		return pattern, false
	}
	c.p.add(i, text, &pattern)
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

// compileMethods reads the methods beyond those that need no listing (rules 37 to 41).
func (c *compiler) compileMethods() {
	if n := len(c.spec.Methods); n > maxMethods {
		c.problems.add("methods", "", fault{code: CodeLimit, detail: fmt.Sprintf("%d methods are more than 100", n)})
		return
	}
	listed := make([]string, 0, 16)
	for i, m := range c.spec.Methods {
		switch {
		case m == "*":
			c.p.anyMethod = true
		case len(m) > maxNameBytes || !isToken(m):
			c.problems.add(at("methods", i), m, fault{code: CodeMethodMalformed, detail: "a method is a token of at most 128 bytes"})
		case forbiddenMethod(m):
			c.problems.add(at("methods", i), m, fault{code: CodeMethodForbidden, detail: "scripts can never use this method", fix: "remove it"})
		default:
			if m = normalMethod(m); !slices.Contains(listed, m) {
				listed = append(listed, m)
			}
		}
	}
	c.p.methods = packNames(listed)
}

// compileRequestHeaders reads the names that scripts may send (rule 44). Names have
// no case (RFC 9110 §5.1); they are sent in lower case, as browsers do.
func (c *compiler) compileRequestHeaders() {
	c.p.headers, c.p.anyHeader = c.compileNames("request_headers", c.spec.RequestHeaders)
}

// compileExposeHeaders reads the names that scripts may read (rule 66).
func (c *compiler) compileExposeHeaders() {
	c.p.exposed, c.p.exposeStar = c.compileNames("expose_headers", c.spec.ExposeHeaders)
	for i, name := range c.spec.ExposeHeaders {
		switch folded := lowerASCII(name); {
		case forbiddenResponseName(folded):
			c.problems.add(at("expose_headers", i), name, fault{code: CodeExposeForbidden, detail: "scripts can never read this header", fix: "remove it"})
		case safelistedResponseName(folded):
			c.problems.add(at("expose_headers", i), name, fault{code: CodeExposeSafelisted, detail: "scripts can always read this header", fix: "remove it"})
		}
	}
}

// compileNames checks a list of header names and returns it in lower case, each name
// once and "*" apart.
func (c *compiler) compileNames(field string, list []string) (set nameSet, star bool) {
	if len(list) > maxNames {
		c.problems.add(field, "", fault{code: CodeLimit, detail: fmt.Sprintf("%d header names are more than 500", len(list))})
		return nameSet{}, false
	}
	names := make([]string, 0, 16)
	for i, name := range list {
		if name == "*" {
			star = true
			continue
		}
		if len(name) > maxNameBytes || !isToken(name) {
			c.problems.add(at(field, i), name, fault{code: CodeHeaderMalformed, detail: "a header name is a token of at most 128 bytes"})
			continue
		}
		if name = lowerASCII(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return packNames(names), star
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
