// Package servertest plays Envoy in memory: it sends one HTTP request through a
// server.Service the way each of the three designs does, and applies the replies
// to the application's response the way Envoy 1.40 does. What a real Envoy
// cannot be made to send, a test can send here.
package servertest
