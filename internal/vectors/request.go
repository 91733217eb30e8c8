package vectors

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
)

// PolicyRequest is the request as policy sees it behind Envoy: the lines of one
// header trimmed and joined by a comma.
func (c *Case) PolicyRequest() (policy.Request, error) {
	r := policy.Request{
		Method:         c.Request.Method,
		Scheme:         c.Request.Scheme,
		Authority:      c.Request.Authority,
		Origin:         c.Request.Header("origin"),
		RequestMethod:  c.Request.Header("access-control-request-method"),
		RequestHeaders: c.Request.Header("access-control-request-headers"),
		PrivateNetwork: c.Request.Header("access-control-request-private-network"),
		WebSocket:      c.Request.webSocket(),
		Now:            time.Now().Unix(),
	}
	if c.Request.Now != "" {
		now, err := time.Parse(time.RFC3339, c.Request.Now)
		if err != nil {
			return policy.Request{}, fmt.Errorf("reading now: %w", err)
		}
		r.Now = now.Unix()
	}
	return r, nil
}

// Header returns the value of the header with the lower-case name: its lines
// without outer blanks, joined by a comma as Envoy does, or "".
func (r *Request) Header(name string) string {
	return joined(r.Headers, name, ",")
}

func (r *Request) webSocket() bool {
	if r.Method == http.MethodConnect {
		return r.Header(":protocol") != ""
	}
	return slices.ContainsFunc(elements(r.Header("upgrade")), func(protocol string) bool {
		return strings.EqualFold(protocol, "websocket")
	})
}

// Upstream is what policy is told of the application's response.
func (a *App) Upstream() policy.Upstream {
	up := policy.Upstream{
		AllowOrigin:      joined(a.Headers, "access-control-allow-origin", ","),
		AllowCredentials: joined(a.Headers, "access-control-allow-credentials", ","),
		ExposeHeaders:    joined(a.Headers, "access-control-expose-headers", ","),
		Vary:             joined(a.Headers, "vary", ","),
	}
	for _, h := range a.Headers {
		name := strings.ToLower(h[0])
		up.Names = append(up.Names, name)
		if strings.HasPrefix(name, wire.HeaderCORSPrefix) {
			up.HasCORS = true
			if !wire.KnownCORS([]byte(name)) {
				up.Others = append(up.Others, name)
			}
		}
	}
	return up
}

func joined(headers [][2]string, name, separator string) string {
	var lines []string
	for _, h := range headers {
		if strings.EqualFold(h[0], name) {
			lines = append(lines, strings.Trim(h[1], " \t"))
		}
	}
	return strings.Join(lines, separator)
}
