package policy

// Decide answers r by p. It never allocates and never fails.
func (p *Policy) Decide(r *Request) (d Decision) {
	// The result is named and filled in place: copying a struct right after its single
	// bytes were written costs more than the look-up.
	var c class
	c.read(r)
	d.Kind, d.OriginIndex, d.policy = c.kind, -1, p
	switch c.kind {
	case Preflight:
		p.decidePreflight(&d, r, &c)
	case Actual:
		p.decideActual(&d, r, &c)
	case SameOrigin:
		p.decideSameOrigin(&d, r, &c)
	case WebSocket:
		p.decideWebSocket(&d, r, &c)
	case NotCORS:
		d.Reason = NoOrigin
		p.withhold(&d)
	default:
		d.Reason = MethodExempt
	}
	return d
}

// decidePreflight checks origin, method and headers in the order of Fetch §
// CORS-preflight fetch and stops at the first failure (rule 53).
func (p *Policy) decidePreflight(d *Decision, r *Request, c *class) {
	d.Outcome, d.action = Denied, actRefuse
	if !p.matchOrigin(d, c.origin, r.Now) {
		return
	}
	d.private = p.privateNetwork && r.PrivateNetwork == "true"
	granted := d.Reason
	why, ok := p.checkMethod(c.method)
	if ok {
		d.method = c.method
		why, _, ok = p.checkHeaders(r.RequestHeaders)
	}
	if ok {
		d.Outcome, d.Reason, d.action = Allowed, granted, actAllow
		d.headers = r.RequestHeaders
		return
	}
	d.Reason = why
	if p.timed != nil && r.Now < p.timed.debugUntil {
		d.action = actDebug
		return
	}
	d.origin, d.method, d.private = "", "", false
}

// decideActual grants or hides the response (rules 62 and 63).
func (p *Policy) decideActual(d *Decision, r *Request, c *class) {
	if p.matchOrigin(d, c.origin, r.Now) {
		p.grant(d)
		return
	}
	d.Outcome, d.action = Denied, actStrip
	if p.blockDenied && !safeMethod(r.Method) {
		d.action = actBlock
	}
}

// safeMethod is RFC 9110 §9.2.1.
func safeMethod(method string) bool {
	return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE"
}

// decideSameOrigin never denies (rule 7). Without a trusted scheme the list decides
// what is granted, and the class only keeps a refusal out of the counts.
func (p *Policy) decideSameOrigin(d *Decision, r *Request, c *class) {
	if !c.same && p.matchOrigin(d, c.origin, r.Now) {
		p.grant(d)
		return
	}
	if c.same {
		d.Outcome = Allowed
	}
	d.Reason = OriginSame
	p.withhold(d)
}

// decideWebSocket enforces the list where the policy says so (rule 9). A handshake
// needs no CORS headers, so its response is never touched. With an unknown scheme the
// list decides even for the request's own host: a plain http page is not to be let in.
func (p *Policy) decideWebSocket(d *Decision, r *Request, c *class) {
	switch {
	case !p.webSockets:
		d.Reason = WebSocketIgnored
	case c.origin == "":
		d.Reason = NoOrigin
	case c.same:
		d.Outcome, d.Reason = Allowed, OriginSame
	case p.matchOrigin(d, c.origin, r.Now):
		d.Outcome, d.origin = Allowed, ""
	default:
		d.Outcome, d.action = Denied, actBlock
	}
}

// grant lets the matched origin read the response.
func (p *Policy) grant(d *Decision) {
	d.Outcome, d.action = Allowed, actGrant
	if p.public {
		d.action = actPublic
	}
}

// withhold grants nobody in particular: nothing, or, by a public policy, everybody (rule 45).
func (p *Policy) withhold(d *Decision) {
	d.action = actStrip
	if p.public {
		d.action, d.origin = actPublic, anyOrigin
	}
}

// matchOrigin asks the list for o and notes in d the reason, the entry, and the
// value that grants the origin.
//
// Exact entries come first, then wildcards, then temporary entries, so that the
// reason does not depend on the order in which an author wrote them (rule 36).
func (p *Policy) matchOrigin(d *Decision, o string, now int64) bool {
	if p.public {
		if _, ok := parseOrigin(o); !ok && o != nullOrigin {
			d.Reason = originFault(o)
			return false
		}
		d.Reason, d.OriginIndex, d.origin = OriginPublic, int(p.publicEntry), anyOrigin
		return true
	}
	if len(o) > maxOriginBytes {
		d.Reason = OriginMalformed
		return false
	}
	i := find(&p.originSet, o)
	// A value with a star is no origin, although an entry may be written so.
	if i >= 0 && i < int(p.permanent) && !starred(o) {
		d.Reason, d.OriginIndex, d.origin = OriginListed, i, o
		return true
	}
	parsed, ok := parseOrigin(o)
	if !ok {
		d.Reason = originFault(o)
		return false
	}
	if i >= 0 || p.shapes != 0 {
		i = p.match(i, o, &parsed, now)
	}
	if i < 0 {
		d.Reason = OriginNotListed
		return false
	}
	d.Reason, d.OriginIndex, d.origin = OriginPattern, i, o
	if i >= int(p.permanent) {
		d.Reason = OriginTemporary
	}
	return true
}
