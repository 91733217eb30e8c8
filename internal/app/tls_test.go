package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// serial is the serial number of the certificate that cfg presents.
func serial(t *testing.T, cfg *tls.Config) int64 {
	t.Helper()
	return cfg.Certificates[0].Leaf.SerialNumber.Int64()
}

func TestCertificatesAreReadAgain(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	var log strings.Builder
	files := ca.writeServer(dir, 1)
	c, err := newCertificates(files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ca.writeServer(dir, 2)
	if got := serial(t, c.latest(now)); got != 1 {
		t.Errorf("certificate %d within the interval, want 1: files must not be read at each handshake", got)
	}
	later := func() time.Time { now = now.Add(2 * recheckEvery); return now }
	if got := serial(t, c.latest(later())); got != 2 {
		t.Errorf("certificate %d after a change, want 2", got)
	}

	newCert, newKey := ca.sign(3, "corsgate")
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(files.CertFile, newCert)
	if got := serial(t, c.latest(later())); got != 2 {
		t.Errorf("certificate %d while its key is not there yet, want the last good 2", got)
	}
	if !strings.Contains(log.String(), "the last good ones stay") {
		t.Errorf("the log says nothing of the broken pair: %s", log.String())
	}
	said := log.Len()
	c.latest(later())
	if log.Len() != said {
		t.Errorf("the same broken files were logged twice: %s", log.String()[said:])
	}
	write(files.KeyFile, newKey)
	if got := serial(t, c.latest(later())); got != 3 {
		t.Errorf("certificate %d once its key is there, want 3", got)
	}

	write(files.ClientCAFile, []byte("no certificate"))
	before := c.current
	if got := c.latest(later()); got != before {
		t.Error("broken client authorities replaced good ones")
	}
	if err := os.Remove(files.CertFile); err != nil {
		t.Fatal(err)
	}
	if got := c.latest(later()); got != before {
		t.Error("a missing certificate replaced a good one")
	}
	if err := syscall.Mkfifo(files.CertFile, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.latest(later()); got != before || !strings.Contains(log.String(), "not a regular file") {
		t.Errorf("a pipe that nobody writes to replaced a good certificate, or was not told: %s", log.String())
	}
}

func TestCertificatesMustBeGoodAtStart(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	good := ca.writeServer(dir, 1)
	for _, missing := range []string{good.CertFile, good.KeyFile, good.ClientCAFile} {
		t.Run("without "+strings.TrimPrefix(missing, dir), func(t *testing.T) {
			files := ca.writeServer(dir, 1)
			if err := os.Remove(missing); err != nil {
				t.Fatal(err)
			}
			if _, err := newCertificates(files, slog.New(slog.DiscardHandler)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("error %v, want one about the missing file", err)
			}
		})
	}
}

func TestHandshake(t *testing.T) {
	ca, foreign := newAuthority(t), newAuthority(t)
	tests := []struct {
		name   string
		sans   []string
		client tls.Certificate
		want   bool
		max    uint16
	}{
		{"any client of the authority without a list", nil, ca.pair("anybody"), true, 0},
		{"a client on the list", []string{"other", "envoy"}, ca.pair("envoy"), true, 0},
		{"a URI on the list", []string{"spiffe://edge/envoy"}, ca.pair("spiffe://edge/envoy"), true, 0},
		{"a client that is not on the list", []string{"envoy"}, ca.pair("somebody"), false, 0},
		{"RFC 9525: the common name is no name", []string{"common name"}, ca.pair("envoy"), false, 0},
		{"a name on the list from another authority", []string{"envoy"}, foreign.pair("envoy"), false, 0},
		{"no certificate", nil, tls.Certificate{}, false, 0},
		{"TLS 1.1", nil, ca.pair("envoy"), false, tls.VersionTLS11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := ca.writeServer(t.TempDir(), 1)
			files.ClientSANs = tt.sans
			c, err := newCertificates(files, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			client := &tls.Config{RootCAs: ca.pool(), ServerName: "corsgate", MinVersion: tls.VersionTLS10, MaxVersion: tt.max}
			if tt.client.Certificate != nil {
				// Not Certificates: that is only sent when the server names the authority.
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tt.client, nil }
			}
			if err := handshake(t, c.serverConfig(), client); (err == nil) != tt.want {
				t.Errorf("handshake: %v, want success %t", err, tt.want)
			}
		})
	}
}

// handshake returns what the server says of a handshake.
func handshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	near, far := net.Pipe()
	clientDone := make(chan struct{})
	go func() {
		defer close(clientDone)
		_ = tls.Client(far, client).HandshakeContext(t.Context()) // the server's view counts
		_ = far.Close()
	}()
	err := tls.Server(near, server).HandshakeContext(t.Context())
	_ = near.Close()
	<-clientDone
	return err
}

