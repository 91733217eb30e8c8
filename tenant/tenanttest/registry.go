package tenanttest

import (
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Document is a tenant document as a registry gets it.
type Document struct {
	// ID of the tenant.
	ID string
	// Hosts that the document lists, canonical.
	Hosts []string
	// Text is the document as JSON, which is YAML, too.
	Text string
}

// RunRegistry holds registries against what [tenant.Registry] and its rules say of lookups. open makes
// one that holds exactly docs and knows it. Waiting until it does is its affair.
func RunRegistry(t *testing.T, open func(t *testing.T, docs ...Document) tenant.Registry) {
	t.Helper()
	t.Run("owner", func(t *testing.T) { owners(t, open(t, manyDocuments()...)) })
	t.Run("no default", func(t *testing.T) {
		r := open(t, allowing("a", "a.example"))
		wantOwner(t, r, "rule 28: a host that nobody has", tenant.Key{Authority: "b.example"}, "unknown")
		wantOwner(t, r, "rule 26: a host that a wildcard does not cover", tenant.Key{Authority: "x.a.example"}, "unknown")
		wantOwner(t, r, "rule 24: the hint", tenant.Key{Hint: "a"}, "a")
	})
	t.Run("routes", func(t *testing.T) { routes(t, open) })
	t.Run("unreadable", func(t *testing.T) {
		r := open(t, allowing("default", "*"), Document{
			ID: "broken", Hosts: []string{"broken.example", "*.broken.example"},
			Text: `{"id":"broken","hosts":["broken.example","*.broken.example"],"policy":{"origins":["no origin"]}}`,
		})
		for _, k := range []tenant.Key{{Authority: "broken.example"}, {Authority: "x.broken.example"}, {Hint: "broken"}} {
			wantOwner(t, r, "rule 74: a document that was never readable keeps its hosts", k, "unreadable")
			wantClosed(t, r, k, policy.PolicyUnreadable)
		}
		wantOwner(t, r, "rule 26: the others", tenant.Key{Authority: "other.example"}, "default")
	})
}

// RunStored holds registries that read a store against what is said of documents that only stores
// have. open is as for [RunRegistry].
func RunStored(t *testing.T, open func(t *testing.T, docs ...Document) tenant.Registry) {
	t.Helper()
	r := open(t, allowing("default", "*"), allowing("wide", "*.example"), Document{
		ID: "gone", Hosts: []string{"gone.example", "*.gone.example"},
		Text: `{"id":"gone","deleted":true,"hosts":["gone.example","*.gone.example"],"revision":"3"}`,
	})
	for _, k := range []tenant.Key{{Authority: "gone.example"}, {Authority: "x.gone.example"}, {Hint: "gone"}} {
		wantOwner(t, r, "a tombstone keeps its hosts from a wildcard and the default tenant", k, "unknown")
		wantClosed(t, r, k, policy.TenantUnknown)
	}
	wantOwner(t, r, "a host beside the tombstone's", tenant.Key{Authority: "y.example"}, "wide")
}

// allowing is a tenant that allows one origin of its own.
func allowing(id string, hosts ...string) Document {
	list := ""
	if len(hosts) > 0 {
		list = `"` + strings.Join(hosts, `","`) + `"`
	}
	return Document{
		ID: id, Hosts: hosts,
		Text: `{"id":"` + id + `","hosts":[` + list + `],"policy":{"origins":["` + origin(id) + `"]}}`,
	}
}

func origin(id string) string { return "https://" + id + ".origin" }

func manyDocuments() []Document {
	return []Document{
		allowing("exact", "api.acme.example", "apex.example", "[2001:db8::1]", "xn--bcher-kva.example"),
		allowing("wide", "*.acme.example"),
		allowing("wider", "*.example"),
		allowing("hintonly"),
		allowing("fallback", "*"),
	}
}

func owners(t *testing.T, r tenant.Registry) {
	t.Helper()
	cases := []struct {
		name string
		key  tenant.Key
		want string
	}{
		{"rule 26: exact host", tenant.Key{Authority: "api.acme.example"}, "exact"},
		{"rule 26: lower case and port", tenant.Key{Authority: "API.Acme.Example:8443"}, "exact"},
		{"rule 26: a trailing dot is another host to Envoy", tenant.Key{Authority: "api.acme.example."}, "ambiguous"},
		{"rule 26: a trailing dot before a port", tenant.Key{Authority: "api.acme.example.:8443"}, "ambiguous"},
		{"rule 26: IDNA", tenant.Key{Authority: "BÜCHER.example"}, "exact"},
		{"rule 26: A-label", tenant.Key{Authority: "xn--bcher-kva.example"}, "exact"},
		{"rule 26: IPv6", tenant.Key{Authority: "[2001:DB8::1]:443"}, "exact"},
		{"rule 26: IPv6 in another form", tenant.Key{Authority: "[2001:DB8:0::1]:443"}, "ambiguous"},
		{"rule 26: exact before wildcard", tenant.Key{Authority: "apex.example"}, "exact"},
		{"rule 26: one label below a wildcard", tenant.Key{Authority: "x.acme.example"}, "wide"},
		{"rule 26: two labels below a wildcard", tenant.Key{Authority: "y.x.acme.example"}, "wide"},
		{"rule 26: below an exact host the wildcard decides", tenant.Key{Authority: "x.api.acme.example"}, "wide"},
		{"rule 26: the apex is not below its own wildcard", tenant.Key{Authority: "acme.example"}, "wider"},
		{"rule 26: the longest wildcard wins", tenant.Key{Authority: "evilacme.example"}, "wider"},
		{"rule 26: default", tenant.Key{Authority: "other.test"}, "fallback"},
		{"rule 26: the apex of all wildcards", tenant.Key{Authority: "example"}, "fallback"},
		{"rule 26: an entry is no host", tenant.Key{Authority: "*.acme.example"}, "ambiguous"},
		{"rule 26: two hosts", tenant.Key{Authority: "api.acme.example,other.test"}, "ambiguous"},
		{"rule 26: user name", tenant.Key{Authority: "api.acme.example@other.test"}, "ambiguous"},
		{"rule 26: percent escape", tenant.Key{Authority: "api%2eacme.example"}, "ambiguous"},
		{"rule 26: empty label", tenant.Key{Authority: "api..example"}, "ambiguous"},
		{"rule 8: no authority is nobody's, not even the default's", tenant.Key{}, "unknown"},
		{"rule 24: the hint wins over the host", tenant.Key{Hint: "hintonly", Authority: "api.acme.example"}, "hintonly"},
		{"rule 24: the hint wins over an ambiguous host", tenant.Key{Hint: "wide", Authority: "a,b"}, "wide"},
		{"rule 28: an unknown hint never falls back to the host", tenant.Key{Hint: "nobody", Authority: "api.acme.example"}, "unknown"},
		{"rule 28: an invalid hint", tenant.Key{Hint: "EXACT", Authority: "api.acme.example"}, "unknown"},
		{"rule 28: a blank hint", tenant.Key{Hint: " ", Authority: "api.acme.example"}, "unknown"},
	}
	for _, c := range cases {
		wantOwner(t, r, c.name, c.key, c.want)
	}
}

func routes(t *testing.T, open func(t *testing.T, docs ...Document) tenant.Registry) {
	t.Helper()
	r := open(t, Document{ID: "a", Hosts: []string{"a.example"}, Text: `{"id":"a","hosts":["a.example"],"policy":{"origins":["https://a.origin"]},"routes":[
		{"path_prefix":"/public","policy":{"origins":["https://public.example"]}},
		{"path_prefix":"/public/images/large","policy":{"origins":["https://large.example"]}},
		{"path_prefix":"/public/images","policy":{"origins":["https://images.example"]}}]}`})
	cases := map[string]string{
		"/": "policy", "": "policy", "/x?/public": "policy", "/publicity": "policy", "/PUBLIC": "policy",
		"/public": "routes[0].policy", "/public/x": "routes[0].policy", "/public?x": "routes[0].policy", "/public/imagesx": "routes[0].policy",
		"/public/images": "routes[2].policy", "/public/images/x": "routes[2].policy", "/public/images/large/x": "routes[1].policy",
	}
	origins := map[string]string{
		"policy": "https://a.origin", "routes[0].policy": "https://public.example",
		"routes[1].policy": "https://large.example", "routes[2].policy": "https://images.example",
	}
	for path, want := range cases {
		v := r.Lookup(t.Context(), tenant.Key{Authority: "a.example", Path: path})
		for at, origin := range origins {
			ex := v.Explain(&policy.Request{Method: "GET", Authority: "a.example", Origin: origin}, policy.UnknownRefuse)
			if ex.Policy != want || (ex.Result.Outcome == policy.Allowed) != (at == want) {
				t.Errorf("rule 27: %q is decided by %s, %s is %v there; want %s", path, ex.Policy, origin, ex.Result.Outcome, want)
			}
		}
	}
}

// wantOwner compares whose k is, or the freshness of nobody, and what the policy of the owner allows.
func wantOwner(t *testing.T, r tenant.Registry, name string, k tenant.Key, want string) {
	t.Helper()
	v := r.Lookup(t.Context(), k)
	if v.Freshness != tenant.Live {
		if got := v.Freshness.String(); got != want {
			t.Errorf("%s: Lookup(%+v) is %q, want %q", name, k, got, want)
		}
		return
	}
	if v.ID() != want {
		t.Errorf("%s: Lookup(%+v) is %q, want %q", name, k, v.ID(), want)
	}
	for from, allowed := range map[string]bool{origin(want): true, origin("else"): false} {
		d := v.Decide(&policy.Request{Method: "GET", Authority: "api.example", Origin: from}, policy.UnknownRefuse)
		if (d.Outcome == policy.Allowed) != allowed {
			t.Errorf("%s: tenant %s gives %s %v, want allowed %v", name, want, from, d.Outcome, allowed)
		}
	}
}

// wantClosed asks for an origin that only the default tenant allows.
func wantClosed(t *testing.T, r tenant.Registry, k tenant.Key, reason policy.Reason) {
	t.Helper()
	v := r.Lookup(t.Context(), k)
	d := v.Decide(&policy.Request{Method: "GET", Authority: "api.example", Origin: origin("default")}, policy.UnknownRefuse)
	if d.Outcome == policy.Allowed || d.Reason != reason {
		t.Errorf("Lookup(%+v) decides %v, %v; want it closed by %v", k, d.Outcome, d.Reason, reason)
	}
}
