package envoy

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const unixScheme = "unix:"

// maxUnixPath is the longest path of a Unix socket, by sun_path of unix(7) less its final zero.
const maxUnixPath = 107

var (
	tenantID = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)
	hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)
	domain   = regexp.MustCompile(`^(\*|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)$`)
)

// OptionError is one option that cannot be rendered.
type OptionError struct {
	// Option is the field's path: "Routes[2].Tenant".
	Option string
	// Value is what was given.
	Value string
	// Detail says what is wrong with it.
	Detail string
}

// Error names the option, quotes its value and says what is wrong.
func (e *OptionError) Error() string {
	return fmt.Sprintf("option %s: %q %s", e.Option, e.Value, e.Detail)
}

// checker collects every problem of the options.
type checker struct{ errs []error }

func (c *checker) add(option, value, detail string) {
	c.errs = append(c.errs, &OptionError{Option: option, Value: value, Detail: detail})
}

// check returns all problems of o at once, each an [*OptionError], or nil.
func (o *Options) check() error {
	var c checker
	c.attachment(o.attachment())
	c.address("Listen", o.Listen, 0)
	if o.Admin != "" {
		c.address("Admin", o.Admin, 0)
	}
	c.processors(o.Processors)
	c.tls(o.ProcessorTLS)
	c.address("Upstream", o.Upstream, 1)
	c.path("AccessLog", o.AccessLog)
	c.routes(o)
	c.tracing(o.Tracing)
	if o.RUM != nil && o.RUM.Collector != "" {
		c.address("RUM.Collector", o.RUM.Collector, 1)
	}
	return errors.Join(c.errs...)
}

func (c *checker) attachment(a Attachment) {
	switch a.Design {
	case TwoCallbacks, ResponseOnly, Metadata:
	default:
		c.add("Design", string(a.Design), "is not a, b or c")
	}
	if a.MessageTimeout < time.Millisecond || a.MessageTimeout > 10*time.Second {
		c.add("MessageTimeout", a.MessageTimeout.String(), "is not between 1ms and 10s")
	}
}

func (c *checker) address(option, value string, minPort uint64) {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		c.add(option, value, "is not host:port")
		return
	}
	if net.ParseIP(host) == nil && !hostName.MatchString(host) {
		c.add(option, value, "has no valid host")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n < minPort {
		c.add(option, value, "has no valid port")
	}
	if minPort == 0 && net.ParseIP(host) == nil {
		c.add(option, value, "must be an IP address to listen on")
	}
}

func (c *checker) processors(list []string) {
	if len(list) == 0 {
		c.add("Processors", "", "is empty: at least one host:port or unix:PATH is needed")
	}
	for i, p := range list {
		option := fmt.Sprintf("Processors[%d]", i)
		path, isUnix := strings.CutPrefix(p, unixScheme)
		if !isUnix {
			c.address(option, p, 1)
			continue
		}
		if len(list) > 1 {
			c.add(option, p, "must be the only processor: a Unix socket has no peers to fall back to")
		}
		if !filepath.IsAbs(path) || len(path) > maxUnixPath {
			c.add(option, p, "needs an absolute path of at most 107 bytes")
		}
	}
}

func (c *checker) tls(t *TLS) {
	if t == nil {
		return
	}
	if t.CA == "" {
		c.add("ProcessorTLS.CA", t.CA, "is empty: without it any certificate would do")
	}
	if (t.Cert == "") != (t.Key == "") {
		c.add("ProcessorTLS.Cert", t.Cert, "needs ProcessorTLS.Key, and the reverse")
	}
	if t.SAN == "" || !hostName.MatchString(t.SAN) {
		c.add("ProcessorTLS.SAN", t.SAN, "is not a DNS name")
	}
	c.path("ProcessorTLS.CA", t.CA)
	c.path("ProcessorTLS.Cert", t.Cert)
	c.path("ProcessorTLS.Key", t.Key)
}

func (c *checker) tracing(t *Tracing) {
	if t == nil {
		return
	}
	c.address("Tracing.Collector", t.Collector, 1)
	// Written so that NaN is refused too.
	if !(t.Sampling >= 0 && t.Sampling <= 100) {
		c.add("Tracing.Sampling", strconv.FormatFloat(t.Sampling, 'g', -1, 64), "is not a percentage, 0 to 100")
	}
	c.path("Tracing.Service", t.Service)
}

func (c *checker) path(option, value string) {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.add(option, value, "has control characters")
	}
}

func (c *checker) routes(o *Options) {
	if o.RoutesOnly && len(o.Routes) == 0 {
		c.add("RoutesOnly", "true", "needs at least one route")
	}
	seen := map[string]bool{}
	for i, r := range o.Routes {
		at := fmt.Sprintf("Routes[%d].", i)
		if len(r.Domains) == 0 {
			c.add(at+"Domains", "", "is empty")
		}
		for _, d := range r.Domains {
			if !domain.MatchString(d) {
				c.add(at+"Domains", d, `is not a lower-case host name without a port, "*.name" or "*"`)
			}
			if seen[d] {
				c.add(at+"Domains", d, "is listed twice")
			}
			seen[d] = true
		}
		if r.Tenant != "" && !tenantID.MatchString(r.Tenant) {
			c.add(at+"Tenant", r.Tenant, "is not a tenant id")
		}
		if r.Upstream != "" {
			c.address(at+"Upstream", r.Upstream, 1)
		}
	}
}
