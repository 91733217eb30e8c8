package redistest

import "strings"

// ReaderUser is the line of an ACL for the account that gateways read the registry with.
func ReaderUser(name, password, prefix string) string {
	return strings.Join([]string{
		"user", name, "on", ">" + password, "resetchannels", "%R~" + prefix + "*", "-@all",
		"+get", "+mget", "+hgetall", "+hmget", "+hget", "+strlen", "+type", "+scan", "+xread", "+xrange", "+xrevrange", "+xinfo|stream", "+exists",
		"+ping", "+hello", "+auth", "+time", "+info", "+client|setname", "+select", "+cluster|slots", "+cluster|shards", "+readonly", "+command",
	}, " ")
}

// WriterUser is the line of an ACL for the account that programs write the registry with.
func WriterUser(name, password, prefix string) string {
	return strings.Join([]string{
		ReaderUser(name, password, prefix), "~" + prefix + "*",
		"+set", "+del", "+hset", "+hsetnx", "+hincrby", "+xadd", "+expire", "+persist", "+watch", "+unwatch", "+multi", "+exec", "+discard",
	}, " ")
}
