package files

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/internal/boundedfile"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// Defaults of [Options].
const (
	defaultDebounce = 100 * time.Millisecond
	defaultSettle   = time.Second
	defaultPoll     = 10 * time.Second
)

// Options of a store.
type Options struct {
	// Path is a file, or a directory whose *.yaml, *.yml and *.json are read, but neither
	// hidden files nor what lies in deeper directories. It may come into being later. Required.
	Path string
	// Debounce is how long the files must be quiet before a change is read, so that a
	// half-written file is seldom looked at. Default: 100 ms.
	Debounce time.Duration
	// Settle is how long a file that is written in place, and says nothing of its end, must be still before it counts,
	// and how long one must be gone. Default: 1 s.
	Settle time.Duration
	// Poll is how often the files are looked at without a notification. Default: 10 s.
	Poll time.Duration
	// Limit bounds the tenants that vanish, or lose all their origins, within a minute. Default: the larger of 50 and
	// 2 % of them.
	Limit tenant.MassChangeLimit
	// MaxBytes bounds the documents in force, all together, in bytes of their protobuf encoding. Default: no bound.
	MaxBytes int64
	// Log takes one line a change. Default: none.
	Log *slog.Logger
	// OnReload is called after each reload that changed what is in force or what is wrong,
	// from the goroutine that reloaded. Default: nil.
	OnReload func(Report)
}

// Store is the registry of the tenants in files. Make it with [New].
type Store struct {
	opt      Options
	snapshot atomic.Pointer[tenant.Snapshot]
	status   atomic.Pointer[status]
	reader   boundedfile.Reader
	read     func(name string, known *stamp) (content, error)

	mu    sync.Mutex // one look at a time; nobody else waits for it
	files set        // under mu, as all below
	// started: the files have been read for the first time.
	started bool
	// unmerged: the snapshot is not yet that of the files.
	unmerged bool
	// own are the problems of whole files and of the path that were told last.
	own document.Problems
}

var _ tenant.Registry = (*Store)(nil)

// New makes a store and reads nothing yet: see [Store.Load] and [Store.Run].
// The error is about opt.
func New(opt Options) (*Store, error) {
	if opt.Path == "" {
		return nil, errors.New("opening the tenant files: no path is given")
	}
	path, err := filepath.Abs(opt.Path)
	if err != nil {
		return nil, fmt.Errorf("opening the tenant files: %w", err)
	}
	opt.Path = path
	if opt.Debounce <= 0 {
		opt.Debounce = defaultDebounce
	}
	if opt.Settle <= 0 {
		opt.Settle = defaultSettle
	}
	if opt.Poll <= 0 {
		opt.Poll = defaultPoll
	}
	if opt.Limit == (tenant.MassChangeLimit{}) {
		opt.Limit = tenant.MassChangeLimit{Tenants: 50, Percent: 2}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{opt: opt, read: read, files: make(set)}, nil
}

// Lookup implements [tenant.Registry]. Before the first good document every
// tenant is [tenant.Unavailable].
func (s *Store) Lookup(ctx context.Context, k tenant.Key) tenant.View {
	snapshot := s.snapshot.Load()
	if snapshot == nil {
		return tenant.View{Freshness: tenant.Unavailable}
	}
	return snapshot.Lookup(ctx, k)
}

// Snapshot is what is in force; nil before the first good document.
func (s *Store) Snapshot() *tenant.Snapshot { return s.snapshot.Load() }

// Load reads the files now. It fails with [ErrNoTenants], joined with all
// problems, when not one document has been good so far; the store can still be
// run, and takes the first good document that appears. Problems beside a
// good document are no failure: see [Store.Status].
func (s *Store) Load() error {
	r, _ := s.reload(context.Background())
	if r.Ready() {
		return nil
	}
	return errors.Join(fmt.Errorf("reading tenants from %s: %w", s.opt.Path, ErrNoTenants), r.Problems.Err())
}

// Run reads the files and follows their changes until ctx ends; it then
// returns nil. It loads first, unless Load has been called. Without file
// notifications it polls every second and says so in the log.
func (s *Store) Run(ctx context.Context) error {
	w := newWatch(s.opt.Path, s.opt.Log)
	defer w.close()
	poll := s.opt.Poll
	if !w.alive() {
		poll = min(poll, time.Second)
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	quiet := newDebounce(s.opt.Debounce)
	defer quiet.stop()
	settled := time.NewTimer(poll)
	settled.Stop()
	defer settled.Stop()
	look := func() {
		if _, wake := s.reload(ctx); wake > 0 {
			settled.Reset(wake)
		}
	}
	// The watch is set up before the first look, so that no change falls between.
	w.sync(ctx, &s.reader)
	look()
	events, failures := w.events()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			if w.matters(e) {
				quiet.touch()
			}
			continue
		case err := <-failures:
			s.opt.Log.WarnContext(ctx, "file notifications were lost; reading all tenant files", "error", err)
			quiet.touch()
			continue
		case <-quiet.timer.C:
			quiet.done()
		case <-settled.C:
		case <-ticker.C:
		}
		look()
		if w.sync(ctx, &s.reader) {
			quiet.touch()
		}
	}
}

// reload looks at the files, puts in force what can be, and reports. A file that is not still counts after wake, if there
// is one.
func (s *Store) reload(ctx context.Context) (r Report, wake time.Duration) {
	before, after, wake := s.look(ctx)
	if after != before {
		s.log(before, after)
		if s.opt.OnReload != nil {
			s.opt.OnReload(after.Report)
		}
	}
	return after.Report, wake
}

// look puts in force what can be. It tells nobody: the lock is not to be held for as long as that takes.
func (s *Store) look(ctx context.Context) (before, after *status, wake time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := moment{now: time.Now(), settle: s.opt.Settle, first: !s.started}
	before = s.current()
	changed, problems := s.scan(ctx, &m)
	s.unmerged = s.unmerged || changed
	if ctx.Err() != nil {
		return before, before, 0
	}
	s.started = s.started || len(s.files) > 0
	snapshot, out := s.snapshot.Load(), tenant.Outcome{}
	if snapshot == nil {
		snapshot = tenant.NewSnapshot()
	}
	merge := len(s.files) > 0 && (s.unmerged || len(snapshot.Held()) > 0)
	if merge {
		var left bool
		if snapshot, out, left = s.merge(snapshot, &m); !left {
			problems = append(problems, problem(s.opt.Path, CodeNothingLeft, "no good document is left; what was in force stays", ""))
		}
	}
	own := append(s.files.own(), problems...)
	if !merge && s.status.Load() != nil && slices.Equal(own, s.own) {
		return before, before, m.wake
	}
	s.own = own
	after = s.announce(before, snapshot, out, problems)
	return before, after, m.wake
}

// merge puts in force what the files say, unless nothing would be left of a snapshot.
func (s *Store) merge(before *tenant.Snapshot, m *moment) (next *tenant.Snapshot, out tenant.Outcome, left bool) {
	next, out = s.files.merge(before, !m.growing, tenant.Rules{Now: m.now, Limit: s.opt.Limit, MaxBytes: s.opt.MaxBytes})
	if next.Tenants() == 0 && before.Tenants() > 0 {
		return before, tenant.Outcome{}, false
	}
	s.unmerged = m.growing || next.Tenants() == 0
	if next.Tenants() > 0 {
		s.snapshot.Store(next)
	}
	return next, out, true
}
