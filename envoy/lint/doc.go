// Package lint reads the configuration of an Envoy (a file, a dump of /config_dump, or the
// administration port of a running one) and says what in it breaks CORS with corsgate.
//
// It works in three steps. [Read] decodes what go-control-plane knows and a rule looks at, and keeps of everything else the type URL and
// the JSON, so that an extension it has never heard of is no obstacle. Then the parts are put
// together as Envoy does it: each connection manager with its filters, those inside composite and
// match_delegate included, and its routes with what they override. [Check] holds that against the
// rules, each of which rests on something seen in a real Envoy.
//
// Whether a request reaches a call to the processor is found out by sending five requests through
// the matchers on paper: a preflight, a GET, a POST and an upgrade with an Origin, and one without.
// What depends on anything else, an expression (CEL) for instance, may happen or not, and no rule complains of it.
package lint
