package gateway

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/corsgate/corsgate/envoy"
)

// Names as Kubernetes has them: labels, and names of several.
var (
	label    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	dnsName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	hostName = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
)

type checker struct{ errs []error }

func (c *checker) add(option, value, detail string) {
	c.errs = append(c.errs, &envoy.OptionError{Option: option, Value: value, Detail: detail})
}

func (c *checker) fits(option, value string, form *regexp.Regexp) {
	if !form.MatchString(value) {
		c.add(option, value, "is not a name of Kubernetes")
	}
}

func (c *checker) object(option string, o Object) {
	c.fits(option+".Namespace", o.Namespace, label)
	c.fits(option+".Name", o.Name, dnsName)
}

func (c *checker) port(option string, n int) {
	if n < 1 || n > 65535 {
		c.add(option, strconv.Itoa(n), "is not a port")
	}
}

// check returns all problems of o at once, each an [*envoy.OptionError], or nil.
func (o *Options) check() error {
	var c checker
	c.object("Gateway", o.Gateway)
	for i, l := range o.Listeners {
		c.fits(fmt.Sprintf("Listeners[%d]", i), l, dnsName)
	}
	if o.MessageTimeout%time.Millisecond != 0 {
		c.add("MessageTimeout", o.MessageTimeout.String(), "is not of whole milliseconds, which is all that Envoy Gateway takes")
	}
	c.object("Processor.Service", o.Processor.Service)
	c.port("Processor.Port", o.Processor.Port)
	switch o.Form {
	case Policies:
		c.policies(o)
	case Patch:
		c.patch(o)
	default:
		c.add("Form", string(o.Form), "is not policies or patch")
	}
	if _, err := o.attachment().Filters(); err != nil {
		c.errs = append(c.errs, err)
	}
	return errors.Join(c.errs...)
}

func (c *checker) policies(o *Options) {
	if o.Design != envoy.Metadata {
		c.add("Design", string(o.Design), "is not possible with policies: use c, or the form patch")
	}
	if o.FailOpen {
		c.add("FailOpen", "true", "has no use with policies: in design C requests that are no preflights always pass, without CORS headers")
	}
	c.object("Route", o.Route.Object)
	for i, h := range o.Route.Hosts {
		if !hostName.MatchString(h) {
			c.add(fmt.Sprintf("Route.Hosts[%d]", i), h, `is not a lower-case host name without a port, or "*.name"`)
		}
	}
	c.fits("Route.Backend", o.Route.Backend, label)
	c.port("Route.BackendPort", o.Route.BackendPort)
	p := &o.Processor
	if len(p.Addresses) > 0 {
		c.add("Processor.Addresses", p.Addresses[0], "is for the form patch: policies ask the Service")
	}
	if p.TLS != nil {
		c.add("Processor.TLS", p.TLS.CA, "is for the form patch: policies take Processor.CAConfigMap and Processor.SAN")
	}
	switch {
	case p.CAConfigMap != "":
		c.fits("Processor.CAConfigMap", p.CAConfigMap, dnsName)
		if !dnsName.MatchString(p.SAN) {
			c.add("Processor.SAN", p.SAN, "is not a DNS name: without it any certificate of these authorities would do")
		}
	case p.SAN != "":
		c.add("Processor.CAConfigMap", "", "is empty: without it Envoy Gateway speaks no TLS to the processor")
	}
}

func (c *checker) patch(o *Options) {
	if len(o.Listeners) == 0 {
		c.add("Listeners", "", "is empty: a patch has to name what it changes")
	}
	if o.Processor.CAConfigMap != "" {
		c.add("Processor.CAConfigMap", o.Processor.CAConfigMap, "is for the form policies: a patch takes files, Processor.TLS")
	}
	if _, _, err := o.cluster(); err != nil {
		c.errs = append(c.errs, err)
	}
}
