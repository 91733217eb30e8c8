package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Certificates are PEM files for TLS with Redis. They are read for each connection, so that they can
// be exchanged without a restart.
type Certificates struct {
	// CA are the authorities of the servers. Default: those of the system.
	CA string
	// Cert and Key are the certificate and key of this client; both or none.
	Cert, Key string
}

// Config reads the files. All problems come together.
func (c Certificates) Config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	var problems []error
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		config.RootCAs = x509.NewCertPool()
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("reading the authorities: %w", err))
		case !config.RootCAs.AppendCertsFromPEM(text):
			problems = append(problems, fmt.Errorf("reading the authorities: %s has no certificate in PEM", c.CA))
		}
	}
	if c.Cert != "" || c.Key != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
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
