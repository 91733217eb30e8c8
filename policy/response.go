package policy

// Statuses of the gateway's own replies.
const (
	statusNoContent          = 204
	statusForbidden          = 403
	statusServiceUnavailable = 503
)

// Names of response headers, as they are written.
const (
	headerAllowOrigin      = "access-control-allow-origin"
	headerAllowCredentials = "access-control-allow-credentials"
	headerAllowMethods     = "access-control-allow-methods"
	headerAllowHeaders     = "access-control-allow-headers"
	headerExposeHeaders    = "access-control-expose-headers"
	headerMaxAge           = "access-control-max-age"
	headerAllowPrivate     = "access-control-allow-private-network"
	headerTiming           = "timing-allow-origin"
	headerVary             = "vary"
	headerCacheControl     = "cache-control"
)

// noStore is the Cache-Control of what nobody decided on (rule 76).
const noStore = "no-store"

// Response headers that some caches prefer to Cache-Control: of RFC 9213, of the Edge
// Architecture Specification, and of nginx.
const (
	headerCDNCacheControl  = "cdn-cache-control"
	headerSurrogateControl = "surrogate-control"
	headerXAccelExpires    = "x-accel-expires"
)

// Header is one header field; Name is lower-case.
type Header struct{ Name, Value string }

// AppendReply appends the headers of the gateway's own reply to dst and returns it with
// the status. Only for Answered decisions; for others the status is 0. The body of
// the reply is empty.
func (d *Decision) AppendReply(dst []Header) (int, []Header) {
	switch d.action {
	case actAllow:
		dst = d.appendPreflight(dst)
		return orStatus(d.policy.successStatus, statusNoContent), d.appendVary(dst)
	case actDebug:
		return statusNoContent, d.appendVary(d.appendPassed(dst))
	case actRefuse:
		status := statusForbidden
		if d.policy != nil {
			status = orStatus(d.policy.deniedStatus, status)
		}
		return status, d.appendVary(dst)
	case actBlock:
		return statusForbidden, append(dst, Header{headerVary, varyOrigin})
	case actFail:
		dst = append(dst, Header{headerCacheControl, noStore})
		if d.Kind != Preflight {
			return statusServiceUnavailable, append(dst, Header{headerVary, varyOrigin})
		}
		return statusServiceUnavailable, d.appendVary(dst)
	default:
		return 0, dst
	}
}

func orStatus(status uint16, otherwise int) int {
	if status == 0 {
		return otherwise
	}
	return int(status)
}

// appendVary appends the Vary of preflights (rule 60).
func (d *Decision) appendVary(dst []Header) []Header {
	value := varyPreflight
	if d.policy != nil && d.policy.privateNetwork {
		value = varyPreflightPrivate
	}
	return append(dst, Header{headerVary, value})
}

// appendPreflight appends what a granted preflight says (rule 54).
func (d *Decision) appendPreflight(dst []Header) []Header {
	p := d.policy
	dst = d.appendPassed(dst)
	if p.echoesHeaders() {
		if names := echoNames(d.headers); names != "" {
			dst = append(dst, Header{headerAllowHeaders, names})
		}
	} else if names := p.allowHeaders(); names != "" {
		dst = append(dst, Header{headerAllowHeaders, names})
	}
	if age := p.maxAgeValue(); age != "" {
		dst = append(dst, Header{headerMaxAge, age})
	}
	if names := p.exposeHeaders(); p.preflightExpose && names != "" {
		dst = append(dst, Header{headerExposeHeaders, names})
	}
	return dst
}

// appendPassed appends the part of a preflight's answer that does not depend on
// the requested headers, as far as the checks went: d.method is empty when the
// method was the one to fail (rule 56).
func (d *Decision) appendPassed(dst []Header) []Header {
	p := d.policy
	dst = append(dst, Header{headerAllowOrigin, d.origin})
	if p.credentials {
		dst = append(dst, Header{headerAllowCredentials, "true"})
	}
	switch {
	case d.method == "":
	case p.echoesMethod():
		dst = append(dst, Header{headerAllowMethods, d.method})
	default:
		dst = append(dst, Header{headerAllowMethods, p.allowMethods()})
	}
	if d.private {
		dst = append(dst, Header{headerAllowPrivate, "true"})
	}
	return dst
}

// Upstream is what the application's response says about CORS. Field values of
// several lines are joined by a comma; Names lists all header names of the
// response (lower-case) and is only read for "expose all".
type Upstream struct {
	AllowOrigin, AllowCredentials, ExposeHeaders, Vary string
	HasCORS                                            bool // any access-control-* header is present
	// Others are the names (lower-case) of access-control-* headers that this package has no name for. They go as the
	// others do: what they grant, or will grant in a browser to come, the policy does not.
	Others []string
	Names  []string
}

// Edits are the changes to a response: removals first, then sets (each replaces).
type Edits struct {
	Remove []string
	Set    []Header
	// Conflict: the application sent CORS headers that differ from ours (rule 72).
	Conflict bool
}

