package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ReaderRules are the rules of an ACL, from Redis 7.0 on, for an account that reads the registry, as in
//
//	ACL SETUSER reader on >password <rules>
//
// It can neither change anything nor read keys of others; SCAN alone shows their names. SELECT serves
// a database other than 0, CLUSTER and ASKING a cluster.
func ReaderRules(prefix string) string {
	return "resetkeys resetchannels %R~" + prefix + "* " + readerCommands
}

// WriterRules are the rules for an account that also writes the registry: see [ReaderRules]. Scripts,
// flushing and deleting keys by pattern stay forbidden.
func WriterRules(prefix string) string {
	return "resetkeys resetchannels ~" + prefix + "* " + readerCommands + " " + writerCommands
}

// RecorderRules are the rules for an account that records the uses of entries, and can read nothing: see
// [ReaderRules].
func RecorderRules(prefix string) string {
	return "resetkeys resetchannels %W~" + prefix + "used:* " + recorderCommands
}

const (
	readerCommands = "-@all +hello +auth +ping +select +time +getrange +exists +hmget +scan +xrange +xread +xinfo|stream" +
		" +cluster|slots +asking"
	recorderCommands = "-@all +hello +auth +ping +select +hset +expire +cluster|slots +asking"
	writerCommands   = "+get +set +del +expire +persist +hset +hsetnx +xadd +xrevrange +watch +unwatch +multi +exec +discard"
)

// SentinelRules are the rules for an account at the Sentinels.
const SentinelRules = "resetkeys resetchannels &+switch-master &+replica-reconf-done -@all +hello +auth +ping" +
	" +subscribe +unsubscribe +sentinel|get-master-addr-by-name +sentinel|sentinels"

// secrets knows the passwords in use, so that no error shows one: a server that does not know AUTH,
// for example, repeats its arguments.
type secrets struct {
	mu    sync.Mutex
	known []string
}

// maxSecrets is how many are remembered: those of the server and the Sentinels, before
// and after they were exchanged.
const maxSecrets = 4

// ask calls one of the sources of passwords, which may be nil.
func (s *secrets) ask(source func() (string, error), whose string) (string, error) {
	if source == nil {
		return "", nil
	}
	secret, err := source()
	if err != nil {
		return "", &loginError{fmt.Errorf("asking for the password of %s: %w", whose, err)}
	}
	if secret == "" {
		return "", &loginError{fmt.Errorf("asking for the password of %s: it is empty; write one, or log in as nobody", whose)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.known, secret) {
		s.known = append(s.known, secret)
		s.known = s.known[max(0, len(s.known)-maxSecrets):]
	}
	return secret, nil
}

// redact returns err, or an error without a cause if the text of err has a secret.
func (s *secrets) redact(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := err.Error()
	shown := text
	for _, secret := range s.known {
		shown = strings.ReplaceAll(shown, secret, "[secret]")
	}
	if shown == text {
		return err
	}
	return errors.New(shown)
}

// loginError is a password that could not be had.
type loginError struct{ err error }

func (e *loginError) Error() string { return e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// credentials is asked for each connection to a server.
func (s *Store) credentials(context.Context) (user, password string, err error) {
	password, err = s.secrets.ask(s.opt.Password, "Redis")
	return s.opt.Username, password, err
}
