package statefile

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// Names in the directory.
const (
	logName   = "tenants.log"
	lockName  = "tenants.lock"
	tempName  = logName + ".tmp"
	ignored   = ".ignored"
	damaged   = ".damaged"
	beforeAll = ".before"
)

// Options of a [File]. Zero values get the defaults that are named.
type Options struct {
	// Dir is the directory; it is made when it is not there. Required.
	Dir string
	// Identity names the store, for example by its key prefix and the kind of its addresses.
	// A file of another identity is not used. At most 1,024 bytes. Required.
	Identity string
	// ValidID reports whether an id can be a tenant's. Others are neither written nor
	// loaded. Default: every id of 1 to 63 bytes.
	ValidID func(id string) bool
	// Keep reports whether a document is still worth its place on disk; it is asked when
	// the log is rewritten, from the goroutine of Run, after Load has returned. For a
	// copy that is a part of the store. Default: all are.
	Keep func(id string) bool
	// Interval is the least time between two writes. Default: 1 s.
	Interval time.Duration
	// IdleInterval is the same for a commit that says nothing new but its time. Default: 1 min.
	IdleInterval time.Duration
	// BytesPerSecond bounds the rate of writing, unless more than half of MaxPending
	// waits. Default: 20 MB.
	BytesPerSecond int
	// MaxPending bounds the bytes that wait to be written. Default: 128 MiB.
	MaxPending int
	// ExitWithin bounds the last write when Run ends; a call of the operating system that
	// hangs is not interrupted. Default: 2 s.
	ExitWithin time.Duration
	// Log takes changes of state. Default: none.
	Log *slog.Logger
}

// maxIdentity bounds [Options.Identity].
const maxIdentity = 1024

func (o *Options) complete() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("no directory is given"))
	}
	if o.Identity == "" || len(o.Identity) > maxIdentity {
		errs = append(errs, fmt.Errorf("the identity of the store has %d bytes: give 1 to %d", len(o.Identity), maxIdentity))
	}
	if o.ValidID == nil {
		o.ValidID = func(string) bool { return true }
	}
	if o.Keep == nil {
		o.Keep = func(string) bool { return true }
	}
	setDefault(&o.Interval, time.Second)
	setDefault(&o.IdleInterval, time.Minute)
	setDefault(&o.BytesPerSecond, 20_000_000)
	setDefault(&o.MaxPending, 128<<20)
	setDefault(&o.ExitWithin, 2*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(errs) > 0 {
		return fmt.Errorf("opening the state directory: %w", errors.Join(errs...))
	}
	return nil
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// File is the last good documents of one store on disk. Make it with [New], then
// Load once and Run. All other methods are for any goroutine.
type File struct {
	opt Options
	dir string
	// loaded is closed when Load has returned; the two below are then for Run.
	loaded chan struct{}
	once   sync.Once
	// seen is the log as this process last read or wrote it, loadedTo the position that Load gave.
	seen     mark
	loadedTo store.Position

	mu      sync.Mutex
	pending pending
	status  Status
	wake    chan struct{}

	// The rest belongs to the goroutine of Run.

	lock *lockFile
	log  *logFile // nil while it is not open
	pace pace
	// others is the last commit of another process that the log continues; nil when the
	// log holds nothing but what this process loaded and wrote.
	others *store.Saved
	// owned says that this process has written to the directory.
	owned bool
	// rewrite says that nothing may be appended before the log is made anew.
	rewrite bool
	// renamed says that the directory must be synced before anything else.
	renamed bool
	// compactAfter is when the next try to rewrite a log that has grown may be made.
	compactAfter time.Time
	compactRetry backOff
	compactErr   error
	// flushed is when something was last written, asked the commit that was to be written then.
	flushed time.Time
	asked   store.Saved
	// rewriteFrom is the least number of dead bytes that a log is made anew for.
	rewriteFrom int64
	// before is called before each step on disk; an error fails it. For tests; may be nil.
	before func(step string) error
}

var _ store.State = (*File)(nil)

// New makes the state kept in a directory and touches nothing there yet. The error is
// about opt.
func New(opt Options) (*File, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the state directory: %w", err)
	}
	f := &File{
		opt: opt, dir: dir, loaded: make(chan struct{}), wake: make(chan struct{}, 1),
		pace: pace{rate: opt.BytesPerSecond}, rewriteFrom: 4 << 20,
	}
	f.status.Path = f.path(logName)
	f.pending.init()
	return f, nil
}

func (f *File) path(name string) string { return filepath.Join(f.dir, name) }

// step lets a test fail a step, or look at the disk before it.
func (f *File) step(name string) error {
	if f.before == nil {
		return nil
	}
	return f.before(name)
}
