// Package server is the ext_proc service: it translates what Envoy says into a
// policy.Request, asks the tenant registry, and translates the decision back.
//
// One stream is one HTTP request. The messages that arrive tell how Envoy was
// configured, so the three designs need no switch:
//
//   - request_headers, then response_headers: two callbacks (design A). The
//     decision is made at the request and its edits are applied to the response.
//   - response_headers first: response only (design B). The request is read from
//     the response attributes; a preflight is answered even here.
//   - request_headers alone: one callback (design C). Envoy itself writes the
//     headers from the dynamic metadata of the reply, which is always sent.
//
// Each message gets exactly one reply. Whatever goes wrong has a closed answer
// of the right shape: a registry that cannot say, a panic,
// overload, a value that must not reach a header. The stream never ends with an
// error for such a reason, since Envoy would make a 500 of it.
//
// The package decides nothing itself; what to do about a decision it has from package answer. It keeps no state
// between streams beside a bounded table of encoded replies.
package server
