// Package app is the serving process: it wires the registry of tenants, the
// ext_proc service, health and the admin pages in a straight line ([New]),
// serves them ([App.Run]), and takes them down in the reverse order.
//
// Start: the configuration is checked, the listeners are bound, the registry
// is read, health says SERVING as soon as there is a document to decide by. Stop: health
// says NOT_SERVING, the drain delay gives Envoy time to go elsewhere, requests in
// flight end or are cut off after the stop timeout, the registry stops. Each
// step has a name, a bound and a line in the log.
//
// Every goroutine starts in Run and ends before Run returns.
package app
