package gateway

import (
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

// millis is a duration as the Gateway API writes it.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }
