// Package tenant remembers who is asked, and which policy is live. It turns
// tenant documents (proto/corsgate/tenant/v1) into immutable snapshots of
// compiled policies, finds the tenant of a request by the operator's hint or by
// host, and keeps the last good version of whatever goes wrong.
//
// It knows nothing of Envoy. A [Registry] never fails and never blocks: each
// way to have no fresh policy is a [Freshness] with a closed answer in policy.
package tenant
