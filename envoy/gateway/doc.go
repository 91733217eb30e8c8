// Package gateway renders what attaches corsgate to an Envoy Gateway: the same
// filters as those of package envoy, where Envoy Gateway makes the rest of the
// configuration.
//
// There are two forms, see [Form]. [Policies] are made of Envoy Gateway's own
// resources and need no permission that a cluster may not give; [Patch] puts
// the very filters of package envoy into the listeners. What either cannot do
// that plain Envoy can is told in the comments of what is rendered.
//
// Names and fields are those of Envoy Gateway 1.9.
package gateway
