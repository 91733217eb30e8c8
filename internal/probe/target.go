package probe

import (
	"time"
)

// Target is one endpoint, as a person wrote it: flags make one, a suite file several.
type Target struct {
	// Name of the target in reports; the URL by default.
	Name string `yaml:"name"`
	// URL is what browsers ask: http or https, with a path. Required.
	URL string `yaml:"url"`
	// Direct is another address that is asked the same, with the host of URL: http or https, host and port.
	Direct string `yaml:"direct"`
	// Connect is the host:port to connect to for URL, instead of what its host resolves to.
	Connect string `yaml:"connect"`
	// CAFile has the authorities (PEM) that may vouch for the servers; the system's by default.
	CAFile string `yaml:"ca_file"`
	// InsecureSkipVerify takes any certificate.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
	// HTTP is the version to speak: "auto" (also for ""), "1.1" or "2".
	HTTP string `yaml:"http"`
	// Tenant is the id of the document that says what is expected; found by the host of URL by default.
	Tenant string `yaml:"tenant"`
	// DeniedOrigins get nothing; a random look-alike of an allowed one by default.
	DeniedOrigins []string `yaml:"denied_origins"`
	// Expose are response headers that must be listed for scripts, and be there.
	Expose []string `yaml:"expose"`
	// ErrorPaths are asked as PATH or PATH=STATUS, beside a path that nobody has.
	ErrorPaths []string `yaml:"error_paths"`
	// Expect says what is expected where no document does.
	Expect *Expect `yaml:"expect"`
}

// Expect is what a person knows of a policy. It is made into a policy, and that one is asked.
type Expect struct {
	// AllowedOrigins are entries as in a tenant document, wildcards included.
	AllowedOrigins []string `yaml:"allowed_origins"`
	// Methods that a preflight must be granted.
	Methods []string `yaml:"methods"`
	// DeniedMethod must be refused; one that is not in Methods by default.
	DeniedMethod string `yaml:"denied_method"`
	// Headers that a preflight must be granted.
	Headers []string `yaml:"headers"`
	// DeniedHeader must be refused; a random one by default.
	DeniedHeader string `yaml:"denied_header"`
	// Credentials are granted; else they must not be.
	Credentials bool `yaml:"credentials"`
	// Public is a policy for everybody, in place of AllowedOrigins.
	Public bool `yaml:"public"`
	// MaxAge of preflights; not looked at when nil.
	MaxAge *time.Duration `yaml:"max_age"`
}

// Bounds of what one target may ask for.
const (
	maxTargets    = 100
	maxErrorPaths = 16
	maxOrigins    = 4 // of each kind that are asked in one run
	maxHeaders    = 8
)
