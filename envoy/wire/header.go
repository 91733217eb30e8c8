package wire

// Headers of a request that a decision looks at, in the lower case in which Envoy
// sends them.
const (
	HeaderOrigin                = "origin"
	HeaderRequestMethod         = "access-control-request-method"
	HeaderRequestHeaders        = "access-control-request-headers"
	HeaderRequestPrivateNetwork = "access-control-request-private-network"
	HeaderUpgrade               = "upgrade"
)

// HeaderRequestID is Envoy's own name of a request. It decides nothing; logs are joined by it.
const HeaderRequestID = "x-request-id"

// Headers of a response that a decision looks at. [HeaderCORSPrefix] starts the
// name of every CORS header.
const (
	HeaderAllowOrigin      = "access-control-allow-origin"
	HeaderAllowCredentials = "access-control-allow-credentials"
	HeaderExposeHeaders    = "access-control-expose-headers"
	HeaderVary             = "vary"
	HeaderCORSPrefix       = "access-control-"
)
