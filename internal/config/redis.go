package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/boundedfile"
)

// DefaultRedisPrefix is the prefix of the registry's keys. Its hash tag keeps them on one
// slot of a cluster.
const DefaultRedisPrefix = "{corsgate}:"

// Redis says how to reach the Redis that holds the tenants. All commands that talk to
// one have these flags.
type Redis struct {
	// URL names the servers: see [Redis.Target]. Empty means that no Redis is used.
	URL string
	// SentinelMaster is the name that the Sentinels at URL know the master by, or "".
	SentinelMaster string
	// Cluster says that the servers at URL are nodes of a cluster.
	Cluster bool
	// Username is the ACL user, and PasswordFile holds its password.
	Username, PasswordFile string
	// SentinelUsername and SentinelPasswordFile are for the Sentinels themselves.
	SentinelUsername, SentinelPasswordFile string
	// CAFile has the authorities of the servers (PEM); "" means those of the system.
	CAFile string
	// CertFile and KeyFile are our client certificate (PEM); both or none are set.
	CertFile, KeyFile string
	// Prefix starts every key.
	Prefix string
}

// redisFlag names the flag of [Redis.URL].
const redisFlag = "redis"

// Bind defines the flags on fs.
func (r *Redis) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&r.URL, redisFlag, "", "`URL` of the Redis that holds the tenants: redis://HOST:PORT, rediss:// for TLS, unix:///PATH; several hosts with commas between")
	fs.StringVar(&r.SentinelMaster, "redis-sentinel-master", "", "the hosts of --redis are Sentinels that know the master by this `NAME`")
	fs.BoolVar(&r.Cluster, "redis-cluster", false, "the hosts of --redis are nodes of a cluster")
	fs.StringVar(&r.Username, "redis-username", "", "ACL user `NAME`")
	fs.StringVar(&r.PasswordFile, "redis-password-file", "", "`FILE` with the password, read again for each connection")
	fs.StringVar(&r.SentinelUsername, "redis-sentinel-username", "", "ACL user `NAME` at the Sentinels")
	fs.StringVar(&r.SentinelPasswordFile, "redis-sentinel-password-file", "", "`FILE` with the password for the Sentinels")
	fs.StringVar(&r.CAFile, "redis-ca-file", "", "`FILE` of the authorities (PEM) of the servers; the system's by default")
	fs.StringVar(&r.CertFile, "redis-cert-file", "", "`FILE` of our client certificate (PEM)")
	fs.StringVar(&r.KeyFile, "redis-key-file", "", "`FILE` of its private key (PEM)")
	fs.StringVar(&r.Prefix, "redis-prefix", DefaultRedisPrefix, "`PREFIX` of every key; {braces} keep the keys on one slot of a cluster")
}

// Enabled reports whether a Redis is named.
func (r *Redis) Enabled() bool { return r.URL != "" }

// Check returns every problem of r, a missing URL among them.
func (r *Redis) Check(src Sources) Problems {
	c := checker{src: src}
	if r.URL == "" {
		c.add(redisFlag, "no Redis is named", "name it by --redis, "+Variable(redisFlag)+" or redis in the configuration file")
	}
	c.redis(r)
	return c.problems
}

// redis checks r, which may be empty.
func (c *checker) redis(r *Redis) {
	if r.URL == "" {
		c.onlyWith("--redis", "redis-sentinel-master", "redis-cluster", "redis-username", "redis-password-file",
			"redis-sentinel-username", "redis-sentinel-password-file", "redis-ca-file", "redis-cert-file", "redis-key-file", "redis-prefix")
		return
	}
	target, err := r.Target()
	if err != nil {
		c.add(redisFlag, err.Error(), "write redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH")
		return
	}
	c.redisMode(r, target)
	c.redisLogin(r, target)
	c.redisTLS(r, target)
	c.redisPrefix(r)
}

// onlyWith reports flags that were given although they count only together with another one.
func (c *checker) onlyWith(other string, flags ...string) {
	for _, flag := range flags {
		if _, given := c.src[flag]; given {
			c.add(flag, "it counts only with "+other, "set "+other+" or remove it")
		}
	}
}

func (c *checker) redisMode(r *Redis, target RedisTarget) {
	sentinel := r.SentinelMaster != ""
	switch {
	case r.Cluster && sentinel:
		c.add("redis-cluster", "the hosts are either nodes of a cluster or Sentinels", "remove one of --redis-cluster and --redis-sentinel-master")
	case target.Network == "unix" && (r.Cluster || sentinel):
		c.add(redisFlag, "a socket leads to one server on this machine, not to Sentinels or a cluster", "write redis:// with their hosts")
	case len(target.Addresses) > 1 && !r.Cluster && !sentinel:
		c.add(redisFlag, fmt.Sprintf("%d hosts are named, and not what they are", len(target.Addresses)),
			"set --redis-cluster or --redis-sentinel-master, or name one host")
	}
	if r.Cluster && target.Database != 0 {
		c.add(redisFlag, fmt.Sprintf("a cluster has no database %d", target.Database), "remove the path of the URL")
	}
	if !sentinel {
		c.onlyWith("--redis-sentinel-master", "redis-sentinel-username", "redis-sentinel-password-file")
	}
}

