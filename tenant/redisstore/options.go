package redisstore

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// DefaultPrefix is the prefix of keys. Its hash tag keeps the registry on one slot of a
// cluster, so that a change of several keys can be one transaction.
const DefaultPrefix = "{corsgate}:"

// Options say how to reach a registry. Zero values get the defaults that are named.
type Options struct {
	// Network is "tcp" or "unix". Default: "tcp".
	Network string
	// Addresses are host:port of the server, of Sentinels or of members of a cluster, or the one
	// path of a socket. Required.
	Addresses []string
	// SentinelMaster is the name by which Sentinels at Addresses know the primary. Default:
	// there are no Sentinels.
	SentinelMaster string
	// Cluster says that Addresses are members of a cluster.
	Cluster bool
	// DB is the number of the database; a cluster has only 0.
	DB int

	// Username is the ACL user. Default: the default user.
	Username string
	// Password is asked for each new connection, so that a password can be exchanged without
	// a restart. Default: no login.
	Password func() (string, error)
	// SentinelUsername is the ACL user at the Sentinels.
	SentinelUsername string
	// SentinelPassword is asked by New, since the client library keeps it, and again for each write.
	// Default: no login at the Sentinels.
	SentinelPassword func() (string, error)
	// TLS is asked for each new connection, to the Sentinels, too; for example [Certificates.Config].
	// The name that is checked is the host that is dialled. Default: no TLS.
	TLS func() (*tls.Config, error)

	// Prefix starts every key. Default: [DefaultPrefix].
	Prefix string

	// DialTimeout bounds making a connection. Default: 200 ms.
	DialTimeout time.Duration
	// Timeout bounds one round trip with all that it waits for; less by a context. Default: 250 ms.
	Timeout time.Duration

	// TracerProvider makes a span of each command that is sent on behalf of a span. Default: none.
	TracerProvider trace.TracerProvider
	// Observe is called after each command or pipeline, from any goroutine. Default: nobody.
	Observe func(Operation)
}

// Bounds of the defaults and of what is accepted.
const (
	defaultDialTimeout = 200 * time.Millisecond
	defaultTimeout     = 250 * time.Millisecond
	minTimeout         = time.Millisecond
	maxPrefixBytes     = 128
)

// prefixForm is what a prefix may consist of: printable, and nothing that SCAN takes for a
// pattern or that an ACL ends a word at.
var prefixForm = regexp.MustCompile(`^[A-Za-z0-9{}:._/-]+$`)

// hashTag is the part of a key that alone decides its slot.
var hashTag = regexp.MustCompile(`^[^{]*\{[^}]+\}`)

// complete sets the defaults and returns every problem, each with its fix.
func (o *Options) complete() error {
	o.Network, o.Prefix = cmp.Or(o.Network, "tcp"), cmp.Or(o.Prefix, DefaultPrefix)
	o.DialTimeout, o.Timeout = cmp.Or(o.DialTimeout, defaultDialTimeout), cmp.Or(o.Timeout, defaultTimeout)
	if o.TracerProvider == nil {
		o.TracerProvider = noop.NewTracerProvider()
	}
	if o.Observe == nil {
		o.Observe = func(Operation) {}
	}
	var problems []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	o.checkServers(add)
	add(o.Username != "" && o.Password == nil, "user %q: a user without a password cannot log in; give the password", o.Username)
	add(o.SentinelUsername != "" && o.SentinelPassword == nil,
		"user %q of the Sentinels: a user without a password cannot log in; give the password", o.SentinelUsername)
	add(o.SentinelMaster == "" && (o.SentinelUsername != "" || o.SentinelPassword != nil),
		"a login for Sentinels: there are none; name the primary, or remove the login")
	fits := len(o.Prefix) <= maxPrefixBytes && prefixForm.MatchString(o.Prefix)
	add(!fits, "prefix %q: write 1 to %d letters, digits and {}:._/-; the default is %s", o.Prefix, maxPrefixBytes, DefaultPrefix)
	add(fits && o.Cluster && !hashTag.MatchString(o.Prefix),
		"prefix %q: keys would lie on many slots of the cluster; put a part of it in braces, as in %s", o.Prefix, DefaultPrefix)
	shortest := min(o.DialTimeout, o.Timeout)
	add(shortest < minTimeout, "time-out %s: write at least %s", shortest, minTimeout)
	return errors.Join(problems...)
}

// checkServers adds what is wrong with where the servers are.
func (o *Options) checkServers(add func(wrong bool, format string, args ...any)) {
	sentinel, unix := o.SentinelMaster != "", o.Network == "unix"
	add(o.Network != "tcp" && !unix, "network %q: write tcp or unix", o.Network)
	add(unix && (sentinel || o.Cluster), "network unix: a socket leads to one server; name Sentinels and members of a cluster by host:port")
	add(len(o.Addresses) == 0, "no address: name a server by host:port, or by the path of its socket")
	for _, address := range o.Addresses {
		host, port, err := net.SplitHostPort(address)
		n, perr := strconv.ParseUint(port, 10, 16)
		add(o.Network == "tcp" && (err != nil || host == "" || perr != nil || n == 0), "address %q: write host:port", address)
	}
	add(sentinel && o.Cluster, "a cluster with Sentinels: the addresses are either the one or the other; remove one of them")
	add(len(o.Addresses) > 1 && !sentinel && !o.Cluster,
		"%d addresses: name one server, or say that they are Sentinels or a cluster", len(o.Addresses))
	add(o.DB < 0, "database %d: write a number from 0", o.DB)
	add(o.Cluster && o.DB != 0, "database %d: a cluster has only 0", o.DB)
}
