package config

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/policy"
)

// Serve is the configuration of the serving process.
type Serve struct {
	// Tenants is the file or directory of tenant documents. Either it or Redis is set.
	Tenants string
	// Redis is where the tenants are, unless they are in files.
	Redis Redis
	// Stored says how the process keeps the tenants in Redis.
	Stored Stored
	// Listen is where Envoy connects: "host:port" or "unix:PATH".
	Listen string
	// AdminListen is where metrics, denials, health and readiness are served; "" means nowhere.
	AdminListen string
	// AdminHosts are names that requests to AdminListen may have as their host, besides addresses,
	// localhost and the name in AdminListen.
	AdminHosts []string
	// AdminProfiles serves profiles of the process there, too.
	AdminProfiles bool
	// RUM says where reports of pages are collected.
	RUM RUM
	// TLS secures Listen.
	TLS TLS
	// InsecureListen permits Listen off loopback without TLS.
	InsecureListen bool
	// InsecureAdminListen permits AdminListen, which is plain HTTP, off loopback.
	InsecureAdminListen bool
	// UnknownTenant is "refuse", "strip" or "forward" (rule 28).
	UnknownTenant string
	// TenantAttribute is the request attribute that names the tenant, or "".
	TenantAttribute string
	// MaxStreams is how many requests may be in flight at once; 0 is what memory has room for.
	MaxStreams int
	// DrainDelay is how long the process goes on serving after it reported NOT_SERVING; it
	// must be longer than Envoy's health check interval times its threshold.
	DrainDelay time.Duration
	// StopTimeout bounds the wait for requests in flight once the drain delay is over.
	StopTimeout time.Duration
	// MaxConnectionAge is when a connection is asked to go, so that Envoy spreads load over
	// new processes. With TLS it also bounds how long a removed authority is trusted.
	MaxConnectionAge time.Duration
	// Telemetry is what is measured.
	Telemetry Telemetry
	// LogLevel is "debug", "info", "warn" or "error".
	LogLevel string
	// LogFormat is "json" or "text".
	LogFormat string
	// ConfigFile is the file that settings were read from, or "".
	ConfigFile string
}

// TLS names the files of a TLS server. All of them are read again when they change.
type TLS struct {
	// CertFile and KeyFile are PEM; both or none are set.
	CertFile, KeyFile string
	// ClientCAFile is PEM; when set, clients must present a certificate of it.
	ClientCAFile string
	// ClientSANs, when not empty, are the only subject alternative names that clients may have: a URI
	// with its scheme, an IP address, an e-mail address or a DNS name. Each is one of its own type only.
	ClientSANs []string
}

// Enabled reports whether a certificate is configured.
func (t TLS) Enabled() bool { return t.CertFile != "" && t.KeyFile != "" }

// Bind defines the flags of serve on fs, with their defaults.
func (s *Serve) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&s.Tenants, "tenants", "", "`PATH` of the file or directory of tenant documents; either it or --redis is required")
	s.Redis.Bind(fs)
	s.Stored.Bind(fs)
	fs.StringVar(&s.Listen, "listen", "127.0.0.1:9002", "`ADDRESS` where Envoy connects: host:port or unix:PATH")
	fs.StringVar(&s.AdminListen, "admin-listen", "127.0.0.1:9003", "`ADDRESS` where metrics, denials, health and readiness are served; empty for nowhere")
	fs.StringSliceVar(&s.AdminHosts, "admin-host", nil, "`NAME` in the URLs by which others ask --admin-listen; addresses and localhost need none; repeat for more")
	fs.BoolVar(&s.AdminProfiles, "admin-profiles", false, "serve profiles of the process on --admin-listen, one at a time, of at most 30s")
	s.RUM.Bind(fs)
	fs.StringVar(&s.TLS.CertFile, "tls-cert", "", "`FILE` of the server certificate chain (PEM), read again on change")
	fs.StringVar(&s.TLS.KeyFile, "tls-key", "", "`FILE` of the server's private key (PEM), read again on change")
	fs.StringVar(&s.TLS.ClientCAFile, "tls-client-ca", "", "`FILE` of the authorities (PEM) that client certificates must come from")
	fs.StringSliceVar(&s.TLS.ClientSANs, "tls-client-san", nil, "subject alternative `NAME` that a client may have: DNS name, URI with its scheme, IP address or e-mail address; repeat for more")
	fs.BoolVar(&s.InsecureListen, "insecure-listen", false, "permit --listen off loopback without TLS")
	fs.BoolVar(&s.InsecureAdminListen, "insecure-admin-listen", false, "permit --admin-listen, which is plain HTTP, off loopback")
	BindUnknownTenant(fs, &s.UnknownTenant)
	fs.StringVar(&s.TenantAttribute, "tenant-attribute", "", "`NAME` of the Envoy attribute whose value is the tenant id")
	fs.IntVar(&s.MaxStreams, "max-streams", 0, "most requests in flight at once; by default what a quarter of the memory limit has room for, at 14 kB each, and at most 100000")
	fs.DurationVar(&s.DrainDelay, "drain-delay", 5*time.Second, "how long to go on serving after reporting NOT_SERVING")
	fs.DurationVar(&s.StopTimeout, "stop-timeout", 20*time.Second, "longest wait for requests in flight after the drain delay")
	fs.DurationVar(&s.MaxConnectionAge, "max-connection-age", 30*time.Minute, "age at which a connection is asked to go, so that load spreads over new processes")
	s.Telemetry.Bind(fs)
	Choice(fs, &s.LogLevel, Choices{
		Name: "log-level", Values: []string{"info", "debug", "warn", "error"},
		Usage: "least level that is logged",
	})
	Choice(fs, &s.LogFormat, Choices{
		Name: "log-format", Values: []string{"json", "text"}, Usage: "format of the log on standard error",
	})
	fs.StringVar(&s.ConfigFile, configFlag, "", "YAML `FILE` of settings; its keys are the flag names with underscores")
}

// BindUnknownTenant defines --unknown-tenant on fs.
func BindUnknownTenant(fs *pflag.FlagSet, target *string) {
	Choice(fs, target, Choices{
		Name: "unknown-tenant", Values: []string{"refuse", "strip", "forward"},
		Usage: "hosts without a tenant: refuse their preflights, also strip the application's CORS headers, or forward all",
	})
}

// UnknownTenant is the policy of a value of --unknown-tenant (rule 28). Other words, which
// the flag does not admit, are the strictest.
func UnknownTenant(word string) policy.UnknownTenant {
	switch word {
	case "strip":
		return policy.UnknownStrip
	case "forward":
		return policy.UnknownForward
	default:
		return policy.UnknownRefuse
	}
}
