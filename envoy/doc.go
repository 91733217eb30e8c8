// Package envoy renders the Envoy configuration that asks corsgate for CORS
// decisions. [Bootstrap] builds it from typed [Options] with Envoy's own
// types, so that a misspelt field cannot compile; [Render] prints it as YAML
// and says beside each part, in the operator's words, why it is there.
//
// There are three designs, see [Design]. All of them put one filter, named
// [FilterDecide], at the head of the chain, where it sees a request before
// authentication does and a response after every other filter. It is
// a composite filter: which call to the processor it makes depends on the
// request alone, and a request that is not HTTP enough to be parsed makes
// none, so that Envoy's own 400 still reaches the client.
//
// No request passes through this package.
package envoy
