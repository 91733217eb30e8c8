package redisstore

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo has what the client library says written to log, for all of the process: the library has one log. Otherwise it
// writes lines of another form to standard error, and whoever asks Redis waits until somebody has read them.
func LogTo(log *slog.Logger) { redis.SetLogger(clientLog{log}) }

// clientLog implements the library's interface of a log.
type clientLog struct{ log *slog.Logger }

// Printf implements the interface.
func (l clientLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "the client of redis has a problem", "problem", fmt.Sprintf(format, args...))
}
