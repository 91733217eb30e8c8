package istio

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/corsgate/corsgate/envoy"
)

// Place is which of a workload's listeners get the filters.
type Place string

// The places.
const (
	// Gateway is every listener of an ingress gateway.
	Gateway Place = "gateway"
	// Sidecar is the inbound side of a workload's sidecar.
	Sidecar Place = "sidecar"
)

// Options say what to render. Start from [DefaultOptions].
type Options struct {
	// Design is how corsgate is attached, [envoy.Metadata] or [envoy.TwoCallbacks].
	Design envoy.Design
	// Name is that of the EnvoyFilter, and the start of the names of all else.
	Name string
	// Namespace is where the proxies are, and the EnvoyFilter with them.
	Namespace string
	// Place is which listeners get the filters.
	Place Place
	// Gateways are names of Gateways (Gateway API) in Namespace; their proxies get the filters.
	Gateways []string
	// Workload are labels; the proxies of pods with all of them get the filters. One of
	// Gateways and Workload is given, and only Workload with [Sidecar].
	Workload map[string]string
	// Service is where corsgate is.
	Service Service
	// MessageTimeout is how long a proxy waits for one answer of corsgate, 1ms to 10s.
	MessageTimeout time.Duration
	// FailOpen and NoRefusals are those of [envoy.Options].
	FailOpen, NoRefusals bool
}

// Service is the Service of corsgate's pods.
type Service struct {
	// Name, Namespace and Port are those of the Service.
	Name, Namespace string
	Port            int
	// Domain is the DNS suffix of the cluster.
	Domain string
	// Mesh says that the pods have sidecars: they are asked by mutual TLS, and a
	// PeerAuthentication has them refuse all else. Without, they are asked in plain text.
	Mesh bool
	// Selector are the labels of the pods. A Service is rendered when there are some; with
	// Mesh the PeerAuthentication is for pods with these labels.
	Selector map[string]string
}

// host is the name by which Istio knows the Service.
func (s *Service) host() string { return s.Name + "." + s.Namespace + ".svc." + s.Domain }

// subsetPreflight is the subset of the Service that preflights ask: all of its pods, with limits of its own.
const subsetPreflight = "preflight"

// cluster is the name of the cluster that Istio makes of it, or of a subset of it.
func (s *Service) cluster(subset string) string {
	return "outbound|" + strconv.Itoa(s.Port) + "|" + subset + "|" + s.host()
}

// DefaultOptions are for the ingress gateway that istioctl installs, and for corsgate in a
// namespace of its own.
func DefaultOptions(d envoy.Design) Options {
	return Options{
		Design:         d,
		Name:           "corsgate",
		Namespace:      "istio-system",
		Place:          Gateway,
		Service:        Service{Name: "corsgate", Namespace: "corsgate", Port: 9002, Domain: "cluster.local"},
		MessageTimeout: 50 * time.Millisecond,
	}
}

var (
	label      = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	subdomain  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	labelKey   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$`)
)

// checker collects every problem of the options.
type checker struct{ errs []error }

func (c *checker) add(option, value, detail string) {
	c.errs = append(c.errs, &envoy.OptionError{Option: option, Value: value, Detail: detail})
}

// check returns all problems of o at once, each an [*envoy.OptionError], or nil.
func (o *Options) check() error {
	var c checker
	if o.Design == envoy.ResponseOnly {
		c.add("Design", string(o.Design), "is not c or a")
	}
	if _, err := o.attachment().Filters(); err != nil {
		c.errs = append(c.errs, err)
	}
	c.name("Name", o.Name, subdomain)
	c.name("Namespace", o.Namespace, label)
	c.name("Service.Name", o.Service.Name, label)
	c.name("Service.Namespace", o.Service.Namespace, label)
	c.name("Service.Domain", o.Service.Domain, subdomain)
	if o.Service.Port < 1 || o.Service.Port > 65535 {
		c.add("Service.Port", strconv.Itoa(o.Service.Port), "is not a port")
	}
	c.labels("Service.Selector", o.Service.Selector)
	if o.Service.Mesh && len(o.Service.Selector) == 0 {
		c.add("Service.Selector", "", "is empty: mutual TLS is asked for, and a PeerAuthentication has to say of which pods")
	}
	c.target(o)
	return errors.Join(c.errs...)
}

// target checks which proxies are meant. Without any, an EnvoyFilter would be for all of the namespace.
func (c *checker) target(o *Options) {
	switch o.Place {
	case Gateway:
		if (len(o.Gateways) == 0) == (len(o.Workload) == 0) {
			c.add("Workload", "", "and Gateways: exactly one of them must say which proxies are meant")
		}
	case Sidecar:
		if len(o.Gateways) > 0 {
			c.add("Gateways", o.Gateways[0], "has no sidecar: name the pods by Workload")
		}
		if len(o.Workload) == 0 {
			c.add("Workload", "", "is empty: it must say whose sidecars are meant")
		}
	default:
		c.add("Place", string(o.Place), "is not gateway or sidecar")
	}
	for i, g := range o.Gateways {
		c.name(fmt.Sprintf("Gateways[%d]", i), g, subdomain)
	}
	c.labels("Workload", o.Workload)
}

func (c *checker) name(option, value string, want *regexp.Regexp) {
	if !want.MatchString(value) {
		c.add(option, value, "is not a name as Kubernetes has them")
	}
}

func (c *checker) labels(option string, set map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if !labelKey.MatchString(key) || !labelValue.MatchString(set[key]) {
			c.add(option, key+"="+set[key], "is not a label")
		}
	}
}

// attachment is the part that is the same behind every control plane.
func (o *Options) attachment() envoy.Attachment {
	return envoy.Attachment{
		Design: o.Design, Cluster: o.Service.cluster(""), PreflightCluster: o.Service.cluster(subsetPreflight),
		MessageTimeout: o.MessageTimeout, FailOpen: o.FailOpen, NoRefusals: o.NoRefusals,
	}
}
