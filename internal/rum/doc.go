// Package rum collects what pages saw of CORS: reports of the JavaScript module in rum/, which
// count requests that browsers let pages read, and requests that they did not.
//
// Everybody on the internet may write to a [Collector], so a report can do no more than move
// counters with closed labels, within limits for a network, a tenant and the process. Every request
// is answered 204, whatever became of it. A client's address picks a bucket and a bit under a key
// that dies with the process; it is neither kept nor logged.
package rum
