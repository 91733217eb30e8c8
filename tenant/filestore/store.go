package filestore

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

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// Defaults of [Options].
const (
	defaultDebounce = 100 * time.Millisecond
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
	// Poll is how often the files are looked at without a notification. Default: 10 s.
	Poll time.Duration
	// Log takes one line a change. Default: none.
	Log *slog.Logger
	// OnReload is called after each reload that changed what is in force or what is wrong,
	// from the goroutine that reloaded. Default: nil.
	OnReload func(Report)
}

// Report says what is in force and what is wrong.
type Report struct {
	// LoadedAt is when the tenants in force last changed; zero before the first load.
	LoadedAt time.Time
	// Files is the number of files that tenants come from.
	Files int
	// Tenants is the number of tenants in force.
	Tenants int
	// Kept names the files of which an older version is in force, because the newest
	// cannot be used or is gone.
	Kept []string
	// Problems is everything wrong with the files as they are now.
	Problems document.Problems
	// Dangers counts the tenants in force by what is dangerous about their policies.
	Dangers tenant.DangerCount
}

// Ready reports whether there is a tenant to decide by.
func (r Report) Ready() bool { return r.Tenants > 0 }

// Store is the registry of the tenants in files. Make it with [New].
type Store struct {
	opt      Options
	snapshot atomic.Pointer[tenant.Snapshot]
	report   atomic.Pointer[Report]

	mu    sync.Mutex // one reload at a time
	files []*file    // under mu: what is in force, by name
	stats Stats      // under mu
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
	if opt.Poll <= 0 {
		opt.Poll = defaultPoll
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{opt: opt}, nil
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

// Status is the report of the last reload; its slices must not be changed.
func (s *Store) Status() Report {
	if r := s.report.Load(); r != nil {
		return *r
	}
	return Report{}
}

// Load reads the files now. It fails with [ErrNoTenants], joined with all
// problems, when not one document has been good so far; the store can still be
// run, and takes the first good document that appears. Problems beside a
// good document are no failure: see [Store.Status].
func (s *Store) Load() error {
	r := s.reload()
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
	// The watch is set up before the first look, so that no change falls between.
	w.sync()
	s.reload()
	quiet := newDebounce(s.opt.Debounce)
	defer quiet.stop()
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
		case <-ticker.C:
		}
		s.reload()
		if w.sync() {
			quiet.touch()
		}
	}
}

// reload looks at the files, puts in force what can be, and reports.
func (s *Store) reload() Report {
	r, n := s.look()
	if n.any {
		s.log(r, n.changed)
		if s.opt.OnReload != nil {
			s.opt.OnReload(r)
		}
	}
	return r
}

// news is what a look at the files gave.
type news struct {
	any     bool // the report says something new
	changed bool // other documents are in force
}

// look puts in force what can be. It tells nobody: the lock is not to be held for as long as that takes.
func (s *Store) look() (Report, news) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, problems := s.scan()
	previous := s.snapshot.Load()
	if next != nil {
		problems = append(problems, settle(next)...)
		records := inForce(next)
		snapshot, _ := tenant.NewSnapshot(records, tenant.Options{Previous: previous})
		switch {
		case snapshot.Tenants() > 0:
			return s.publish(next, snapshot, problems)
		case previous == nil:
			s.files = next // to be compared with at the next look
		default:
			problems = append(problems, s.problem(CodeNothingLeft, "no good document is left; what was in force stays"))
		}
	}
	return s.announce(Report{Problems: problems}, s.files, false)
}

// publish puts a snapshot in force.
func (s *Store) publish(next []*file, snapshot *tenant.Snapshot, problems document.Problems) (Report, news) {
	changed := !slices.Equal(inForce(s.files), inForce(next)) || s.snapshot.Load() == nil
	s.files = next
	if changed {
		if before := s.snapshot.Load(); before != nil {
			s.stats.change(snapshot.Since(before))
		}
		s.snapshot.Store(snapshot)
	}
	return s.announce(Report{Problems: problems}, next, changed)
}

// announce completes and keeps r, if it says anything new.
func (s *Store) announce(r Report, files []*file, changed bool) (Report, news) {
	last := s.report.Load()
	if snapshot := s.snapshot.Load(); snapshot != nil {
		r.Tenants = snapshot.Tenants()
		r.Files = len(files)
	}
	for _, f := range files {
		if f.kept() {
			r.Kept = append(r.Kept, f.name)
		}
	}
	switch {
	case changed:
		r.LoadedAt, r.Dangers = time.Now(), s.snapshot.Load().Dangers()
	case last != nil:
		r.LoadedAt, r.Dangers = last.LoadedAt, last.Dangers
	}
	if last != nil && !changed && slices.Equal(last.Problems, r.Problems) && slices.Equal(last.Kept, r.Kept) {
		return *last, news{}
	}
	s.stats.reject(last, &r)
	s.report.Store(&r)
	return r, news{any: true, changed: changed}
}

// maxLogged bounds the problems of one reload that are logged one by one.
const maxLogged = 20

func (s *Store) log(r Report, changed bool) {
	s.opt.Log.Info("tenant files were read", "path", s.opt.Path, "changed", changed,
		"files", r.Files, "tenants", r.Tenants, "problems", len(r.Problems), "kept", r.Kept)
	for i := range r.Problems[:min(len(r.Problems), maxLogged)] {
		p := &r.Problems[i]
		s.opt.Log.Warn("a tenant document has a problem", "file", p.File, "line", p.Line, "column", p.Column,
			"tenant", p.Tenant, "field", p.Path, "value", p.Value, "code", string(p.Code), "detail", p.Detail, "fix", p.Fix)
	}
}

func (s *Store) problem(code policy.Code, detail string) document.Problem {
	return document.Problem{File: s.opt.Path, Problem: policy.Problem{Code: code, Detail: detail}}
}
