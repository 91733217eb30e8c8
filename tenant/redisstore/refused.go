package redisstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

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
