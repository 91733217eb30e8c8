package config

import (
	"fmt"
	"os"
	"regexp"
	"time"
)

// Bounds of settings. The lookup budget stays below Envoy's message_timeout, by default 200 ms (rule 77).
const (
	minLookupBudget = time.Millisecond
	maxLookupBudget = 150 * time.Millisecond
	maxDelay        = time.Hour
)

// Check returns every problem of s that concerns more than the form of a single value.
func (s *Serve) Check(src Sources) Problems {
	c := checker{src: src}
	c.tenants(s)
	c.redis(&s.Redis)
	c.stored(s)
	c.listen(s)
	c.adminListen(s)
	c.rum(s)
	c.tls(s.TLS)
	c.limits(s)
	c.telemetry(&s.Telemetry)
	return c.problems
}

type checker struct {
	src      Sources
	problems Problems
}

func (c *checker) add(flag, detail, fix string) {
	c.problems = append(c.problems, Problem{Source: c.src.Of(flag), Detail: detail, Fix: fix})
}

func (c *checker) tenants(s *Serve) {
	switch {
	case s.Tenants == "" && !s.Redis.Enabled():
		c.add("tenants", "no tenants are named",
			"name the file or directory of their documents by --tenants or "+Variable("tenants")+", or their Redis by --redis or "+Variable(redisFlag))
		return
	case s.Tenants != "" && s.Redis.Enabled():
		c.add("tenants", "the tenants are in "+c.src.Of(redisFlag),
			"remove one of the two; documents that decide when Redis has nothing are named by --baseline")
		return
	case s.Tenants == "":
		return
	}
	if _, err := os.Stat(s.Tenants); err != nil {
		c.add("tenants", "reading tenant documents: "+err.Error(), "")
	}
}

func (c *checker) listen(s *Serve) {
	address, err := ParseAddress(s.Listen)
	if err != nil {
		c.add("listen", err.Error(), "write host:port or unix:PATH")
		return
	}
	if !address.Local() && !s.TLS.Enabled() && !s.InsecureListen {
		c.add("listen", fmt.Sprintf("%s can be reached from other machines and has no TLS", s.Listen),
			"set --tls-cert and --tls-key, or permit it by --insecure-listen")
	}
}

func (c *checker) adminListen(s *Serve) {
	if s.AdminListen == "" {
		c.onlyWith("--admin-listen", "admin-host", "admin-profiles")
		return
	}
	for _, name := range s.AdminHosts {
		if !adminHost.MatchString(name) {
			c.add("admin-host", fmt.Sprintf("%q is not the name of a host", name), "write it without scheme and port")
		}
	}
	address, err := ParseAddress(s.AdminListen)
	if err != nil {
		c.add("admin-listen", err.Error(), "write host:port or unix:PATH, or leave it empty")
		return
	}
	if !address.Local() && !s.InsecureAdminListen {
		c.add("admin-listen", fmt.Sprintf("%s can be reached from other machines and is plain HTTP", s.AdminListen),
			"listen on 127.0.0.1, or permit it by --insecure-admin-listen")
	}
	if s.AdminListen == s.Listen && !anyPort(s.Listen) {
		c.add("admin-listen", "it is the same address as --listen", "choose another port")
	}
}

// adminHost is what a name can be: one of DNS, or of a container, which may have an underscore.
var adminHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$`)

// anyPort reports whether the system chooses the port.
func anyPort(listen string) bool {
	return len(listen) > 2 && listen[len(listen)-2:] == ":0"
}

func (c *checker) tls(t TLS) {
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		c.add("tls-cert", "the certificate has no key", "set --tls-key too")
	case t.CertFile == "" && t.KeyFile != "":
		c.add("tls-key", "the key has no certificate", "set --tls-cert too")
	}
	if t.ClientCAFile != "" && t.CertFile == "" && t.KeyFile == "" {
		c.add("tls-client-ca", "client certificates need a server certificate", "set --tls-cert and --tls-key too")
	}
	if len(t.ClientSANs) > 0 && t.ClientCAFile == "" {
		c.add("tls-client-san", "names of clients are checked only when client certificates are", "set --tls-client-ca too")
	}
}

func (c *checker) limits(s *Serve) {
	if s.MaxStreams < 0 {
		c.add("max-streams", fmt.Sprintf("%d requests in flight are fewer than none", s.MaxStreams), "write 0, for what memory has room for, or more")
	}
	delays := []struct {
		flag  string
		value time.Duration
	}{
		{"drain-delay", s.DrainDelay}, {"stop-timeout", s.StopTimeout},
	}
	for _, d := range delays {
		if d.value < 0 || d.value > maxDelay {
			c.add(d.flag, fmt.Sprintf("%s is outside 0s to %s", d.value, maxDelay), "")
		}
	}
	if s.MaxConnectionAge < time.Second {
		c.add("max-connection-age", fmt.Sprintf("%s is less than 1s", s.MaxConnectionAge), "write at least 1s; the default is 30m")
	}
}
