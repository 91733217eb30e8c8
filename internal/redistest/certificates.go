package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are paths of PEM files: an authority of its own and what it signed.
type Certificates struct {
	// CA is the certificate of the authority.
	CA string
	// ServerCert and ServerKey are for 127.0.0.1 and localhost.
	ServerCert, ServerKey string
	// ClientCert and ClientKey are what the server asks clients for.
	ClientCert, ClientKey string
}

// NewCertificates makes an authority, a server's and a client's certificate, good for
// an hour, in files that the end of the test removes.
func NewCertificates(tb TB) *Certificates {
	tb.Helper()
	dir, err := os.MkdirTemp("", "redistest-tls-")
	if err != nil {
		tb.Fatalf("making certificates: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &Certificates{
		CA:         filepath.Join(dir, "ca.pem"),
		ServerCert: filepath.Join(dir, "server.pem"), ServerKey: filepath.Join(dir, "server.key"),
		ClientCert: filepath.Join(dir, "client.pem"), ClientKey: filepath.Join(dir, "client.key"),
	}
	root := template(1, "redistest authority")
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	server := template(2, "redistest server")
	server.IPAddresses, server.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	// Members of a Cluster and replicas connect to each other with it, too.
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	client := template(3, "redistest client")
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}

	authority := signer{certificate: root, key: newKey(tb)}
	authority.issue(tb, root, authority.key, c.CA)
	for _, leaf := range []struct {
		certificate *x509.Certificate
		path, key   string
	}{{server, c.ServerCert, c.ServerKey}, {client, c.ClientCert, c.ClientKey}} {
		key := newKey(tb)
		authority.issue(tb, leaf.certificate, key, leaf.path)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			tb.Fatalf("writing %s: %v", leaf.key, err)
		}
		writePEM(tb, leaf.key, "PRIVATE KEY", der)
	}
	return c
}

func template(serial int64, name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func newKey(tb TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatalf("making a key: %v", err)
	}
	return key
}

type signer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue writes a certificate for the holder of a key into a file.
func (by signer) issue(tb TB, certificate *x509.Certificate, key *ecdsa.PrivateKey, path string) {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		tb.Fatalf("signing %s: %v", path, err)
	}
	writePEM(tb, path, "CERTIFICATE", der)
}

func writePEM(tb TB, path, kind string, der []byte) {
	tb.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		tb.Fatalf("writing %s: %v", path, err)
	}
}
