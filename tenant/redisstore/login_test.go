package redisstore_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

func TestPasswordIsExchanged(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	server.Do(append([]any{"ACL", "SETUSER", "reader", "on", ">first"}, words(redisstore.ReaderRules(prefix))...)...)
	var password atomic.Value
	password.Store("first")
	s := open(t, server, func(o *redisstore.Options) {
		o.Username = "reader"
		o.Password = func() (string, error) {
			word, _ := password.Load().(string)
			if word == "" {
				return "", errors.New("the file is gone")
			}
			return word, nil
		}
	})
	head := func() error {
		_, err := s.Head(t.Context())
		return err
	}
	if err := head(); err != nil {
		t.Fatal(err)
	}
	server.Do("ACL", "SETUSER", "reader", "resetpass", ">second")
	if err := head(); err != nil {
		t.Errorf("a connection that is open: %v", err)
	}
	kill := func() { server.Do("CLIENT", "KILL", "USER", "reader") }
	kill()
	err := head()
	if err == nil || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "first") {
		t.Errorf("with the old password: %v", err)
	}
	password.Store("second")
	if err := head(); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	kill()
	password.Store("")
	if err := head(); err == nil || !strings.Contains(err.Error(), "the file is gone") {
		t.Errorf("without a password: %v", err)
	}
	password.Store("second")
	if err := head(); err != nil {
		t.Errorf("with the password again: %v", err)
	}
}

// A login that is refused in the middle of a read is no absence of what is still to be read.
func TestRefusedLoginIsNoAbsence(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	as := account(server, "reader", redisstore.ReaderRules(prefix))
	s := open(t, server, func(o *redisstore.Options) {
		as(o)
		o.Observe = func(op redisstore.Operation) {
			server.Do("ACL", "SETUSER", "reader", "resetpass", ">other")
			server.Do("CLIENT", "KILL", "USER", "reader")
		}
	})
	asked := make([]string, 501)
	for i := range asked {
		asked[i] = fmt.Sprintf("t%d", i)
	}
	docs, err := s.Documents(t.Context(), asked)
	if err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("%d documents, and the error %v", len(docs.All), err)
	}
}

func words(rules string) []any {
	var all []any
	for word := range strings.FieldsSeq(rules) {
		all = append(all, word)
	}
	return all
}

func TestTLS(t *testing.T) {
	certificates := redistest.NewCertificates(t)
	server := redistest.Start(t, redistest.Options{TLS: certificates})
	with := redisstore.Certificates{CA: certificates.CA, Cert: certificates.ClientCert, Key: certificates.ClientKey}
	stranger := redistest.NewCertificates(t)
	tests := []struct {
		name string
		tls  func() (*tls.Config, error)
		fail string // "" for none; of what the server does, tests see one thing or the other
	}{
		{"all as it should be", with.Config, ""},
		{"no TLS", nil, "reset or EOF"},
		{"the authority of somebody else", redisstore.Certificates{CA: stranger.CA, Cert: with.Cert, Key: with.Key}.Config, "unknown authority"},
		{"no certificate of ours", redisstore.Certificates{CA: with.CA}.Config, "alert or reset"},
		{"the certificate of somebody else", redisstore.Certificates{CA: with.CA, Cert: stranger.ClientCert, Key: stranger.ClientKey}.Config, "alert or reset"},
		{"the name of somebody else", func() (*tls.Config, error) {
			c, err := with.Config()
			c.ServerName = "other.example"
			return c, err
		}, "not other.example"},
		{"files that are not there", redisstore.Certificates{CA: "/absent/ca", Cert: "/absent/cert", Key: "/absent/key"}.Config, "/absent/ca"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, server, func(o *redisstore.Options) { o.TLS = tt.tls })
			_, err := s.Head(t.Context())
			if (err == nil) != (tt.fail == "") || err != nil && !strings.Contains(tt.fail, " or ") && !strings.Contains(err.Error(), tt.fail) {
				t.Errorf("error %v, want %q", err, tt.fail)
			}
			if err != nil {
				return
			}
			for range 3 { // connections are used again
				if _, err := s.Head(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if n := s.Stats().Connections; n != 1 {
				t.Errorf("%d connections for one call after another", n)
			}
		})
	}
}

func TestCertificatesAreExchanged(t *testing.T) {
	certificates := redistest.NewCertificates(t)
	server := redistest.Start(t, redistest.Options{TLS: certificates})
	stranger := redistest.NewCertificates(t)
	dir := t.TempDir()
	place := func(from, name string) string {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return to
	}
	files := redisstore.Certificates{
		CA: place(certificates.CA, "ca"), Cert: place(stranger.ClientCert, "cert"), Key: place(stranger.ClientKey, "key"),
	}
	s := open(t, server, func(o *redisstore.Options) { o.TLS = files.Config })
	if _, err := s.Head(t.Context()); err == nil {
		t.Error("the certificate of a stranger is accepted")
	}
	place(certificates.ClientCert, "cert")
	place(certificates.ClientKey, "key")
	if _, err := s.Head(t.Context()); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
}

func TestCertificateProblems(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := redisstore.Certificates{CA: empty, Cert: empty}.Config()
	if err == nil || !strings.Contains(err.Error(), "has no certificate in PEM") || !strings.Contains(err.Error(), "certificate of this client") {
		t.Errorf("not all problems: %v", err)
	}
}