// AppendEdits writes the edits of an actual response into e (reusing its slices). For
// an Answered decision, which has no actual response, it removes and adds Vary
// as for a denied request. A nil up is a response without CORS headers and Vary.
func (d *Decision) AppendEdits(e *Edits, up *Upstream) {
	e.Remove, e.Set, e.Conflict = e.Remove[:0], e.Set[:0], false
	if up == nil {
		up = &Upstream{}
	}
	if d.action == actNone {
		return
	}
	if d.action == actVary {
		e.setVary(up)
		return
	}
	g := d.grants(up)
	e.Conflict = g.differs(up)
	mode := d.UpstreamMode()
	if mode == Passthru {
		e.setVary(up)
		return
	}
	if mode == Fill && g.origin != "" && g.origin == up.AllowOrigin {
		g.keep(up)
	}
	e.write(&g, up)
	if d.action != actPublic {
		e.setVary(up)
	}
	if d.Outcome == Error {
		e.keepOut()
	}
}

// UpstreamMode is what becomes of the application's own CORS headers under d (rule 72).
func (d *Decision) UpstreamMode() UpstreamMode {
	if d.policy == nil {
		return Override
	}
	return d.policy.upstream
}

// grants is what a response says to scripts. Empty fields are not sent.
type grants struct {
	origin, credentials, expose, timing string
	// manageTiming: Timing-Allow-Origin is ours to set and to remove (rule 71).
	manageTiming bool
	// The application's own header stands as it is (mode fill).
	keepOrigin, keepCredentials, keepExpose bool
}

// grants collects what d says on an actual response (rules 45, 49, 62, 66, 71).
func (d *Decision) grants(up *Upstream) grants {
	p := d.policy
	if p == nil {
		return grants{}
	}
	g := grants{manageTiming: p.timing}
	if d.action != actGrant && d.action != actPublic {
		return g
	}
	g.origin, g.expose = d.origin, p.exposeHeaders()
	if p.credentials {
		g.credentials = "true"
	}
	if p.exposesAll() && up.Names != nil {
		g.expose = exposeNames(up.Names)
	}
	if g.manageTiming {
		g.timing = d.origin
	}
	return g
}

// AppendGrants appends the headers that d sets on an actual response when nobody else
// speaks for the application, whatever becomes of the application's own (rules 45, 49,
// 62, 66, 71). It is what a proxy needs that removes the application's CORS headers
// itself and writes ours without showing us the response. Vary is not among them.
// It appends nothing for denied, answered and passed-through decisions.
func (d *Decision) AppendGrants(dst []Header) []Header {
	if d.action != actGrant && d.action != actPublic {
		return dst
	}
	g := d.grants(&Upstream{})
	for _, h := range [...]Header{
		{headerAllowOrigin, g.origin},
		{headerAllowCredentials, g.credentials},
		{headerExposeHeaders, g.expose},
		{headerTiming, g.timing},
	} {
		if h.Value != "" {
			dst = append(dst, h)
		}
	}
	return dst
}

// differs reports whether the application said anything else to scripts (rule 72).
func (g *grants) differs(up *Upstream) bool {
	if !up.HasCORS {
		return false
	}
	if g.origin == "" {
		return true
	}
	return up.AllowOrigin != g.origin || up.AllowCredentials != g.credentials || !sameList(up.ExposeHeaders, g.expose)
}

// keep leaves to the application what it may say under g: its Access-Control-Allow-Origin,
// which is the same, true credentials if we grant them, and its own exposed headers.
func (g *grants) keep(up *Upstream) {
	g.keepOrigin = true
	g.keepCredentials = g.credentials != "" && up.AllowCredentials == g.credentials
	g.keepExpose = up.ExposeHeaders != ""
}

// write turns g into removals and sets. A header that is set is not removed, for
// setting replaces every line of it.
func (e *Edits) write(g *grants, up *Upstream) {
	e.put(headerAllowOrigin, g.origin, g.keepOrigin, up.HasCORS)
	e.put(headerAllowCredentials, g.credentials, g.keepCredentials, up.HasCORS)
	e.put(headerExposeHeaders, g.expose, g.keepExpose, up.HasCORS)
	e.put(headerTiming, g.timing, false, g.manageTiming)
	if up.HasCORS {
		// They belong on preflights only (rule 62).
		e.Remove = append(e.Remove, headerAllowMethods, headerAllowHeaders, headerMaxAge, headerAllowPrivate)
		e.Remove = append(e.Remove, up.Others...)
	}
}

// keepOut keeps the response out of caches.
func (e *Edits) keepOut() {
	e.Set = append(e.Set, Header{headerCacheControl, noStore})
	e.Remove = append(e.Remove, headerCDNCacheControl, headerSurrogateControl, headerXAccelExpires)
}

// put sets name to value, or removes it if it may be there and is not kept.
func (e *Edits) put(name, value string, kept, present bool) {
	switch {
	case kept:
	case value != "":
		e.Set = append(e.Set, Header{name, value})
	case present:
		e.Remove = append(e.Remove, name)
	}
}

// setVary makes Vary name Origin (rules 64 and 65).
func (e *Edits) setVary(up *Upstream) {
	if value, changed := mergeVary(up.Vary); changed {
		e.Set = append(e.Set, Header{headerVary, value})
	}
}
