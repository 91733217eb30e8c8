package app

import (
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/usage"
)

// openUsage makes what records uses. It has connections of its own, so that no decision ever waits for
// what it writes, nor stops trusting a Redis that refuses it.
func (r *mirrorRegistry) openUsage(cfg config.Serve) error {
	if !cfg.Mirror.RecordUsage {
		return nil
	}
	login := cfg.Redis
	if cfg.Mirror.UsageUsername != "" {
		login.Username, login.PasswordFile = cfg.Mirror.UsageUsername, cfg.Mirror.UsagePasswordFile
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
func (r *mirrorRegistry) onUse() tenant.OnUse {
	if r.usage == nil {
		return nil
	}
	return r.usage.Use
}

// onUse is nil: files keep no uses.
func (fileRegistry) onUse() tenant.OnUse { return nil }
