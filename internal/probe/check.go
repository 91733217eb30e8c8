package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// Names of the headers that answers are held against.
const (
	hOrigin      = "Access-Control-Allow-Origin"
	hCredentials = "Access-Control-Allow-Credentials"
	hMethods     = "Access-Control-Allow-Methods"
	hHeaders     = "Access-Control-Allow-Headers"
	hExpose      = "Access-Control-Expose-Headers"
	hMaxAge      = "Access-Control-Max-Age"
	hPrivate     = "Access-Control-Allow-Private-Network"
	hTiming      = "Timing-Allow-Origin"
	hVary        = "Vary"

	prefixCORS = "Access-Control-"
)

// check is one case on one path while it runs.
type check struct {
	Case
	samples

	client *client
	oracle *oracle
	errors []errorPath
	expose []string

	asked    []exchange
	findings []Finding
	skipped  string
	unasked  error
}

// exchange is a question and its answer.
type exchange struct {
	request request
	answer  *answer
}

// ask sends r; nil means that there is no answer, and that the case ends.
func (c *check) ask(ctx context.Context, r request) *answer {
	a, err := c.client.ask(ctx, r, c.Name)
	if err != nil {
		c.unasked = fmt.Errorf("%s: %w", r, err)
		return nil
	}
	c.asked = append(c.asked, exchange{r, a})
	return a
}

// String is the question in a few words.
func (r request) String() string {
	text := r.method + " " + r.path
	switch {
	case r.requestMethod != "":
		text += " (preflight of " + r.requestMethod
		if len(r.requestHeaders) > 0 {
			text += " with " + strings.Join(r.requestHeaders, ",")
		}
		text += ") from " + r.origin
	case r.origin != "":
		text += " from " + r.origin
	default:
		text += " without Origin"
	}
	if r.etag != "" {
		text += ", if not " + r.etag
	}
	return text
}

// skip says why the case does not apply. Only the first reason counts, and only before anything was found.
func (c *check) skip(format string, args ...any) { c.skipped = fmt.Sprintf(format, args...) }

// fail notes that the last answer is wrong.
func (c *check) fail(rule, want, got string) {
	last := c.asked[len(c.asked)-1]
	c.findings = append(c.findings, Finding{
		Rule: rule, Request: printable(last.request.String()), Want: printable(want), Got: printable(got),
		Curl: c.client.curl(last.request, c.Name),
	})
}

// failed says what came under a name.
func (c *check) failed(a *answer, rule, name, want string) {
	c.fail(rule, want, shown(a, name))
}

// same wants the first line of a header to be want, or no line where want is "".
func (c *check) same(a *answer, name, want, rule string) {
	switch got := a.value(name); {
	case got == want && (want != "" || len(a.lines(name)) == 0):
	case want == "":
		c.failed(a, rule, name, "no "+strings.ToLower(name))
	default:
		c.failed(a, rule, name, strings.ToLower(name)+": "+want)
	}
}

// bare wants no CORS header at all.
func (c *check) bare(a *answer, rule string) {
	for _, name := range corsNames(a.header) {
		c.failed(a, rule, name, "no "+strings.ToLower(name))
	}
}

// varies wants Vary to name each of names.
func (c *check) varies(a *answer, rule string, names ...string) {
	named := elements(a.lines(hVary))
	for _, name := range names {
		if !named.has(name) && !named.has("*") {
			c.failed(a, rule, hVary, "vary names "+name)
		}
	}
}

// covers wants a list to be that of the policy or, where that is not known exactly, to hold what was asked.
func (c *check) covers(a *answer, name, want string, asked []string, rule string) {
	got := elements(a.lines(name)[:min(1, len(a.lines(name)))])
	if c.oracle.exact {
		if expected := elements([]string{want}); !got.equal(expected) {
			c.failed(a, rule, name, orNone(strings.ToLower(name), want))
		}
		return
	}
	for _, one := range asked {
		if !got.has(one) && !got.covers(one, a.value(hCredentials) == "true") {
			c.failed(a, rule, name, strings.ToLower(name)+" with "+one)
		}
	}
}

// reply are the headers that the policy answers a preflight with.
func reply(d *policy.Decision) (int, map[string]string) {
	status, headers := d.AppendReply(nil)
	return status, byName(headers)
}

// grants are the headers that the policy puts on an actual answer.
func grants(d *policy.Decision) map[string]string { return byName(d.AppendGrants(nil)) }

func byName(headers []policy.Header) map[string]string {
	named := map[string]string{}
	for _, h := range headers {
		named[h.Name] = h.Value
	}
	return named
}

func in(headers map[string]string, name string) string { return headers[strings.ToLower(name)] }
