package app

import (
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/usage"
)

// openUsage makes what records uses. It has connections of its own, so that no decision ever waits for
// what it writes, nor stops trusting a Redis that refuses it.
func (r *storedRegistry) openUsage(cfg config.Serve) error {
	if !cfg.Stored.RecordUsage {
		return nil
	}
	login := cfg.Redis
	if cfg.Stored.UsageUsername != "" {
		login.Username, login.PasswordFile = cfg.Stored.UsageUsername, cfg.Stored.UsagePasswordFile
	}
	redis, err := OpenRedis(login, r.log, r.watch)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, redis.Close)
	r.usage, err = usage.New(usage.Options{Writer: redis, Log: r.log})
	return err
}

// onUse is told of uses, or nil.
func (r *storedRegistry) onUse() tenant.OnUse {
	if r.usage == nil {
		return nil
	}
	return r.usage.Use
}

// onUse is nil: files keep no uses.
func (fileRegistry) onUse() tenant.OnUse { return nil }
