// Package decision measures what one decision costs, in nanoseconds and bytes, beside rs/cors and at
// every size of the registry. It holds tests only: benchmarks for benchstat, and the test that makes
// them worth reading, which asks all sides every question and compares what a browser would make of
// the answers. Where the answers differ by intent, rs/cors is not measured.
//
//	go -C bench test -run='^$' -bench=Decision -count=6 ./decision | tee decision.txt
//	go -C bench tool benchstat -col /impl decision.txt
//
// The sides, which are the values of impl:
//
//   - policy decides by a compiled policy that is at hand, and lists the headers of the answer.
//   - snapshot and replica find the tenant by the authority first, among a thousand: in the index of
//     files, and in the copy of a store in memory that stands for Redis.
//   - http is policy as a middleware of net/http. It does what rs/cors does, and is the fair column:
//     it reads the request's headers from a map and writes the answer's into a map.
//   - rscors is the middleware of rs/cors, with a policy that says the same and nothing behind it.
//
// What the sides do not have in common: rs/cors knows one policy and no tenants. Policy, snapshot and
// replica are handed the request's headers as fields, for the server has read them from the wire by
// then, and they leave Vary on actual responses to Envoy, as in design C. Both middlewares have
// their response writer emptied before each request, which is in the figure. Ours checks that an
// Origin is one, and says why it refused; rs/cors does neither. No side opens a connection,
// logs, or counts.
//
// The other benchmarks ask how lookups depend on the number of tenants and of their origins, and what
// tenants weigh. They are for the capacity guide.
package decision
