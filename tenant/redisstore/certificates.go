package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/corsgate/corsgate/internal/boundedfile"
)

// Certificates are PEM files for TLS with Redis. They are read for each connection, so that they can
// be exchanged without a restart.
type Certificates struct {
	// CA are the authorities of the servers. Default: those of the system.
	CA string
	// Cert and Key are the certificate and key of this client; both or none.
	Cert, Key string
}

// Bounds of reading one of the files.
const (
	maxPEMBytes    = 4 << 20
	readPEMTimeout = 2 * time.Second
)

// Config reads the files. All problems come together.
func (c Certificates) Config() (*tls.Config, error) { return c.Source()() }

// Source returns a function that reads the files as [Certificates.Config] does. However often it is called, one read at
// most of each file waits for a file system that does not answer.
func (c Certificates) Source() func() (*tls.Config, error) {
	var files boundedfile.Reader
	return func() (*tls.Config, error) { return c.config(&files) }
}

func (c Certificates) config(files *boundedfile.Reader) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	var problems []error
	if c.CA != "" {
		text, err := files.Read(c.CA, maxPEMBytes, readPEMTimeout)
		config.RootCAs = x509.NewCertPool()
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("reading the authorities: %w", err))
		case !config.RootCAs.AppendCertsFromPEM(text):
			problems = append(problems, fmt.Errorf("reading the authorities: %s has no certificate in PEM", c.CA))
		}
	}
	if c.Cert != "" || c.Key != "" {
		pair, err := keyPair(files, c.Cert, c.Key)
		if err != nil {
			problems = append(problems, fmt.Errorf("reading the certificate of this client: %w", err))
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return config, nil
}

func keyPair(files *boundedfile.Reader, cert, key string) (tls.Certificate, error) {
	certPEM, err := files.Read(cert, maxPEMBytes, readPEMTimeout)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := files.Read(key, maxPEMBytes, readPEMTimeout)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}
