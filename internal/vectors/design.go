package vectors

import (
	"maps"
	"slices"
	"strings"
)

// WantIn is what a client of design "a", "b" or "c" must see, or why the case is
// left out there. An override of the case wins; otherwise:
//
// A sees request and response of everything and does exactly what the policy says.
//
// B has preflights answered in the request phase and learns everything else from
// attributes of the response. The application has then been asked already, so a
// refusal replaces its response. The attributes do not tell an upgrade: such
// cases are left out.
//
// C asks only for requests with a non-empty Origin, in the request phase. Envoy
// itself removes each access-control-* header of every response, writes ours,
// and appends Origin to a Vary that has neither Origin nor "*". So whatever the
// application says about CORS is gone, also for tenants whose responses are
// otherwise untouched; requests without Origin get no CORS header; Vary is never
// without Origin; and no decision is made, to be looked at, without an Origin.
func (c *Case) WantIn(design string) (want Want, skip bool, why string) {
	if o, ok := c.In[design]; ok {
		if o.Skip {
			return Want{}, true, o.Why
		}
		return *o.Want, false, o.Why
	}
	switch design {
	case "b":
		return c.wantInB()
	case "c":
		return c.wantInC(), false, ""
	}
	return c.Want, false, ""
}

func (c *Case) wantInB() (want Want, skip bool, why string) {
	want = c.Want
	if want.Kind == "preflight" {
		return want, false, ""
	}
	if c.Request.webSocket() {
		return Want{}, true, "response attributes do not tell an upgrade"
	}
	want.Answered = false
	return want, false, ""
}

func (c *Case) wantInC() Want {
	want := c.Want
	want.Headers = map[string]string{}
	if want.Answered {
		maps.Copy(want.Headers, c.Want.Headers)
		want.Headers["vary"] = withOrigin(c.Want.Headers["vary"])
		return want
	}
	if timing := joined(c.App.Headers, "timing-allow-origin", ", "); timing != "" {
		want.Headers["timing-allow-origin"] = timing
	}
	want.Headers["vary"] = withOrigin(joined(c.App.Headers, "vary", ", "))
	if c.untouched || c.Request.Header("origin") == "" {
		return want
	}
	for name, value := range c.Want.Headers {
		if name != "vary" {
			want.Headers[name] = value
		}
	}
	return want
}

// withOrigin is Vary after Envoy's append.
func withOrigin(vary string) string {
	names := func(e string) bool { return e == "*" || strings.EqualFold(e, "origin") }
	switch {
	case vary == "":
		return "Origin"
	case slices.ContainsFunc(elements(vary), names):
		return vary
	}
	return vary + ", Origin"
}
