package policy

import "strings"

// Explanation is what explain prints.
type Explanation struct {
	Decision Decision
	Rule     string     // "rule 30"
	Text     string     // what the reason means, in one sentence
	Subject  string     // what the reason is about: the origin, the method or the header name
	Entry    string     // the entry that matched, as written
	Near     []NearMiss // for denials
}

// Explain decides r as Decide does, with the same steps, and says why. Unlike
// Decide it walks the whole list of origins and allocates.
func (p *Policy) Explain(r *Request) Explanation {
	d := p.Decide(r)
	x := Explanation{Decision: d, Rule: d.Reason.Rule(), Text: d.Reason.Text(), Entry: p.Entry(d.Entry)}
	var c class
	c.read(r)
	switch d.Reason {
	case MethodMalformed, MethodForbidden, MethodNotListed:
		x.Subject = c.method
		x.Near = p.nearMethods(c.method)
	case HeadersMalformed, HeadersOversize, HeadersNotListed:
		_, x.Subject, _ = p.checkHeaders(r.RequestHeaders)
	case OriginNull, OriginNotListed, OriginMalformed, OriginMultiple:
		x.Subject = c.origin
		x.Near = p.nearOrigins(c.origin, r.Now)
	default:
		x.Subject = c.origin
	}
	if c.kind == SameOrigin && !c.same && d.Outcome == Passthrough {
		x.Near = p.nearOrigins(c.origin, r.Now)
	}
	return x
}

// Entry returns the entry of a [Decision.Entry] as written, or "".
func (p *Policy) Entry(i int) string {
	if i < 0 || i >= p.origins.len() {
		return ""
	}
	return p.origins.text(i)
}

// nearMethods finds listed methods that differ by case only (rule 37).
func (p *Policy) nearMethods(method string) []NearMiss {
	names := []string{"GET", "HEAD", "POST"}
	listed := p.methods.open()
	for i := range listed.count {
		names = append(names, listed.name(i))
	}
	for _, m := range names {
		if m != method && equalFold(m, method) {
			return []NearMiss{{Kind: nearCase, Entry: m, Hint: "methods have case: the script has to ask for " + strings.ToValidUTF8(m, "")}}
		}
	}
	return nil
}
