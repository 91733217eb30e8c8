package probe

import (
	"context"
	"strconv"
)

// preflightOf is the preflight of an allowed request.
func (c *check) preflightOf(origin string) request {
	return request{method: "OPTIONS", path: c.path, origin: origin, requestMethod: c.method, requestHeaders: c.headers}
}

// nobodyAllowed skips a case that needs an origin which may read.
func (c *check) nobodyAllowed() bool {
	if len(c.allowed) == 0 {
		c.skip("the policy allows no origin that can be asked for")
	}
	return len(c.allowed) == 0
}

func askPreflightAllowed(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	for _, origin := range c.allowed {
		r := c.preflightOf(origin)
		a := c.ask(ctx, r)
		if a == nil {
			return
		}
		c.granted(a, r)
	}
}

// granted holds the answer to an allowed preflight against the policy's.
func (c *check) granted(a *answer, r request) {
	d := c.oracle.decision(r)
	status, want := reply(&d)
	c.status(a, status)
	origin := in(want, hOrigin)
	c.same(a, hOrigin, origin, "rule 48")
	c.same(a, hCredentials, in(want, hCredentials), "rule 49")
	c.covers(a, hMethods, in(want, hMethods), []string{r.requestMethod}, "rule 54")
	c.covers(a, hHeaders, in(want, hHeaders), r.requestHeaders, "rule 44")
	c.same(a, hPrivate, "", "rule 61")
	switch {
	case c.oracle.exact:
		c.varies(a, "rule 60", "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
	case origin != "*":
		c.varies(a, "rule 60", "Origin")
	}
}

// status wants that of the policy; browsers are content with any of success.
func (c *check) status(a *answer, want int) {
	if c.oracle.exact && a.status != want {
		c.fail("rule 52", "status "+strconv.Itoa(want), "status "+strconv.Itoa(a.status))
	}
	if !c.oracle.exact && (a.status < 200 || a.status > 299) {
		c.fail("rule 52", "a status of success", "status "+strconv.Itoa(a.status))
	}
}

func askPreflightOrigin(ctx context.Context, c *check) {
	if len(c.denied) == 0 {
		c.skip("the policy denies no origin")
		return
	}
	for _, origin := range c.denied {
		r := c.preflightOf(origin)
		a := c.ask(ctx, r)
		if a == nil {
			return
		}
		c.refused(a, r)
	}
}

// refused holds the answer to a denied preflight of a denied origin against the policy's.
func (c *check) refused(a *answer, r request) {
	c.bare(a, "rule 55")
	d := c.oracle.decision(r)
	if status, _ := reply(&d); c.oracle.exact && status != a.status && status != 0 {
		c.fail("rule 55", "status "+strconv.Itoa(status), "status "+strconv.Itoa(a.status))
	}
}

func askPreflightMethod(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	if c.deniedMethod == "" {
		c.skip("the policy refuses no method")
		return
	}
	r := request{method: "OPTIONS", path: c.path, origin: c.allowed[0], requestMethod: c.deniedMethod}
	if a := c.ask(ctx, r); a != nil {
		c.withheld(a, r, hMethods, c.deniedMethod)
	}
}

func askPreflightHeader(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	if c.deniedHeader == "" {
		c.skip("the policy refuses no request header")
		return
	}
	r := request{method: "OPTIONS", path: c.path, origin: c.allowed[0], requestMethod: c.method, requestHeaders: []string{c.deniedHeader}}
	if a := c.ask(ctx, r); a != nil {
		c.withheld(a, r, hHeaders, c.deniedHeader)
	}
}

// withheld wants a preflight to fail for what it asks in the list called name.
func (c *check) withheld(a *answer, r request, name, asked string) {
	if !c.oracle.exact {
		listed := elements(a.lines(name))
		if a.status < 300 && a.value(hOrigin) != "" && (listed.has(asked) || listed.covers(asked, a.value(hCredentials) == "true")) {
			c.failed(a, "rule 53", name, "no grant of "+asked)
		}
		return
	}
	d := c.oracle.decision(r)
	status, want := reply(&d) // grants something inside a debug window (rule 56)
	if a.status != status {
		c.fail("rule 55", "status "+strconv.Itoa(status), "status "+strconv.Itoa(a.status))
	}
	for _, name := range corsNames(a.header) {
		if in(want, name) == "" {
			c.failed(a, "rule 55", name, "none")
		}
	}
}

func askMaxAge(ctx context.Context, c *check) {
	if c.nobodyAllowed() {
		return
	}
	if !c.oracle.ages {
		c.skip("no lifetime is expected")
		return
	}
	r := c.preflightOf(c.allowed[0])
	a := c.ask(ctx, r)
	if a == nil {
		return
	}
	d := c.oracle.decision(r)
	_, want := reply(&d)
	c.same(a, hMaxAge, in(want, hMaxAge), "rule 57")
}
