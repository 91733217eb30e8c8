package files_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/files"
)

// bench is a store over a directory, which is looked at when a test says so, in time that passes when a test waits.
type bench struct {
	*files.Store
	*testing.T
	dir string
}

func inDirectory(t *testing.T, opt files.Options, run func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, dir: t.TempDir()}
		opt.Path = b.dir
		var err error
		if b.Store, err = files.New(opt); err != nil {
			t.Fatal(err)
		}
		run(b)
	})
}

func (b *bench) write(name, content string)   { b.Helper(); write(b.T, b.dir, name, content) }
func (b *bench) replace(name, content string) { b.Helper(); replace(b.T, b.dir, name, content) }
func (b *bench) remove(name string)           { b.Helper(); remove(b.T, b.dir, name) }

// look has the files looked at.
func (b *bench) look() { _ = b.Load() } // what is wrong is in the status

// settle looks, waits until what is still counts, and looks again.
func (b *bench) settle() {
	b.look()
	<-time.After(time.Second)
	b.look()
}

// owner is who has host: an id, or the freshness of nobody.
func (b *bench) owner(host string) string {
	k := tenant.Key{Authority: host}
	if id, isID := strings.CutPrefix(host, "/"); isID {
		k = tenant.Key{Hint: id}
	}
	v := b.Lookup(b.Context(), k)
	if v.Freshness != tenant.Live {
		return v.Freshness.String()
	}
	return v.ID()
}

// want compares who has hosts, or what is under ids, which begin with a slash.
func (b *bench) want(wants map[string]string) {
	b.Helper()
	for host, want := range wants {
		if got := b.owner(host); got != want {
			b.Errorf("%s belongs to %q, want %q; status: %+v", host, got, want, b.Status())
		}
	}
}

// allows reports whether a tenant with host allows an origin on a path.
func (b *bench) allows(host, path, origin string) bool {
	v := b.Lookup(b.Context(), tenant.Key{Authority: host, Path: path})
	q := policy.Request{Method: "GET", Scheme: "https", Authority: host, Origin: origin}
	res := v.Decide(&q, policy.UnknownRefuse)
	return res.Outcome == policy.Allowed
}

// problems compares codes and files of the problems.
func (b *bench) problems(want ...string) {
	b.Helper()
	var got []string
	problems := b.Status().Problems
	for i := range problems {
		got = append(got, fmt.Sprintf("%s %s", filepath.Base(problems[i].File), problems[i].Code))
	}
	if !slices.Equal(got, want) {
		b.Errorf("problems %q, want %q:\n%v", got, want, problems)
	}
}

// kept compares the files of which something older is in force.
func (b *bench) kept(want ...string) {
	b.Helper()
	var got []string
	for _, name := range b.Status().Kept {
		got = append(got, filepath.Base(name))
	}
	if !slices.Equal(got, want) {
		b.Errorf("kept %q, want %q", got, want)
	}
}

// told is the one problem with a code and what there is to do.
func (b *bench) told(code policy.Code, parts ...string) {
	b.Helper()
	problems := b.Status().Problems
	for i := range problems {
		text := problems[i].String()
		if problems[i].Code == code && !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) }) {
			return
		}
	}
	b.Errorf("no problem %s with %q in:\n%v", code, parts, problems)
}
