package lint

import "strings"

// policyOf is in the names of the filters and clusters that Envoy Gateway makes of its
// EnvoyExtensionPolicy.
const policyOf = "envoyextensionpolicy/"

// unchangeable lists what such a policy has no setting for. It is still worth knowing, but nobody
// who keeps to policies can mend it.
func unchangeable(id ID) bool {
	return id == ruleCredentials || id == ruleHealthIdle || id == ruleUndecided || id == ruleActualClosed
}

// byPolicy reports whether a place lies in what a policy of Envoy Gateway has made.
func byPolicy(at Place) bool {
	return strings.Contains(at.Name, policyOf) || strings.Contains(at.Path, policyOf)
}

// mild makes a finding that the platform leaves no choice about a note.
func mild(f *Finding) {
	if unchangeable(f.Rule.ID) && byPolicy(f.Place) {
		f.Rule.Severity = Note
		f.Fix = "Envoy Gateway's policies have no setting for it; `corsgate render envoy-gateway --form patch` does it"
	}
}

// mostPanic is how high a panic threshold may be. A cluster of Envoy Gateway checks a host that has
// had no connection once a minute, so that the sick ones have to be tried when there are no others.
func mostPanic(at Place) float64 {
	if byPolicy(at) {
		return 1
	}
	return 0
}