// redisLogin refuses a password that every user of the machine could read in the list of processes.
func (c *checker) redisLogin(r *Redis, target RedisTarget) {
	if target.Password != "" {
		switch {
		case c.src.Of(redisFlag) == "--"+redisFlag:
			c.add(redisFlag, "the list of processes would show the password of the URL",
				"give it by --redis-password-file, or give the whole URL by "+Variable(redisFlag)+" or the configuration file")
		case r.PasswordFile != "":
			c.add("redis-password-file", "the URL has a password, too", "remove one of the two")
		}
	}
	if target.Username != "" && r.Username != "" {
		c.add("redis-username", "the URL names a user, too", "remove one of the two")
	}
	if (target.Username != "" || r.Username != "") && target.Password == "" && r.PasswordFile == "" {
		source := redisFlag
		if r.Username != "" {
			source = "redis-username"
		}
		c.add(source, "a user without a password cannot log in", "set --redis-password-file, too")
	}
	if r.SentinelUsername != "" && r.SentinelPasswordFile == "" {
		c.add("redis-sentinel-username", "a user without a password cannot log in", "set --redis-sentinel-password-file, too")
	}
	c.secret("redis-password-file", r.PasswordFile)
	c.secret("redis-sentinel-password-file", r.SentinelPasswordFile)
}

func (c *checker) secret(flag, path string) {
	if path == "" {
		return
	}
	if _, err := ReadSecret(path); err != nil {
		c.add(flag, err.Error(), "")
	}
}

// maxSecretBytes bounds a password.
const maxSecretBytes = 4096

// ReadSecret is the content of the file at path without the end of its line. An empty
// secret is an error: it would stand for "no login".
func ReadSecret(path string) (string, error) { return SecretFile(path)() }

// SecretFile returns a function that reads the file at path as [ReadSecret] does. However often it is called, one read at
// most waits for a file system that does not answer.
func SecretFile(path string) func() (string, error) {
	var files boundedfile.Reader
	return func() (string, error) { return readSecret(&files, path) }
}

func readSecret(files *boundedfile.Reader, path string) (string, error) {
	text, err := files.Read(path, maxSecretBytes, readTimeout)
	if err != nil {
		return "", fmt.Errorf("reading a password: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("reading a password: %s is empty", path)
	}
	return secret, nil
}

func (c *checker) redisTLS(r *Redis, target RedisTarget) {
	if !target.TLS {
		for _, f := range []struct{ flag, value string }{
			{"redis-ca-file", r.CAFile}, {"redis-cert-file", r.CertFile}, {"redis-key-file", r.KeyFile},
		} {
			if f.value != "" {
				c.add(f.flag, "the connection has no TLS", "write rediss:// in --redis, or remove it")
			}
		}
		return
	}
	switch {
	case r.CertFile != "" && r.KeyFile == "":
		c.add("redis-cert-file", "the certificate has no key", "set --redis-key-file too")
	case r.CertFile == "" && r.KeyFile != "":
		c.add("redis-key-file", "the key has no certificate", "set --redis-cert-file too")
	}
}

// maxPrefixBytes bounds the prefix: it is repeated in every key.
const maxPrefixBytes = 128

// prefixForm is what a prefix may consist of: printable, and nothing that SCAN takes
// for a pattern.
var prefixForm = regexp.MustCompile(`^[A-Za-z0-9{}:._/-]+$`)

// hashTag is the part of a key that alone decides its slot.
var hashTag = regexp.MustCompile(`^[^{]*\{[^}]+\}`)

func (c *checker) redisPrefix(r *Redis) {
	switch {
	case len(r.Prefix) > maxPrefixBytes || !prefixForm.MatchString(r.Prefix):
		c.add("redis-prefix", fmt.Sprintf("%q is not of 1 to %d letters, digits and {}:._/-", r.Prefix, maxPrefixBytes),
			"the default is "+DefaultRedisPrefix)
	case r.Cluster && !hashTag.MatchString(r.Prefix):
		c.add("redis-prefix", fmt.Sprintf("keys that start with %q lie on many slots, and cannot be written together", r.Prefix),
			"put a part of it in braces: {corsgate}:")
	}
}
