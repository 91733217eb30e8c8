// Package demo shows corsgate at work on one machine: the real Envoy in design C
// in front of a sample application that gets CORS wrong, corsgate beside it, and
// one page served on two origins, of which the tenants file lists one. The page
// makes the same fetches on both and shows what the browser let it read, next to
// the reasons from Envoy's access log.
//
// The package owns everything of the demo but corsgate itself, which the command
// hands it as a [Processor]. [Run] starts the parts in order, waits until each
// one answers, and stops them in reverse, whatever happens in between.
package demo
