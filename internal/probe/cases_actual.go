package probe

import (
	"context"
	"strconv"
	"strings"
)

func askActualAllowed(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	for _, origin := range c.allowed {
		a := c.ask(ctx, request{method: "GET", path: c.path, origin: origin})
		if a == nil {
			return
		}
		c.readable(a, c.path, origin)
		if c.oracle.exact {
			for _, name := range []string{hMethods, hHeaders, hMaxAge, hPrivate} {
				c.same(a, name, "", "rule 62")
			}
		}
	}
}

// readable wants the headers by which a page of origin may read an answer, as far as the policy grants it.
func (c *check) readable(a *answer, path, origin string) {
	d := c.oracle.get(path, origin)
	want := grants(&d)
	c.same(a, hOrigin, in(want, hOrigin), "rule 48")
	c.same(a, hCredentials, in(want, hCredentials), "rule 49")
	if in(want, hOrigin) != "*" {
		c.varies(a, "rule 64", "Origin")
	}
	if c.oracle.exact && in(want, hTiming) != "" {
		c.same(a, hTiming, in(want, hTiming), "rule 71")
	}
}

func askActualDenied(ctx context.Context, c *check) {
	if len(c.denied) == 0 {
		c.skip("the policy denies no origin")
		return
	}
	for _, origin := range c.denied {
		a := c.ask(ctx, request{method: "GET", path: c.path, origin: origin})
		if a == nil {
			return
		}
		c.bare(a, "rule 63")
		c.varies(a, "rule 64", "Origin")
	}
}

func askNoOrigin(ctx context.Context, c *check) {
	a := c.ask(ctx, request{method: "GET", path: c.path})
	if a == nil {
		return
	}
	if c.public {
		// Design C leaves the star out where nobody asks; a cache may give either to everybody.
		if got := a.value(hOrigin); got != "" && got != "*" {
			c.failed(a, "rule 45", hOrigin, "the star, or nothing")
		}
		return
	}
	c.varies(a, "rule 64", "Origin")
	c.same(a, hOrigin, "", "rule 64")
}

func askErrorAnswers(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	origin := c.allowed[0]
	for _, p := range append([]errorPath{{path: c.missing}}, c.errors...) {
		a := c.ask(ctx, request{method: "GET", path: p.path, origin: origin})
		if a == nil {
			return
		}
		if p.status != 0 && a.status != p.status {
			c.fail("the caller", "status "+strconv.Itoa(p.status), "status "+strconv.Itoa(a.status))
		}
		c.readable(a, p.path, origin)
	}
}

func askNullOrigin(ctx context.Context, c *check) {
	for _, r := range []request{c.preflightOf("null"), {method: "GET", path: c.path, origin: "null"}} {
		a := c.ask(ctx, r)
		switch {
		case a == nil:
			return
		case c.public:
			c.same(a, hOrigin, "*", "rule 45")
		default:
			c.bare(a, "rule 20")
		}
	}
}

func askLookalikes(ctx context.Context, c *check) {
	if c.public || len(c.lookalikes) == 0 {
		c.skip("the policy denies no origin that looks like an allowed one")
		return
	}
	for _, origin := range c.lookalikes {
		for _, r := range []request{c.preflightOf(origin), {method: "GET", path: c.path, origin: origin}} {
			a := c.ask(ctx, r)
			if a == nil {
				return
			}
			c.bare(a, "rule 30")
		}
	}
}

func askExposed(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	d := c.oracle.get(c.path, c.allowed[0])
	want := in(grants(&d), hExpose)
	if len(c.expose) == 0 && (!c.oracle.exact || c.oracle.spec.Credentials && strings.Contains(strings.Join(c.oracle.spec.ExposeHeaders, ","), "*")) {
		c.skip("no response header is expected to be exposed")
		return
	}
	a := c.ask(ctx, request{method: "GET", path: c.path, origin: c.allowed[0]})
	if a == nil {
		return
	}
	if c.oracle.exact {
		c.covers(a, hExpose, want, nil, "rule 66")
	}
	listed := elements(a.lines(hExpose))
	for _, name := range c.expose {
		if !listed.has(name) && (!listed.has("*") || c.oracle.spec.Credentials) {
			c.failed(a, "rule 66", hExpose, strings.ToLower(hExpose)+" with "+name)
		}
		if len(a.lines(name)) == 0 {
			c.failed(a, "the caller", name, "a header "+name)
		}
	}
}

func askDuplicates(ctx context.Context, c *check) {
	list := []request{{method: "GET", path: c.path}}
	if len(c.allowed) > 0 {
		list = append(list, c.preflightOf(c.allowed[0]), request{method: "GET", path: c.path, origin: c.allowed[0]})
	}
	for _, r := range list {
		a := c.ask(ctx, r)
		if a == nil {
			return
		}
		for _, name := range corsNames(a.header) {
			if len(a.lines(name)) > 1 {
				c.failed(a, "rule 48", name, "one line of "+strings.ToLower(name))
			}
		}
		for name, n := range elements(a.lines(hVary)) {
			if n > 1 {
				c.failed(a, "rule 65", hVary, "vary names "+name+" once")
			}
		}
	}
}

func askPublic(ctx context.Context, c *check) {
	if !c.public {
		c.skip("the policy is not public")
		return
	}
	for _, origin := range c.strangers {
		for _, r := range []request{c.preflightOf(origin), {method: "GET", path: c.path, origin: origin}} {
			a := c.ask(ctx, r)
			if a == nil {
				return
			}
			c.same(a, hOrigin, "*", "rule 45")
			c.same(a, hCredentials, "", "rule 49")
		}
	}
}

func askNotModified(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	r := request{method: "GET", path: c.path, origin: c.allowed[0]}
	first := c.ask(ctx, r)
	if first == nil {
		return
	}
	if r.etag = first.value("ETag"); first.status != 200 || !etag(r.etag) {
		c.skip("the answer has no ETag")
		return
	}
	a := c.ask(ctx, r)
	switch {
	case a == nil:
	case a.status != 304:
		c.skip("the server answers %d to an ETag of its own", a.status)
	default:
		c.readable(a, r.path, r.origin)
	}
}

// etag reports whether value can be sent back.
func etag(value string) bool {
	return value != "" && len(value) < 1024 && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' })
}
