package change_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/change"
	"github.com/corsgate/corsgate/tenant/document"
)

// read is the document of a text, nil for "". The text may lack id and hosts.
func read(t *testing.T, text string) *tenantv1.Tenant {
	t.Helper()
	if text == "" {
		return nil
	}
	if !strings.Contains(text, "id:") {
		text = "id: acme\n" + text
	}
	d, err := document.Parse("test", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return d.Tenant
}

func compare(t *testing.T, before, after *tenantv1.Tenant) change.Change {
	t.Helper()
	c, err := change.Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEffects(t *testing.T) {
	t.Parallel()
	const plain = "policy: {origins: [https://a.example]}"
	for name, test := range map[string]struct {
		before, after string
		want          []string // direction, code, text
	}{
		"created": {
			after: "hosts: [api.example]\npolicy: {origins: [https://a.example], credentials: true, methods: [PUT]}",
			want: []string{
				"wider hosts api.example becomes a host that is decided by this tenant",
				"wider origins https://a.example gains access",
				"wider credentials cookies and HTTP authentication become allowed",
				"wider methods method PUT may be used",
			},
		},
		"deleted": {
			before: "hosts: [api.example, '*.b.example']\n" + plain,
			want: []string{
				"narrower hosts api.example, *.b.example no longer belong to this tenant",
				"narrower origins https://a.example loses access",
			},
		},
		"origins in other words": {
			before: "policy: {origins: ['https://*.a.example', https://b.example, https://x.a.example, 'http://localhost:*']}",
			after:  "policy: {origins: ['https://*.a.example', https://y.a.example, 'https://*.z.a.example', http://localhost, 'http://localhost:81', 'http://*.localhost']}",
			want: []string{
				"wider origins http://*.localhost gains access",
				"narrower origins 2 origins lose access: https://b.example, http://localhost:*",
				"neutral origins 4 origins are listed and had access already: https://y.a.example (by https://*.a.example), https://*.z.a.example (by https://*.a.example), http://localhost (by http://localhost:*), http://localhost:81 (by http://localhost:*)",
				"neutral origins https://x.a.example (by https://*.a.example) is no longer listed and keeps access",
			},
		},
		"a base does not cover its apex or neighbours": {
			before: "policy: {origins: ['https://*.a.example']}",
			after:  "policy: {origins: ['https://*.a.example', https://a.example, 'https://*.ba.example', 'http://*.a.example', 'https://*.a.example:*', 'https://*']}",
			want: []string{
				"wider origins 5 origins gain access: https://a.example, https://*.ba.example, http://*.a.example, https://*.a.example:*, https://*",
			},
		},
		"everybody": {
			before: plain,
			after:  "policy: {origins: ['*']}",
			want: []string{
				"wider origins * gains access",
				"neutral origins https://a.example (by *) is no longer listed and keeps access",
			},
		},
		"time": {
			before: "policy:\n  origins: [https://p.example]\n  temporary_origins:\n  - {origin: https://a.example, expires_at: '2030-01-01T00:00:00Z'}\n  - {origin: https://b.example, expires_at: '2030-01-01T00:00:00Z'}\n  - {origin: 'https://*.c.example', expires_at: '2030-01-01T00:00:00Z'}",
			after:  "policy:\n  origins: [https://b.example, https://y.c.example]\n  temporary_origins:\n  - {origin: https://a.example, expires_at: '2029-01-01T00:00:00Z'}\n  - {origin: https://p.example, expires_at: '2030-01-01T00:00:00Z'}\n  - {origin: 'https://*.c.example', expires_at: '2030-01-01T00:00:00Z'}\n  - {origin: https://x.c.example, expires_at: '2029-06-01T00:00:00Z'}\n  - {origin: https://n.example, expires_at: '2029-06-01T00:00:00Z'}",
			want: []string{
				"wider origins 2 origins gain access: https://y.c.example, https://n.example (until 2029-06-01T00:00:00Z)",
				"wider origins https://b.example (for good, was until 2030-01-01T00:00:00Z) keeps access longer",
				"narrower origins 2 origins have access for less time: https://p.example (until 2030-01-01T00:00:00Z, was for good), https://a.example (until 2029-01-01T00:00:00Z, was until 2030-01-01T00:00:00Z)",
				"neutral origins https://x.c.example (by https://*.c.example) is listed and had access already",
			},
		},
		"a long list": {
			before: plain,
			after:  "policy: {origins: [https://a.example, https://1.example, https://2.example, https://3.example, https://4.example, https://5.example, https://6.example, https://7.example]}",
			want: []string{
				"wider origins 7 origins gain access: https://1.example, https://2.example, https://3.example, https://4.example, https://5.example and 2 more",
			},
		},
		"null comes and goes with credentials beside a star": {
			before: "policy: {origins: ['*']}",
			after:  "policy: {origins: ['*'], credentials: true, dangerously_allow: [ANY_ORIGIN_WITH_CREDENTIALS, INSECURE_ORIGINS_WITH_CREDENTIALS]}",
			want: []string{
				"narrower null_origin null, the origin of sandboxed frames and local files, loses access",
				"wider credentials cookies and HTTP authentication become allowed",
				"wider dangerously_allow DANGEROUS: ANY_ORIGIN_WITH_CREDENTIALS, INSECURE_ORIGINS_WITH_CREDENTIALS are allowed",
			},
		},
		"names": {
			before: "policy: {origins: [https://a.example], methods: [put, PATCH, GET], request_headers: [X-A, Authorization], expose_headers: [x-e]}",
			after:  "policy: {origins: [https://a.example], methods: ['*'], request_headers: ['*'], expose_headers: [X-E, x-f]}",
			want: []string{
				"wider methods method * may be used",
				"wider request_headers request header * may be sent",
				"narrower request_headers request header authorization may no longer be sent",
				"wider expose_headers response header x-f may be read",
			},
		},
		"a star takes authorization only with credentials": {
			before: "policy: {origins: [https://a.example], request_headers: ['*']}",
			after:  "policy: {origins: [https://a.example], request_headers: ['*'], credentials: true}",
			want: []string{
				"wider credentials cookies and HTTP authentication become allowed",
				"wider request_headers request header authorization may be sent",
			},
		},
		"listing what always passes": {
			before: plain,
			after:  "policy: {origins: [https://a.example], methods: [GET, POST]}",
		},
		"shadow opens and closes": {
			before: plain,
			after:  "mode: SHADOW\n" + plain,
			want: []string{
				"wider mode mode SHADOW, was ENFORCE: nothing is withheld, the application's own CORS headers reach browsers",
				"narrower mode mode SHADOW, was ENFORCE: what only the policy allows is no longer granted",
			},
		},
		"enforce, said or not": {before: plain, after: "mode: ENFORCE\n" + plain},
		"back from off": {
			before: "mode: 'OFF'\n" + plain,
			after:  plain,
			want: []string{
				"wider mode mode ENFORCE, was OFF: what the policy allows is granted",
				"narrower mode mode ENFORCE, was OFF: the application's own CORS headers no longer reach browsers, denied origins get nothing",
			},
		},
		"a route comes": {
			before: plain,
			after:  plain + "\nroutes: [{path_prefix: /public, policy: {origins: ['*']}}]",
			want: []string{
				"neutral route /public: the paths get a route, they followed the tenant's policy",
				"wider origins /public: * gains access",
				"neutral origins /public: https://a.example (by *) is no longer listed and keeps access",
			},
		},
		"an inner route goes": {
			before: plain + "\nroutes: [{path_prefix: /a, policy: {origins: [https://b.example]}}, {path_prefix: /a/b, policy: {origins: [https://c.example]}}]",
			after:  plain + "\nroutes: [{path_prefix: /a, policy: {origins: [https://b.example]}}]",
			want: []string{
				"neutral route /a/b: the route goes, the paths follow the route /a",
				"wider origins /a/b: https://b.example gains access",
				"narrower origins /a/b: https://c.example loses access",
			},
		},
		"a route is no part of another one that only starts alike": {
			before: plain,
			after:  plain + "\nroutes: [{path_prefix: /a, policy: {origins: [https://b.example]}}, {path_prefix: /ab, policy: {origins: [https://a.example]}}]",
			want: []string{
				"neutral route /a: the paths get a route, they followed the tenant's policy",
				"wider origins /a: https://b.example gains access",
				"narrower origins /a: https://a.example loses access",
				"neutral route /ab: the paths get a route, they followed the tenant's policy",
			},
		},
		"a candidate watches": {
			before: plain,
			after:  plain + "\ncandidate: {policy: {origins: ['*']}}",
			want:   []string{"neutral candidate a candidate comes, it only watches"},
		},
		"a candidate takes a share": {
			before: plain + "\ncandidate: {policy: {origins: [https://c.example]}, percent: 10}",
			after:  plain + "\ncandidate: {policy: {origins: [https://d.example]}, percent: 20}",
			want: []string{
				"neutral candidate the candidate decides for 20 % of the origins, was 10 %",
				"wider origins candidate: https://d.example gains access",
				"narrower origins candidate: https://c.example loses access",
				"wider origins origins that enter the candidate: https://d.example gains access",
				"narrower origins origins that enter the candidate: https://a.example loses access",
			},
		},
		"answers": {
			before: plain,
			after:  "max_stale: 600s\nlabels: {tier: gold}\npolicy: {origins: [https://a.example], max_age: 60s, preflight: {denied_status: 200}}",
			want: []string{
				"neutral max_stale without the store the tenant is decided for 600s, was as long as the process says",
				"neutral labels the labels change",
				"neutral max_age browsers keep the answer to a preflight for 60s, was the browser's 5s",
				"neutral preflight answers to preflights look different",
			},
		},
		"blocking": {
			before: plain,
			after:  "policy: {origins: [https://a.example], denied_requests: BLOCK, websockets: ENFORCE, private_network_access: true, timing_allow_origin: true, upstream_headers: FILL}",
			want: []string{
				"narrower denied_requests unsafe requests of denied origins are answered 403",
				"narrower websockets websocket handshakes of denied origins are answered 403",
				"wider private_network_access pages of public networks may ask private ones",
				"wider timing_allow_origin scripts may read exact timings",
				"wider upstream_headers upstream_headers FILL, was OVERRIDE: more of the application's own CORS headers reaches browsers",
			},
		},
		"passing through": {
			before: plain,
			after:  "policy: {origins: [https://a.example], upstream_headers: PASSTHROUGH}",
			want: []string{
				"wider upstream_headers upstream_headers PASSTHROUGH, was OVERRIDE: more of the application's own CORS headers reaches browsers",
				"narrower upstream_headers upstream_headers PASSTHROUGH, was OVERRIDE: what only the policy grants is not written on responses",
			},
		},
		"order only": {
			before: "policy: {origins: [https://a.example, https://b.example]}",
			after:  "policy: {origins: [https://b.example, https://a.example]}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compare(t, read(t, test.before), read(t, test.after))
			var got []string
			for _, e := range c.Effects {
				got = append(got, string(e.Direction)+" "+string(e.Code)+" "+e.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKindAndDirection(t *testing.T) {
	t.Parallel()
	const a, b, ab = "policy: {origins: [https://a.example]}", "policy: {origins: [https://b.example]}", "policy: {origins: [https://b.example, https://a.example]}"
	for name, test := range map[string]struct {
		before, after string
		kind          change.Kind
		direction     change.Direction
	}{
		"nothing":   {"", "", change.Unchanged, change.Neutral},
		"same":      {a, a, change.Unchanged, change.Neutral},
		"registry":  {a, "revision: 7\nupdated_by: ann\nreason: x\nupdated_at: '2030-01-01T00:00:00Z'\n" + a, change.Unchanged, change.Neutral},
		"created":   {"", a, change.Create, change.Wider},
		"deleted":   {a, "", change.Delete, change.Narrower},
		"wider":     {a, ab, change.Update, change.Wider},
		"narrower":  {ab, a, change.Update, change.Narrower},
		"exchanged": {a, b, change.Update, change.Both},
		"labelled":  {a, "labels: {tier: gold}\n" + a, change.Update, change.Neutral},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compare(t, read(t, test.before), read(t, test.after))
			if c.Kind != test.kind || c.Direction != test.direction {
				t.Errorf("%s, %s; want %s, %s", c.Kind, c.Direction, test.kind, test.direction)
			}
			if (c.Kind == change.Unchanged) != (c.Diff == "") {
				t.Errorf("kind %s with the diff\n%s", c.Kind, c.Diff)
			}
		})
	}
}

// A tombstone is no tenant, on either side.
func TestTombstone(t *testing.T) {
	t.Parallel()
	gone := &tenantv1.Tenant{Id: "acme", Hosts: []string{"api.example"}, Deleted: true, Revision: 4}
	doc := read(t, "hosts: [api.example]\npolicy: {origins: [https://a.example]}")
	if c := compare(t, gone, doc); c.Kind != change.Create || c.ID != "acme" {
		t.Errorf("after a tombstone: %s of %q", c.Kind, c.ID)
	}
	if c := compare(t, doc, gone); c.Kind != change.Delete || c.ID != "acme" {
		t.Errorf("before a tombstone: %s of %q", c.Kind, c.ID)
	}
	if c := compare(t, gone, nil); c.Kind != change.Unchanged {
		t.Errorf("a tombstone that goes: %s", c.Kind)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	c := compare(t,
		read(t, "hosts: [api.example]\npolicy:\n  origins: [https://1.example, https://2.example, https://3.example, https://4.example, https://5.example]\nlabels: {tier: gold}"),
		read(t, "revision: 3\nhosts: [api.example]\npolicy:\n  origins: [https://1.example, https://2.example, https://3.example, https://4.example, https://5.example, https://6.example]\n  credentials: true"))
	want := `--- acme (stored)
+++ acme (new)
@@ -8,5 +8,5 @@
     - https://3.example
     - https://4.example
     - https://5.example
-labels:
-  tier: gold
+    - https://6.example
+  credentials: true
`
	if diff := cmp.Diff(want, c.Diff); diff != "" {
		t.Errorf("diff (-want +got):\n%s", diff)
	}
	c = compare(t, nil, read(t, "policy: {credentials: true}"))
	want = `--- /dev/null
+++ acme (new)
@@ -0,0 +1,3 @@
+id: acme
+policy:
+  credentials: true
`
	if diff := cmp.Diff(want, c.Diff); diff != "" {
		t.Errorf("diff of a new tenant (-want +got):\n%s", diff)
	}
}
