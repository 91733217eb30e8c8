package config

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"
)

// Stored says how a process keeps the tenants in Redis. All of it counts
// only with [Serve.Redis].
type Stored struct {
	// StateDir keeps the last good tenants from one run to the next; "" keeps nothing.
	StateDir string
	// Baseline is a file or directory of tenant documents that decide where Redis and
	// StateDir have nothing, or "".
	Baseline string
	// Lazy loads a tenant when it is first asked for, instead of all at the start.
	Lazy bool
	// MaxTenants bounds the tenants in memory when Lazy is set.
	MaxTenants int
	// TTL is how long tenants are live after Redis was last heard; with Lazy it is the age at which one is read again.
	TTL time.Duration
	// MaxStale is how long a tenant decides that Redis has not confirmed.
	MaxStale time.Duration
	// Resync is how often all tenants are read again, for what was written without being announced.
	Resync time.Duration
	// LookupBudget is the longest time that a request waits for a tenant that is not in
	// memory; keep it below Envoy's message_timeout (rule 77).
	LookupBudget time.Duration
	// RequirePolicies keeps the process NOT_SERVING until it has a tenant to decide by,
	// however long that takes.
	RequirePolicies bool
	// RecordUsage writes to Redis on which day each entry of a tenant was last used.
	RecordUsage bool
	// UsageUsername is the ACL user that does so, and UsagePasswordFile holds its password; "" means the
	// user that reads the tenants.
	UsageUsername, UsagePasswordFile string
}

// Bind defines the flags on fs.
func (m *Stored) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&m.StateDir, "state-dir", "", "`DIRECTORY` that keeps the last good tenants of Redis for the next start")
	fs.StringVar(&m.Baseline, "baseline", "", "`PATH` of tenant documents that decide where Redis has given nothing yet")
	fs.BoolVar(&m.Lazy, "lazy", false, "load a tenant of Redis when it is first asked for, instead of all at the start")
	fs.IntVar(&m.MaxTenants, "max-tenants", 100_000, "most tenants in memory with --lazy")
	fs.DurationVar(&m.TTL, "ttl", 30*time.Second, "how long tenants are live after Redis was last heard; with --lazy, the age at which one is read again")
	fs.DurationVar(&m.MaxStale, "max-stale", 24*time.Hour, "how long a tenant decides that Redis has not confirmed")
	fs.DurationVar(&m.Resync, "resync", 15*time.Minute, "how often all tenants are read again, for what was written without being announced")
	fs.DurationVar(&m.LookupBudget, "lookup-budget", 10*time.Millisecond, "longest wait of a request for a tenant that is not in memory; keep it below Envoy's message_timeout")
	fs.BoolVar(&m.RequirePolicies, "require-policies", false, "stay NOT_SERVING as long as there is no tenant at all; by default for 30s")
	fs.BoolVar(&m.RecordUsage, recordUsage, false, "write to Redis on which day each entry was last used, for corsgate tenant audit")
	fs.StringVar(&m.UsageUsername, "usage-redis-username", "", "ACL user `NAME` for --record-usage; that of --redis by default")
	fs.StringVar(&m.UsagePasswordFile, "usage-redis-password-file", "", "`FILE` with its password, read again for each connection")
}

// recordUsage names the flag of [Stored.RecordUsage].
const recordUsage = "record-usage"

// Bounds of settings. Below a second of TTL, all of Redis would be read all the time.
const (
	minTTL      = time.Second
	maxTTL      = time.Hour
	maxMaxStale = 30 * 24 * time.Hour
	maxTenants  = 10_000_000
	minResync   = 10 * time.Second
	maxResync   = 24 * time.Hour
)

// stored checks s.Stored.
func (c *checker) stored(s *Serve) {
	m := &s.Stored
	if !s.Redis.Enabled() {
		c.onlyWith("--redis", "state-dir", "baseline", "lazy", "max-tenants", "ttl", "max-stale", "resync", "lookup-budget", "require-policies",
			recordUsage, "usage-redis-username", "usage-redis-password-file")
		return
	}
	c.usage(m)
	if info, err := os.Stat(m.StateDir); m.StateDir != "" && err == nil && !info.IsDir() {
		c.add("state-dir", m.StateDir+" is not a directory", "")
	}
	if m.Baseline != "" {
		if _, err := os.Stat(m.Baseline); err != nil {
			c.add("baseline", "reading tenant documents: "+err.Error(), "")
		}
	}
	if !m.Lazy {
		c.onlyWith("--lazy", "max-tenants")
	} else if m.MaxTenants < 1 || m.MaxTenants > maxTenants {
		c.add("max-tenants", fmt.Sprintf("%d is outside 1 to %d", m.MaxTenants, maxTenants), "")
	}
	if m.TTL < minTTL || m.TTL > maxTTL {
		c.add("ttl", fmt.Sprintf("%s is outside %s to %s", m.TTL, minTTL, maxTTL), "")
	}
	if m.MaxStale < m.TTL || m.MaxStale > maxMaxStale {
		c.add("max-stale", fmt.Sprintf("%s is outside --ttl, which is %s, to %s", m.MaxStale, m.TTL, maxMaxStale), "")
	}
	if m.Resync < minResync || m.Resync > maxResync {
		c.add("resync", fmt.Sprintf("%s is outside %s to %s", m.Resync, minResync, maxResync), "")
	}
	if m.LookupBudget < minLookupBudget || m.LookupBudget > maxLookupBudget {
		c.add("lookup-budget", fmt.Sprintf("%s is outside %s to %s", m.LookupBudget, minLookupBudget, maxLookupBudget),
			"choose less than half of Envoy's message_timeout")
	}
}

// usage checks the login of [Stored.RecordUsage].
func (c *checker) usage(m *Stored) {
	switch {
	case !m.RecordUsage:
		c.onlyWith("--"+recordUsage, "usage-redis-username", "usage-redis-password-file")
	case m.UsageUsername != "" && m.UsagePasswordFile == "":
		c.add("usage-redis-username", "a user without a password cannot log in", "set --usage-redis-password-file, too")
	case m.UsageUsername == "" && m.UsagePasswordFile != "":
		c.add("usage-redis-password-file", "whose password it is does not stand there", "set --usage-redis-username, too")
	default:
		c.secret("usage-redis-password-file", m.UsagePasswordFile)
	}
}
