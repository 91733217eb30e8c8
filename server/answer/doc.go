// Package answer says what has to be done to carry out a decision: which headers of a response to set and to remove,
// what to reply in place of the application, and what to note for whoever writes headers and access logs. It knows
// no protocol: package server encodes an [Answer] for Envoy, and another front may carry it out itself.
//
// No value leaves it unchecked. An answer with a value that must not be sent is replaced by a closed one.
package answer