// F45: a name is admitted as the type that it is. The control is the comparison without types, which admits all of these.
func TestClientNamesHaveTypes(t *testing.T) {
	const dns, uri, email, ip = "envoy", "spiffe://edge/envoy", "envoy@edge.example", "10.0.0.7"
	ca := newAuthority(t)
	parsed := func(text string) []*url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return []*url.URL{u}
	}
	tests := []struct {
		client string
		names  x509.Certificate
		own    string // the only name that admits it
	}{
		{"a DNS name", x509.Certificate{DNSNames: []string{dns}}, dns},
		{"a URI", x509.Certificate{URIs: parsed(uri)}, uri},
		{"an e-mail address", x509.Certificate{EmailAddresses: []string{email}}, email},
		{"an IP address", x509.Certificate{IPAddresses: []net.IP{net.ParseIP(ip)}}, ip},
		{"a URI with the text of a DNS name", x509.Certificate{URIs: parsed(dns)}, ""},
		{"a URI with the text of an e-mail address", x509.Certificate{URIs: parsed(email)}, ""},
		{"a URI with the text of an IP address", x509.Certificate{URIs: parsed(ip)}, ""},
		{"a DNS name with the text of a URI", x509.Certificate{DNSNames: []string{uri}}, ""},
		{"a DNS name with the text of an e-mail address", x509.Certificate{DNSNames: []string{email}}, ""},
		{"a DNS name with the text of an IP address", x509.Certificate{DNSNames: []string{ip}}, ""},
		{"an e-mail address with the text of a DNS name", x509.Certificate{EmailAddresses: []string{dns}}, ""},
		{"an e-mail address with the text of a URI", x509.Certificate{EmailAddresses: []string{uri}}, ""},
	}
	for _, name := range []string{dns, uri, email, ip} {
		cfg := settings(t, "https://app.acme.example")
		cfg.TLS = ca.writeServer(t.TempDir(), 1)
		cfg.TLS.ClientSANs = []string{name}
		p := start(t, cfg)
		p.awaitReady(t)
		for _, tt := range tests {
			client := ca.pairOf(ca.signNames(99, tt.names))
			conn := dial(t, p.Addr().String(), credentials.NewTLS(&tls.Config{
				MinVersion: tls.VersionTLS12, RootCAs: ca.pool(), ServerName: "corsgate", Certificates: []tls.Certificate{client},
			}))
			got := health(t, conn)
			if want := tt.own == name; (got == "SERVING") != want || !want && !strings.Contains(got, "Unavailable") {
				t.Errorf("%s, where %s is on the list: %s, want it admitted: %t", tt.client, name, got, want)
			}
			_ = conn.Close()
		}
		p.stop(t)
	}
	for _, tt := range tests {
		if !slices.ContainsFunc(texts(tt.names), func(text string) bool { return slices.Contains([]string{dns, uri, email, ip}, text) }) {
			t.Errorf("control: %s would not be admitted by its text", tt.client)
		}
	}
	// What is written in other ways is the same name.
	cert := &x509.Certificate{DNSNames: []string{"Envoy.Edge.example"}, IPAddresses: []net.IP{net.ParseIP("fd00::7")}}
	for _, name := range []string{"envoy.edge.example", "fd00:0::7"} {
		if !hasName(cert, name) {
			t.Errorf("%s is not found", name)
		}
	}
}

// texts are all names of a certificate, without their types.
func texts(cert x509.Certificate) []string {
	out := slices.Concat(cert.DNSNames, cert.EmailAddresses)
	for _, u := range cert.URIs {
		out = append(out, u.String())
	}
	for _, ip := range cert.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

func TestServeOverTLS(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	cfg := settings(t, "https://app.acme.example")
	cfg.TLS = ca.writeServer(dir, 1)
	cfg.TLS.ClientSANs = []string{"envoy"}
	p := start(t, cfg)
	p.awaitReady(t)

	presented := make(chan int64, 1)
	connect := func(client tls.Certificate) *grpc.ClientConn {
		return dial(t, p.Addr().String(), credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: ca.pool(), ServerName: "corsgate", Certificates: []tls.Certificate{client},
			VerifyConnection: func(state tls.ConnectionState) error {
				select {
				case presented <- state.PeerCertificates[0].SerialNumber.Int64():
				default: // a redial; the first one counts
				}
				return nil
			},
		}))
	}
	if got := preflight(t, connect(ca.pair("envoy")), "https://app.acme.example"); got != 204 {
		t.Errorf("preflight over mTLS: %d, want 204", got)
	}
	if got := <-presented; got != 1 {
		t.Errorf("the server presents certificate %d, want 1", got)
	}
	if got := health(t, connect(ca.pair("somebody"))); !strings.Contains(got, "Unavailable") {
		t.Errorf("health for a client that is not on the list: %s", got)
	}
	<-presented
	if got := health(t, dial(t, p.Addr().String(), insecure.NewCredentials())); !strings.Contains(got, "Unavailable") {
		t.Errorf("health without TLS: %s", got)
	}

	ca.writeServer(dir, 2)
	await(t, "the new certificate is presented", func() bool {
		select {
		case <-presented:
		default:
		}
		conn := connect(ca.pair("envoy"))
		defer func() { _ = conn.Close() }()
		return health(t, conn) == "SERVING" && <-presented == 2
	})
}
