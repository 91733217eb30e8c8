package gateway

import (
	"time"

	"github.com/corsgate/corsgate/envoy"
)

// Form is the kind of resources that attach corsgate.
type Form string

// The forms.
const (
	// Policies are an HTTPRoute with four rules and policies on them.
	Policies Form = "policies"
	// Patch is one EnvoyPatchPolicy on the Gateway. It covers all of its routes and changes none.
	Patch Form = "patch"
)

// Names that are rendered. Tests and operators refer to them.
const (
	// Name is that of every resource, and the start of those that need one of their own.
	Name = "corsgate"
	// RulePreflight, RuleActual, RuleActualClosed and RuleOther are the rules of the HTTPRoute.
	RulePreflight    = "preflight"
	RuleActual       = "cors"
	RuleActualClosed = "cors-closed"
	RuleOther        = "other"
)

// Object names a resource of Kubernetes.
type Object struct{ Namespace, Name string }

// Options say what to render. Start from [DefaultOptions].
type Options struct {
	// Form is the kind of resources.
	Form Form
	// Design is how the processor is attached. [Policies] can only be [envoy.Metadata].
	Design envoy.Design
	// Gateway is where requests come in.
	Gateway Object
	// Listeners are the names of its listeners that are meant. [Patch] needs one at least; for
	// [Policies] none means all.
	Listeners []string
	// Route is the HTTPRoute of [Policies].
	Route Route
	// Processor is the corsgate that is asked.
	Processor Processor
	// MessageTimeout is how long Envoy waits for one answer of it, 1ms to 10s, in whole milliseconds.
	MessageTimeout time.Duration
	// FailOpen is that of [envoy.Options]; [Policies] are of design C, which has no use for it.
	FailOpen bool
	// NoRefusals is that of [envoy.Options].
	NoRefusals bool
}

// Route says which requests are decided and who answers them.
type Route struct {
	Object
	// Hosts are its host names, "*.example.com" included; empty means those of the listeners.
	Hosts []string
	// Backend is the Service of the application, in the namespace of the route.
	Backend string
	// BackendPort is the port of that Service.
	BackendPort int
}

// Processor says where corsgate is.
type Processor struct {
	// Service is the Service of corsgate.
	Service Object
	// Port is the port of that Service which takes ext_proc.
	Port int
	// Addresses are the host:port that [Patch] asks instead of the name that the Service has in the cluster.
	Addresses []string
	// CAConfigMap is the ConfigMap, in the Service's namespace, whose ca.crt holds the authorities
	// of its certificate. Given, [Policies] speak TLS to it, and SAN is needed.
	CAConfigMap string
	// SAN is the DNS name in that certificate.
	SAN string
	// TLS is what [Patch] speaks to it, with files that are mounted into the pods of Envoy.
	TLS *envoy.TLS
}

// DefaultOptions are those of the examples: Gateway default/eg with the listener "http", a route
// for one host, and corsgate in its own namespace.
func DefaultOptions(f Form) Options {
	return Options{
		Form:      f,
		Design:    envoy.Metadata,
		Gateway:   Object{Namespace: "default", Name: "eg"},
		Listeners: []string{"http"},
		Route: Route{
			Object:  Object{Namespace: "default", Name: "shop"},
			Hosts:   []string{"api.shop.example"},
			Backend: "shop", BackendPort: 8080,
		},
		Processor:      Processor{Service: Object{Namespace: "corsgate", Name: "corsgate"}, Port: 9002},
		MessageTimeout: 50 * time.Millisecond,
	}
}

// attachment is the part that is the same behind every control plane.
func (o *Options) attachment() envoy.Attachment {
	return envoy.Attachment{
		Design: o.Design, Cluster: envoy.ClusterProcessor, PreflightCluster: envoy.ClusterPreflight,
		MessageTimeout: o.MessageTimeout, FailOpen: o.FailOpen, NoRefusals: o.NoRefusals,
	}
}
