package app

import (
	"cmp"
	"fmt"
	"log/slog"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// OpenRedis makes the registry that r names. It connects to nothing yet, so that a Redis
// that is down is no error. The caller closes it. adjust changes what r does not say, for example
// the time-outs.
func OpenRedis(r config.Redis, log *slog.Logger, adjust ...func(*redisstore.Options)) (*redisstore.Store, error) {
	target, err := r.Target()
	if err != nil {
		return nil, fmt.Errorf("reading the URL of Redis: %w", err)
	}
	o := redisstore.Options{
		Network:          target.Network,
		Addresses:        target.Addresses,
		SentinelMaster:   r.SentinelMaster,
		Cluster:          r.Cluster,
		DB:               target.Database,
		Username:         cmp.Or(r.Username, target.Username),
		SentinelUsername: r.SentinelUsername,
		Prefix:           r.Prefix,
	}
	switch {
	case r.PasswordFile != "":
		o.Password = config.SecretFile(r.PasswordFile)
	case target.Password != "":
		o.Password = func() (string, error) { return target.Password, nil }
	}
	if r.SentinelPasswordFile != "" {
		o.SentinelPassword = config.SecretFile(r.SentinelPasswordFile)
	}
	if target.TLS {
		o.TLS = redisstore.Certificates{CA: r.CAFile, Cert: r.CertFile, Key: r.KeyFile}.Source()
	}
	if !target.TLS && !target.Local() {
		log.Warn("whoever can listen between this process and Redis can read and change the tenants; use rediss:// where that matters",
			"addresses", target.Addresses)
	}
	for _, f := range adjust {
		f(&o)
	}
	return redisstore.New(o)
}
