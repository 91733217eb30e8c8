package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// rescuer makes errors of panics. The library panics on replies that are of the protocol and not what
// the command gives, after it has discarded the connection.
type rescuer struct{}

var _ redis.Hook = rescuer{}

// DialHook implements [redis.Hook].
func (rescuer) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (rescuer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = panicked(r)
			}
		}()
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (rescuer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = panicked(r)
				for _, cmd := range cmds { // those without a reply would look as if theirs was empty
					cmd.SetErr(err)
				}
			}
		}()
		return next(ctx, cmds)
	}
}

func panicked(r any) error { return fmt.Errorf("reading a reply: %v", r) }
