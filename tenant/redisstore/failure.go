package redisstore

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

// ErrorType is a closed set of words for what failed, for metrics and spans. "" is success.
type ErrorType string

// The error types.
const (
	// ErrorTimeout: no answer in time.
	ErrorTimeout ErrorType = "timeout"
	// ErrorConnection: no connection could be made, or it broke; TLS counts here.
	ErrorConnection ErrorType = "connection"
	// ErrorLogin: the server refused the login, or the password could not be read.
	ErrorLogin ErrorType = "login"
	// ErrorLoading: the server is loading its data.
	ErrorLoading ErrorType = "loading"
	// ErrorReplica: the server is a replica that refuses: read-only, or without its primary.
	ErrorReplica ErrorType = "replica"
	// ErrorClusterDown: the cluster does not serve.
	ErrorClusterDown ErrorType = "cluster_down"
	// ErrorBusy: the server runs a script that does not end.
	ErrorBusy ErrorType = "busy"
	// ErrorUnavailable: the call was not made, because calls had failed repeatedly.
	ErrorUnavailable ErrorType = "unavailable"
	// ErrorPool: all connections were in use.
	ErrorPool ErrorType = "pool"
	// ErrorCanceled: the caller gave up.
	ErrorCanceled ErrorType = "canceled"
	// ErrorRedirect: a cluster moved the keys elsewhere more than once.
	ErrorRedirect ErrorType = "redirect"
	// ErrorWrongType: a key holds another type.
	ErrorWrongType ErrorType = "wrong_type"
	// ErrorPermission: the ACL forbids the command or the key.
	ErrorPermission ErrorType = "permission"
	// ErrorWrite: the server cannot write: full memory, failing disk, too few replicas.
	ErrorWrite ErrorType = "write"
	// ErrorConflict: somebody else changed a watched key.
	ErrorConflict ErrorType = "conflict"
	// ErrorOther: any other error reply.
	ErrorOther ErrorType = "other"
)

// outcome says what the breaker learns.
func (e ErrorType) outcome() outcome {
	switch e {
	case ErrorTimeout, ErrorConnection, ErrorLogin, ErrorLoading, ErrorReplica, ErrorClusterDown, ErrorBusy:
		return failure
	case ErrorUnavailable, ErrorPool, ErrorCanceled:
		return neutral
	default:
		return success
	}
}

// elsewhere reports whether another server may be the right one by now.
func (e ErrorType) elsewhere() bool { return e == ErrorLoading || e == ErrorReplica }

// classify finds the type of what a command failed with. ctx is the context of the command.
func classify(ctx context.Context, err error) ErrorType {
	var reply redis.Error
	var login *loginError
	var network net.Error
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		return ""
	case errors.Is(err, store.ErrUnavailable):
		return ErrorUnavailable
	case errors.As(err, &reply):
		return classifyReply(reply.Error())
	case errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled):
		return ErrorCanceled
	case errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted):
		return ErrorPool
	case errors.As(err, &login):
		return ErrorLogin
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil,
		errors.As(err, &network) && network.Timeout():
		return ErrorTimeout
	default:
		return ErrorConnection
	}
}

// classifyReply finds the type of an error reply by its first word.
func classifyReply(text string) ErrorType {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "LOADING":
		return ErrorLoading
	case "READONLY", "MASTERDOWN":
		return ErrorReplica
	case "CLUSTERDOWN":
		return ErrorClusterDown
	case "BUSY":
		return ErrorBusy
	case "MOVED", "ASK", "TRYAGAIN":
		return ErrorRedirect
	case "WRONGTYPE":
		return ErrorWrongType
	case "NOAUTH", "WRONGPASS":
		return ErrorLogin
	case "NOPERM":
		return ErrorPermission
	case "OOM", "MISCONF", "NOREPLICAS":
		return ErrorWrite
	case "EXECABORT":
		return ErrorConflict
	case "ERR":
		switch {
		case rest == "no such key":
			return "" // an answer like another
		case strings.HasPrefix(rest, "max number of clients"):
			return ErrorConnection
		}
	}
	if text == redis.TxFailedErr.Error() {
		return ErrorConflict
	}
	return ErrorOther
}

// classifyAll finds the type of a pipeline: what failed as a whole, else the gravest of its replies.
func classifyAll(ctx context.Context, err error, cmds []redis.Cmder) ErrorType {
	if whole := classify(ctx, err); whole.outcome() != success {
		return whole
	}
	first := ErrorType("")
	for _, cmd := range cmds {
		e := classify(ctx, cmd.Err())
		if e.outcome() != success {
			return e
		}
		if first == "" {
			first = e
		}
	}
	return first
}
