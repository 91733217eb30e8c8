package redisstore

// ReaderRules are the rules of an ACL, from Redis 7.0 on, for an account that reads the registry, as in
//
//	ACL SETUSER reader on >password <rules>
//
// It can neither change anything nor read keys of others; SCAN alone shows their names. SELECT serves
// a database other than 0, CLUSTER and ASKING a cluster.
func ReaderRules(prefix string) string {
	return "resetkeys resetchannels %R~" + prefix + "* " + readerCommands
}

// WriterRules are the rules for an account that also writes the registry: see [ReaderRules]. Scripts,
// flushing and deleting keys by pattern stay forbidden.
func WriterRules(prefix string) string {
	return "resetkeys resetchannels ~" + prefix + "* " + readerCommands + " " + writerCommands
}

// RecorderRules are the rules for an account that records the uses of entries, and can read nothing: see
// [ReaderRules].
func RecorderRules(prefix string) string {
	return "resetkeys resetchannels %W~" + prefix + "used:* " + recorderCommands
}

const (
	readerCommands = "-@all +hello +auth +ping +select +time +getrange +exists +hmget +scan +xrange +xread +xinfo|stream" +
		" +cluster|slots +asking"
	recorderCommands = "-@all +hello +auth +ping +select +hset +expire +cluster|slots +asking"
	writerCommands   = "+set +del +expire +persist +hset +hsetnx +xadd +xrevrange +watch +unwatch +multi +exec +discard"
)

// SentinelRules are the rules for an account at the Sentinels.
const SentinelRules = "resetkeys resetchannels &+switch-master &+replica-reconf-done -@all +hello +auth +ping" +
	" +subscribe +unsubscribe +sentinel|get-master-addr-by-name +sentinel|sentinels"
