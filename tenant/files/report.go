package files

import (
	"reflect"
	"slices"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// Report says what is in force and what is wrong.
type Report struct {
	// LoadedAt is when the tenants in force last changed; zero before the first load.
	LoadedAt time.Time
	// Files is the number of files that tenants come from.
	Files int
	// Tenants is the number of tenants in force.
	Tenants int
	// Kept names the files of which something older is in force than they have now.
	Kept []string
	// Problems is everything wrong with the files as they are now.
	Problems document.Problems
	// Dangers counts the tenants in force by what is dangerous about their policies.
	Dangers tenant.DangerCount
}

// Ready reports whether there is a tenant to decide by.
func (r Report) Ready() bool { return r.Tenants > 0 }

// Stats are counts since the start, for metrics.
type Stats struct {
	// Created, Updated and Deleted tenants, without the first load.
	Created, Updated, Deleted int
	// Invalid documents, those with a HostConflict, Unreadable files, and what is HeldBack: each once, until it is
	// another problem.
	Invalid, HostConflicts, Unreadable, HeldBack int
}

// status is what a look at the files leaves behind. It does not change.
type status struct {
	Report
	stats Stats
}

// Status is the report of the last reload; its slices must not be changed.
func (s *Store) Status() Report { return s.current().Report }

// Stats returns the counts since the start.
func (s *Store) Stats() Stats { return s.current().stats }

func (s *Store) current() *status {
	if current := s.status.Load(); current != nil {
		return current
	}
	return &status{}
}

// announce keeps what there is to say after a look, and returns it; last, if it is nothing new.
func (s *Store) announce(last *status, snapshot *tenant.Snapshot, out tenant.Outcome, problems document.Problems) *status {
	survey := snapshot.Survey(nil)
	found, kept := s.files.problems(snapshot, &survey)
	next := &status{stats: last.stats, Report: Report{
		LoadedAt: last.LoadedAt, Tenants: snapshot.Tenants(), Kept: kept, Problems: append(problems, found...), Dangers: survey.Dangers,
	}}
	for _, f := range s.files {
		if f.counts != nil {
			next.Files++
		}
	}
	if s.status.Load() != nil && !out.Changed && reflect.DeepEqual(last.Report, next.Report) {
		return last
	}
	if out.Changed && snapshot.Tenants() > 0 {
		if !last.LoadedAt.IsZero() {
			next.stats.Created += out.Created
			next.stats.Updated += out.Updated
			next.stats.Deleted += out.Deleted
		}
		next.LoadedAt = time.Now()
	}
	next.stats.count(next.fresh(last.Report))
	s.status.Store(next)
	return next
}

// fresh are the problems that last did not have.
func (r Report) fresh(last Report) document.Problems {
	known := make(map[document.Problem]bool, len(last.Problems))
	for i := range last.Problems {
		known[last.Problems[i]] = true
	}
	return slices.DeleteFunc(slices.Clone(r.Problems), func(p document.Problem) bool { return known[p] })
}

// count counts documents and files with new problems.
func (s *Stats) count(problems document.Problems) {
	type place struct {
		file     string
		document int
		counter  *int
	}
	counted := make(map[place]bool)
	for i := range problems {
		p := &problems[i]
		at := place{p.File, p.Document, &s.Invalid}
		switch p.Code {
		case document.CodeHostTaken, document.CodeIDTaken:
			at.counter = &s.HostConflicts
		case CodeFile:
			at.counter = &s.Unreadable
		case CodeNoFiles, CodeNothingLeft, CodeHeldBack, CodeNotWhole:
			at.counter = &s.HeldBack
		default:
		}
		if !counted[at] {
			counted[at] = true
			*at.counter++
		}
	}
}

// maxLogged bounds the problems of one reload that are logged one by one.
const maxLogged = 20

// log tells what is new.
func (s *Store) log(before, after *status) {
	s.opt.Log.Info("tenant files were read", "path", s.opt.Path, "changed", !before.LoadedAt.Equal(after.LoadedAt),
		"files", after.Files, "tenants", after.Tenants, "problems", len(after.Problems), "kept", after.Kept)
	problems := after.fresh(before.Report)
	for i := range problems[:min(len(problems), maxLogged)] {
		p := &problems[i]
		s.opt.Log.Warn("a tenant document has a problem", "file", p.File, "line", p.Line, "column", p.Column,
			"tenant", p.Tenant, "field", p.Path, "value", p.Value, "code", string(p.Code), "detail", p.Detail, "fix", p.Fix)
	}
}
