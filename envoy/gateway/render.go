package gateway

import (
	"fmt"
	"strconv"
	"time"

	"github.com/corsgate/corsgate/envoy/page"
)

// object is a mapping whose members stay in order, and member one of them.
type (
	object = page.Mapping
	member = page.Member
)

// The groups of the resources, and versions of them.
const (
	gatewayGroup = "gateway.networking.k8s.io"
	gatewayV1    = gatewayGroup + "/v1"
	grantV1      = gatewayGroup + "/v1beta1"
	envoyGroup   = "gateway.envoyproxy.io"
	envoyV1      = envoyGroup + "/v1alpha1"
)

// Render gives the resources as YAML with comments for operators. Equal options give equal
// bytes. The error joins an [*envoy.OptionError] for every option that is wrong.
func Render(o Options) ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	list := o.policies
	if o.Form == Patch {
		list = o.patch
	}
	resources, err := list()
	if err != nil {
		return nil, fmt.Errorf("building the resources: %w", err)
	}
	return page.RenderObjects(preamble(&o), resources...)
}

func preamble(o *Options) string {
	head := "corsgate behind Envoy Gateway. Made by `corsgate render envoy-gateway --form " + string(o.Form) + " --design " + string(o.Design) +
		"`; change its flags rather than this file.\n\n"
	if o.Form == Patch {
		return head + "One EnvoyPatchPolicy puts corsgate's own filters at the head of the chain of each listener named. It covers every route of them, " +
			"those made later included, and changes none. Envoy Gateway takes it only where extensionApis.enableEnvoyPatchPolicy is true, and it may " +
			"need another look at each upgrade of Envoy Gateway: see that its condition Programmed is True, and run `corsgate lint-envoy` on Envoy.\n"
	}
	return head + "Envoy Gateway's own resources. corsgate is asked for the requests of one HTTPRoute that carry an Origin, once each; Envoy writes the " +
		"decision onto the response. Calls: one for a preflight, one for other CORS requests, none for the rest. While no corsgate answers, preflights " +
		"are refused and all else is served without CORS headers.\n"
}

// millis is a duration as the Gateway API writes it.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }
