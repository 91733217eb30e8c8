package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpstreamModes(t *testing.T) {
	agreeing := headers{"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-expose-headers": "X-ID"}
	ours := headers{"access-control-allow-origin": page, "access-control-allow-credentials": "true", "access-control-expose-headers": "x-id", "vary": "Origin"}
	for _, c := range []struct {
		name     string
		mode     UpstreamMode
		public   bool
		origin   string
		app      headers
		want     headers
		conflict bool
	}{
		{"override: nothing said", Override, false, page, nil, ours, false},
		{"override: the same said", Override, false, page, agreeing, ours, false},
		{"override: other things said", Override, false, page, leaky(), ours, true},
		{"override: two lines", Override, false, page, headers{"access-control-allow-origin": page + "," + page}, ours, true},
		{"override: a stranger", Override, false, stranger, agreeing, vary1, true},
		{"override: preflight headers only are no conflict of ours", Override, false, page, with(agreeing, "access-control-max-age", "5"), ours, false},
		{"fill: nothing said", Fill, false, page, headers{"vary": "Accept"}, with(ours, "vary", "Accept, Origin"), false},
		{"fill: the same said", Fill, false, page, agreeing, with(agreeing, "vary", "Origin"), false},
		{
			"fill: the application exposes its own names", Fill, false, page,
			with(agreeing, "access-control-expose-headers", "x-own", "access-control-allow-methods", "PUT"),
			with(agreeing, "access-control-expose-headers", "x-own", "vary", "Origin"), true,
		},
		{"fill: gaps are filled", Fill, false, page, headers{"access-control-allow-origin": page}, ours, true},
		{"fill: * is not what a specific policy allows", Fill, false, page, leaky(), ours, true},
		{"fill: another origin", Fill, false, page, headers{"access-control-allow-origin": stranger}, ours, true},
		{"fill: credentials spelled wrong", Fill, false, page, with(agreeing, "access-control-allow-credentials", "True"), with(ours, "access-control-expose-headers", "X-ID"), true},
		{"fill: a stranger whom the application allows", Fill, false, stranger, headers{"access-control-allow-origin": stranger}, vary1, true},
		{"fill: no Origin", Fill, false, "", agreeing, vary1, true},
		{"fill: public keeps *", Fill, true, page, headers{"access-control-allow-origin": "*"}, headers{"access-control-allow-origin": "*", "access-control-expose-headers": "x-id"}, true},
		{"fill: public lets no credentials through", Fill, true, page, leaky(), headers{"access-control-allow-origin": "*", "access-control-expose-headers": "x-b"}, true},
		{"fill: public overrides an echo", Fill, true, page, headers{"access-control-allow-origin": page}, headers{"access-control-allow-origin": "*", "access-control-expose-headers": "x-id"}, true},
		{"passthrough: only Vary", Passthru, false, page, leaky(), with(leaky(), "vary", "Origin"), true},
		{"passthrough: a stranger", Passthru, false, stranger, leaky(), with(leaky(), "vary", "Origin"), true},
		{"passthrough: nothing is added", Passthru, false, page, nil, vary1, false},
		{"passthrough: public", Passthru, true, page, agreeing, with(agreeing, "vary", "Origin"), true},
	} {
		t.Run("rule 72: "+c.name, func(t *testing.T) {
			spec := Spec{Origins: []string{page}, ExposeHeaders: []string{"x-id"}, Credentials: true, UpstreamHeaders: c.mode}
			if c.public {
				spec.Origins, spec.Credentials = []string{"*"}, false
			}
			r := actualFrom(c.origin)
			d := mustCompile(t, spec).Decide(&r)
			_, got := answer(&d, c.app)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			var e Edits
			if d.AppendEdits(&e, upstreamOf(c.app)); e.Conflict != c.conflict {
				t.Errorf("conflict %v, want %v", e.Conflict, c.conflict)
			}
		})
	}
}

func TestEditsReuseSlices(t *testing.T) {
	p := mustCompile(t, Spec{Origins: []string{page}})
	r := actualFrom(page)
	d := p.Decide(&r)
	e := Edits{Remove: []string{"stale"}, Set: []Header{{"stale", "x"}}, Conflict: true}
	d.AppendEdits(&e, nil)
	want := Edits{Remove: []string{}, Set: []Header{{"access-control-allow-origin", page}, {"vary", "Origin"}}}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("edits (-want +got):\n%s", diff)
	}
}

// No header is both removed and set: Envoy removes first, but nothing here depends on it.
func TestEditsNameEachHeaderOnce(t *testing.T) {
	for _, mode := range []UpstreamMode{Override, Fill, Passthru} {
		for _, o := range []string{page, stranger, "", "null"} {
			p := mustCompile(t, Spec{Origins: []string{page}, UpstreamHeaders: mode, TimingAllowOrigin: true, ExposeHeaders: []string{"x-id"}})
			r := actualFrom(o)
			d := p.Decide(&r)
			var e Edits
			d.AppendEdits(&e, upstreamOf(with(leaky(), "access-control-allow-origin", page)))
			seen := map[string]bool{}
			for _, name := range e.Remove {
				if seen[name] {
					t.Errorf("%v %q: %s twice", mode, o, name)
				}
				seen[name] = true
			}
			for _, h := range e.Set {
				if seen[h.Name] {
					t.Errorf("%v %q: %s twice", mode, o, h.Name)
				}
				seen[h.Name] = true
			}
		}
	}
}

func TestMergeVary(t *testing.T) {
	for _, c := range []struct {
		name, upstream, want string
		changed              bool
	}{
		{"nothing said", "", "Origin", true},
		{"others keep their order and case", "Accept-Encoding,accept", "Accept-Encoding, accept, Origin", true},
		{"there already, in any case", "accept, ORIGIN", "accept, ORIGIN", false},
		{"star stays", "*", "*", false},
		{"star among others stays", "Accept, *", "Accept, *", false},
		{"empty elements", " , ,", "Origin", true},
		{"no prefix counts", "X-Origin, Origin-X", "X-Origin, Origin-X, Origin", true},
		{"what is no name is left out", "Accept, a b, \x80, x\r\ny", "Accept, Origin", true},
	} {
		t.Run("rule 65: "+c.name, func(t *testing.T) {
			got, changed := mergeVary(c.upstream)
			if got != c.want || changed != c.changed {
				t.Errorf("got %q, %v; want %q, %v", got, changed, c.want, c.changed)
			}
		})
	}
}
