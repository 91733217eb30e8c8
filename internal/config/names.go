package config

import (
	"regexp"
	"strings"
)

// Variable is the environment variable of a flag: "max-streams" gives "CORSGATE_MAX_STREAMS".
func Variable(flag string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagName is the inverse of [Variable].
func flagName(variable string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, Prefix), "_", "-"))
}

// fileKey is the key of a flag in the file: "max-streams" gives "max_streams".
func fileKey(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// serviceVariable matches what Kubernetes puts into every container beside a
// Service whose name starts with "corsgate": CORSGATE_SERVICE_HOST,
// CORSGATE_PORT_9002_TCP_ADDR and the like. A pod must start beside its own Service.
var serviceVariable = regexp.MustCompile(
	`^CORSGATE_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)?)$`)

// foreignVariable reports whether a CORSGATE_ variable is not a setting: it comes from
// Kubernetes, or it tells the project's own tests where their tools are, what must
// not be skipped or how long to fuzz (CORSGATE_FUZZ_...).
func foreignVariable(name string) bool {
	switch name {
	case "CORSGATE_ENVOY", "CORSGATE_ENVOY_OLDEST", "CORSGATE_BINARY", "CORSGATE_REQUIRE_ENVOY", "CORSGATE_REQUIRE_BROWSER",
		"CORSGATE_REQUIRE_REDIS", "CORSGATE_REQUIRE_NODE", "CORSGATE_REQUIRE_PROMETHEUS", "CORSGATE_REQUIRE_KUBERNETES",
		"CORSGATE_REQUIRE_NGINX", "CORSGATE_HELM", "CORSGATE_REQUIRE_HELM", "CORSGATE_REQUIRE_ENVOY_GATEWAY", "CORSGATE_OWN_NETWORK":
		return true
	}
	return strings.HasPrefix(name, "CORSGATE_FUZZ_") || serviceVariable.MatchString(name)
}
