package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
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

// failed reports whether the server or the way to it failed, and not only this command.
func (e ErrorType) failed() bool {
	switch e {
	case ErrorTimeout, ErrorConnection, ErrorLogin, ErrorLoading, ErrorReplica, ErrorClusterDown, ErrorBusy:
		return true
	default:
		return false
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

// classifyAll finds the type of a pipeline: why it failed as a whole, else the gravest of its replies.
func classifyAll(ctx context.Context, err error, cmds []redis.Cmder) ErrorType {
	if whole := classify(ctx, err); whole.failed() || whole == ErrorPool || whole == ErrorCanceled {
		return whole
	}
	first := ErrorType("")
	for _, cmd := range cmds {
		e := classify(ctx, cmd.Err())
		if e.failed() {
			return e
		}
		if first == "" {
			first = e
		}
	}
	return first
}

// ErrOutcomeUnknown says that a transaction was sent and its reply did not come: it was carried
// out or it was not. The error that wraps it names what to look at before trying again.
var ErrOutcomeUnknown = errors.New("nobody knows whether the change was made")

// RefusedError is an error reply to something that a write needs. Nothing was written.
type RefusedError struct {
	// Type says what the server lacks, for programs: [ErrorReplica], [ErrorWrite], [ErrorPermission] and others.
	Type ErrorType
	// Advice says what to do, for people.
	Advice string

	reply error
}

// Error has the reply and the advice.
func (e *RefusedError) Error() string {
	text := e.reply.Error() + "; nothing was written"
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Unwrap gives the reply.
func (e *RefusedError) Unwrap() error { return e.reply }

// refused makes a [RefusedError] of an error reply and leaves other errors alone.
func (s *Store) refused(err error) error {
	reply, ok := errors.AsType[redis.Error](err)
	if !ok || errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	return &RefusedError{Type: classifyReply(reply.Error()), Advice: s.advice(reply.Error()), reply: err}
}

// advice says what helps against an error reply.
func (s *Store) advice(reply string) string {
	word, _, _ := strings.Cut(reply, " ")
	switch word {
	case "READONLY":
		return "this server is a replica; try again when the failover has ended, or name the primary"
	case "MISCONF":
		return "Redis cannot save to its disk, which may be full, and serves reads only; make room, then try again"
	case "OOM":
		return "Redis uses all memory that maxmemory allows; raise it, then try again. Never let Redis evict keys of the registry"
	case "NOREPLICAS":
		return "fewer replicas are connected than min-replicas-to-write demands; try again when they are back"
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "BUSY":
		return "try again in a moment"
	case "NOPERM":
		user := s.opt.Username
		if user == "" {
			user = "default"
		}
		return "let an administrator grant the rights of a writer: ACL SETUSER " + user + " " + WriterRules(s.opt.Prefix)
	case "NOAUTH", "WRONGPASS":
		return "give the name and the password of a writer"
	case "WRONGTYPE":
		return "something else uses the prefix " + s.opt.Prefix + "; remove its key, or choose another prefix"
	default:
		return ""
	}
}

// abortion finds out why a transaction was given up before it began: the reply to one of its commands,
// or what the reply to EXEC says itself. Other errors stay as they are.
func abortion(err error, cmds []redis.Cmder) error {
	if !redis.IsExecAbortError(err) {
		return err
	}
	for _, cmd := range cmds {
		if reply := cmd.Err(); reply != nil && !redis.IsExecAbortError(reply) {
			return fmt.Errorf("%s: %w", describe(cmd), reply)
		}
	}
	if _, reason, ok := strings.Cut(err.Error(), "because of: "); ok {
		return fmt.Errorf("transaction: %w", abortedError(reason))
	}
	return err
}

// abortedError is a reply within a reply.
type abortedError string

func (e abortedError) Error() string { return string(e) }

// RedisError implements [redis.Error].
func (abortedError) RedisError() {}

// describe names a command and its key.
func describe(cmd redis.Cmder) string {
	name := strings.ToUpper(cmd.Name())
	if args := cmd.Args(); len(args) > 1 {
		if key, ok := args[1].(string); ok {
			return name + " " + key
		}
	}
	return name
}
