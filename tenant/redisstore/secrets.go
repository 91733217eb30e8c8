package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// secrets knows the passwords in use, so that no error shows one: a server that does not know AUTH,
// for example, repeats its arguments.
type secrets struct {
	mu    sync.Mutex
	known []string
}

// maxSecrets is how many are remembered: those of the server and the Sentinels, before
// and after they were exchanged.
const maxSecrets = 4

func (s *secrets) learn(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret == "" || slices.Contains(s.known, secret) {
		return
	}
	s.known = append(s.known, secret)
	if len(s.known) > maxSecrets {
		s.known = s.known[1:]
	}
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
	s.learn(secret)
	return secret, nil
}
