package app

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corsgate/corsgate/internal/boundedfile"
	"github.com/corsgate/corsgate/internal/config"
)

// recheckEvery is how old the knowledge of the certificate files may be at a
// handshake. A renewed certificate is used within this time; a flood of handshakes reads
// the files once in it.
const recheckEvery = time.Second

// certificates serves TLS configurations made of files, and reads the files
// again when their contents change. Files that cannot be used leave the last
// good configuration in force.
type certificates struct {
	files  config.TLS
	log    *slog.Logger
	reader boundedfile.Reader

	mu      sync.Mutex // guards all below; it is not held while files are read
	checked time.Time
	seen    [sha256.Size]byte // of the files as last read, good or not
	current *tls.Config
}

// newCertificates reads the files for the first time; here a bad file is an error.
func newCertificates(files config.TLS, log *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, log: log, checked: time.Now()}
	pem, err := c.read()
	if err != nil {
		return nil, err
	}
	c.seen = pem.sum()
	c.current, err = c.build(pem)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// serverConfig is the configuration to listen with; each handshake asks for the current files.
func (c *certificates) serverConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.latest(time.Now()), nil
		},
	}
}

// latest is the configuration in force at now.
func (c *certificates) latest(now time.Time) *tls.Config {
	current, fresh, err := c.recheck(now)
	switch {
	case err != nil:
		c.log.Error("certificate files cannot be used, the last good ones stay", "error", err)
	case fresh:
		c.log.Info("certificate files were read again", "cert", c.files.CertFile)
	}
	return current
}

// recheck reads the files again if it is time to; the error says why the last good configuration stays.
func (c *certificates) recheck(now time.Time) (current *tls.Config, fresh bool, err error) {
	if current, due := c.due(now); !due {
		return current, false, nil
	}
	pem, err := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		return c.current, false, err
	}
	if pem.sum() == c.seen {
		return c.current, false, nil
	}
	c.seen = pem.sum()
	next, err := c.build(pem)
	if err != nil {
		return c.current, false, err
	}
	c.current = next
	return c.current, true, nil
}

// due reports whether it is time to read the files again, which the caller then has to do.
func (c *certificates) due(now time.Time) (current *tls.Config, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.checked) < recheckEvery {
		return c.current, false
	}
	c.checked = now
	return c.current, true
}

// Bounds of reading one of the files. A bundle of all public authorities has about 250 KiB.
const (
	maxPEMBytes    = 4 << 20
	readPEMTimeout = recheckEvery
)

// pemFiles are the bytes of the files; clientCA is nil when there is none.
type pemFiles struct{ cert, key, clientCA []byte }

// sum tells whether anything changed. The length prefixes keep the files apart.
func (p pemFiles) sum() [sha256.Size]byte {
	var b bytes.Buffer
	for _, file := range [][]byte{p.cert, p.key, p.clientCA} {
		fmt.Fprintf(&b, "%d:", len(file))
		b.Write(file)
	}
	return sha256.Sum256(b.Bytes())
}

func (c *certificates) read() (pemFiles, error) {
	var p pemFiles
	var err, all error
	if p.cert, err = c.reader.Read(c.files.CertFile, maxPEMBytes, readPEMTimeout); err != nil {
		all = errors.Join(all, fmt.Errorf("reading the certificate: %w", err))
	}
	if p.key, err = c.reader.Read(c.files.KeyFile, maxPEMBytes, readPEMTimeout); err != nil {
		all = errors.Join(all, fmt.Errorf("reading the private key: %w", err))
	}
	if c.files.ClientCAFile != "" {
		if p.clientCA, err = c.reader.Read(c.files.ClientCAFile, maxPEMBytes, readPEMTimeout); err != nil {
			all = errors.Join(all, fmt.Errorf("reading the client authorities: %w", err))
		}
	}
	return p, all
}

func (c *certificates) build(p pemFiles) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, fmt.Errorf("reading certificate %s with key %s: %w", c.files.CertFile, c.files.KeyFile, err)
	}
	cfg := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		Certificates: []tls.Certificate{pair},
		// A resumed session would carry a client identity past a change of the authorities.
		SessionTicketsDisabled: true,
	}
	if c.files.ClientCAFile == "" {
		return cfg, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(p.clientCA) {
		return nil, fmt.Errorf("reading client authorities %s: no certificate in it", c.files.ClientCAFile)
	}
	cfg.ClientCAs = pool
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	cfg.VerifyConnection = c.verifyClient
	return cfg, nil
}

// errClientName is returned to a handshake whose client is not on the list.
var errClientName = errors.New("no subject alternative name of the client certificate is permitted")

// verifyClient admits clients with a permitted name; the chain is verified before.
func (c *certificates) verifyClient(state tls.ConnectionState) error {
	if len(c.files.ClientSANs) == 0 {
		return nil
	}
	if len(state.PeerCertificates) == 0 {
		return errClientName
	}
	cert := state.PeerCertificates[0]
	if !slices.ContainsFunc(c.files.ClientSANs, func(name string) bool { return hasName(cert, name) }) {
		return errClientName
	}
	return nil
}

// hasName reports whether name is a subject alternative name of cert, of the type that name is: an authority that lets clients
// choose one type, a URI for example, has not vouched for the same text as another. The common name is no name: RFC 9525
// section 2 retired it.
func hasName(cert *x509.Certificate, name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return slices.ContainsFunc(cert.IPAddresses, net.IP(ip.AsSlice()).Equal)
	}
	switch {
	case strings.Contains(name, ":"): // neither a DNS name nor the domain of an e-mail address has one
		return slices.ContainsFunc(cert.URIs, func(u *url.URL) bool { return u.String() == name })
	case strings.Contains(name, "@"):
		return slices.Contains(cert.EmailAddresses, name)
	default:
		return slices.ContainsFunc(cert.DNSNames, func(dns string) bool { return strings.EqualFold(dns, name) })
	}
}
