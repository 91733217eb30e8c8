package redisstore

import (
	"cmp"
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
	ErrorTimeout     ErrorType = "timeout"      // no answer in time
	ErrorConnection  ErrorType = "connection"   // no connection could be made, or it broke; TLS counts here
	ErrorLogin       ErrorType = "login"        // the server refused the login, or the password could not be read
	ErrorLoading     ErrorType = "loading"      // the server is loading its data
	ErrorReplica     ErrorType = "replica"      // the server is a replica that refuses: read-only, or without its primary
	ErrorClusterDown ErrorType = "cluster_down" // the cluster does not serve
	ErrorBusy        ErrorType = "busy"         // the server runs a script that does not end
	ErrorRedirect    ErrorType = "redirect"     // a cluster moved the keys elsewhere more than once
	ErrorPool        ErrorType = "pool"         // all connections were in use
	ErrorCanceled    ErrorType = "canceled"     // the caller gave up
	ErrorWrongType   ErrorType = "wrong_type"   // a key holds another type
	ErrorPermission  ErrorType = "permission"   // the ACL forbids the command or the key
	ErrorWrite       ErrorType = "write"        // the server cannot write: full memory, failing disk, too few replicas
	ErrorConflict    ErrorType = "conflict"     // somebody else changed a watched key
	ErrorOther       ErrorType = "other"        // any other error reply
)

// failed reports whether the server or the way to it failed, and not only this command.
func (e ErrorType) failed() bool {
	switch e {
	case ErrorTimeout, ErrorConnection, ErrorLogin, ErrorLoading, ErrorReplica, ErrorClusterDown, ErrorBusy, ErrorRedirect:
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

// classifyReply finds the type of an error reply.
func classifyReply(text string) ErrorType {
	e, _ := explain(text)
	return e
}

// explain finds the type of an error reply by its first word, and what helps a writer against it.
func explain(text string) (e ErrorType, advice string) {
	if _, reason, ok := strings.Cut(text, execAborted); ok {
		text = reason
	}
	word, rest, _ := strings.Cut(text, " ")
	const soon = "try again in a moment"
	switch word {
	case "LOADING":
		return ErrorLoading, soon
	case "READONLY":
		return ErrorReplica, "this server is a replica; try again when the failover has ended, or name the primary"
	case "MASTERDOWN":
		return ErrorReplica, soon
	case "CLUSTERDOWN":
		return ErrorClusterDown, soon
	case "BUSY":
		return ErrorBusy, soon
	case "MOVED", "ASK", "TRYAGAIN":
		return ErrorRedirect, soon
	case "MISCONF":
		return ErrorWrite, "Redis cannot save to its disk, which may be full, and serves reads only; make room, then try again"
	case "OOM":
		return ErrorWrite, "Redis uses all memory that maxmemory allows; raise it, then try again. Never let Redis evict keys of the registry"
	case "NOREPLICAS":
		return ErrorWrite, "fewer replicas are connected than min-replicas-to-write demands; try again when they are back"
	case "NOPERM":
		return ErrorPermission, "let an administrator grant the rights of a writer: ACL SETUSER "
	case "NOAUTH", "WRONGPASS":
		return ErrorLogin, "give the name and the password of a writer"
	case "WRONGTYPE":
		return ErrorWrongType, "something else uses the prefix; remove its key, or choose another prefix"
	case "EXECABORT":
		return ErrorConflict, ""
	}
	switch {
	case text == "ERR no such key":
		return "", "" // an answer like another
	case strings.HasPrefix(rest, "max number of clients"):
		return ErrorConnection, soon
	case text == redis.TxFailedErr.Error():
		return ErrorConflict, ""
	}
	return ErrorOther, ""
}

// execAborted is what EXEC says before the reason for which it refuses a transaction.
const execAborted = "EXECABORT Transaction discarded because of: "

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
	e, advice := explain(reply.Error())
	if e == ErrorPermission {
		advice += cmp.Or(s.opt.Username, "default") + " " + WriterRules(s.opt.Prefix)
	}
	return &RefusedError{Type: e, Advice: advice, reply: err}
}

// abortion finds out why a transaction was given up before it began: the reply to one of its commands,
// or that to EXEC. Other errors stay as they are.
func abortion(err error, cmds []redis.Cmder) error {
	if !redis.IsExecAbortError(err) {
		return err
	}
	for _, cmd := range cmds {
		if reply := cmd.Err(); reply != nil && !redis.IsExecAbortError(reply) {
			return fmt.Errorf("%s: %w", describe(cmd), reply)
		}
	}
	return err
}

// describe names a command and its key.
func describe(cmd redis.Cmder) string {
	name := strings.ToUpper(cmd.Name())
	if args := cmd.Args(); len(args) > 1 {
		name += fmt.Sprintf(" %v", args[1])
	}
	return name
}
