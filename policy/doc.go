// Package policy decides CORS requests. It is the pure heart of corsgate: a
// [Spec] (what an operator wrote) is compiled once into an immutable [Policy],
// and a Policy answers any [Request] with a [Decision]. A Decision knows the
// one [Reason] that made it and the exact header edits that carry it out.
//
// The package is total: every input, however hostile, gives a Decision, in
// time bounded by the constants of this package and without allocation.
// All failing happens in [Compile], which reports every [Problem] at once.
//
// It imports the standard library and golang.org/x/net only. It knows no
// Envoy, no store, no clock and no logger: facts that depend on time arrive as
// fields. Rule numbers in comments ("rule 43") are those of docs/rules.md;
// "Fetch §" names a section of the WHATWG Fetch standard.
package policy
