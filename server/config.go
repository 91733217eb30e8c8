package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Defaults of [Config].
const (
	DefaultMaxStreams = 100_000

	DefaultFirstMessage = 2 * time.Second
	DefaultStreamLife   = 15 * time.Minute
)

// Config is what a [Service] needs.
type Config struct {
	// Registry finds tenants. It must be set. It bounds the time that a lookup takes: the answer has to come before
	// Envoy's message_timeout, whose default is 200 ms (rule 77).
	Registry tenant.Registry
	// UnknownTenant is what hosts without a tenant get (rule 28).
	UnknownTenant policy.UnknownTenant
	// TenantAttribute names the request or response attribute that holds a tenant
	// id, for example "xds.route_metadata.filter_metadata['tenant']['id']". The gRPC
	// metadata key x-tenant wins over it. Empty means none.
	TenantAttribute string
	// MaxStreams bounds the streams that are looked up at once; those beyond get the
	// closed answer of policy.Overload. 0 means [DefaultMaxStreams].
	MaxStreams int
	// FirstMessage is how long a stream may stay silent; 0 means [DefaultFirstMessage].
	FirstMessage time.Duration
	// StreamLife bounds a stream in all; 0 means [DefaultStreamLife]. Streams are held to both limits while
	// [Service.Run] runs, and to a quarter of the shorter one.
	StreamLife time.Duration
	// Observe is told of each decision, on the stream's goroutine; nil tells nobody.
	// It must not block, and must not keep the observation; a copy may be kept but for its RequestID.
	Observe func(*Observation)
	// OnUse is told of the first use of an entry on each day; nil tells nobody.
	OnUse tenant.OnUse
	// Log gets panics; nil means slog.Default.
	Log *slog.Logger
	// Clock gives the wall clock of decisions; nil means time.Now.
	Clock func() time.Time
}

// Service is the ext_proc service. It is safe for concurrent use.
type Service struct {
	registry        tenant.Registry
	unknown         policy.UnknownTenant
	tenantAttribute string
	maxStreams      int
	observer        func(*Observation)
	onUse           tenant.OnUse
	panics          *panicLog
	clock           func() time.Time
	fixed           fixedReplies
	replies         *memo
	streams         *openStreams
}

// New checks cfg and returns a service. The error joins everything that is wrong.
func New(cfg Config) (*Service, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configuring the ext_proc service: %w", err)
	}
	s := &Service{
		registry:        cfg.Registry,
		unknown:         cfg.UnknownTenant,
		tenantAttribute: cfg.TenantAttribute,
		maxStreams:      cfg.MaxStreams,
		observer:        cfg.Observe,
		onUse:           cfg.OnUse,
		panics:          newPanicLog(cfg.Log),
		clock:           cfg.Clock,
		fixed:           newFixedReplies(),
		replies:         newMemo(),
	}
	if s.maxStreams == 0 {
		s.maxStreams = DefaultMaxStreams
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	s.streams = newOpenStreams(cmp.Or(cfg.FirstMessage, DefaultFirstMessage), cmp.Or(cfg.StreamLife, DefaultStreamLife))
	return s, nil
}

// Run ends streams that are silent, or open, for too long, until ctx ends.
func (s *Service) Run(ctx context.Context) { s.streams.run(ctx) }

func (cfg *Config) check() error {
	var problems []error
	if cfg.Registry == nil {
		problems = append(problems, errors.New("no registry"))
	}
	if cfg.UnknownTenant > policy.UnknownForward {
		problems = append(problems, fmt.Errorf("unknown tenant choice %d does not exist", cfg.UnknownTenant))
	}
	if cfg.FirstMessage < 0 || cfg.StreamLife < 0 {
		problems = append(problems, fmt.Errorf("a stream cannot be silent for %s and live for %s", cfg.FirstMessage, cfg.StreamLife))
	}
	if cfg.MaxStreams < 0 {
		problems = append(problems, fmt.Errorf("at most %d streams is less than none", cfg.MaxStreams))
	}
	return errors.Join(problems...)
}
