package policy

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
