// Package redisstore keeps a registry of tenants in Redis: standalone, behind
// Sentinels, or in a cluster. It implements the contract of the package store, and no
// other package of this program speaks to Redis.
//
// The layout is a contract with writers in any language; P is [Options.Prefix]:
//
//	P+tenant:<id>   string  the document as JSON, or a tombstone
//	P+host:<host>   string  the id of the tenant that the host belongs to
//	P+changes       stream  tenant, revision, kind of each change
//	P+history:<id>  stream  document, revision, kind, by, reason of each revision
//	P+used:<id>     hash    entry, as written → day on which it last allowed something
//	P+used:         hash    a field for each day on which such uses were recorded
//	P+meta          hash    epoch, schema, confirmed
//
// Everything that Redis says is outside input: it is bounded where it is read, and
// validated before it becomes a part of anything.
package redisstore
