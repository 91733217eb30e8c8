package document

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
)

// full says something in every field.
const full = `
id: acme
hosts: [API.acme.example., "*.acme-cdn.example"]
mode: SHADOW
policy:
  origins:
  - https://app.acme.example
  - https://*.preview.acme.example
  - http://localhost:*
  temporary_origins:
  - {origin: https://old.acme.example, expires_at: "2027-01-31T00:00:00Z", note: "Umzug nach app.acme.example \u2013 😀"}
  methods: [GET, PUT, DELETE]
  request_headers: [content-type, authorization]
  expose_headers: [x-request-id]
  credentials: true
  max_age: 600s
  upstream_headers: FILL
  denied_requests: BLOCK
  preflight: {success_status: 200, denied_status: 204, disclosure: MINIMAL, expose_headers: true, debug_until: 2026-12-24T18:00:00Z}
  websockets: ENFORCE
  private_network_access: true
  timing_allow_origin: true
  dangerously_allow: [INSECURE_ORIGINS_WITH_CREDENTIALS, PUBLIC_SUFFIX_WILDCARDS]
routes:
- path_prefix: /public
  policy: {origins: ["*"], methods: [GET], max_age: 7200s, upstream_headers: PASSTHROUGH}
candidate:
  policy: {origins: ["https://app.acme.example"]}
  routes: [{path_prefix: /public, policy: {}}]
  percent: 5
labels: {tier: gold, region: "eu west"}
revision: "12"
updated_at: "2026-11-23T09:00:00Z"
updated_by: somebody
reason: "because"
max_stale: 3600s
`

func parse(tb testing.TB, text string) *Document {
	tb.Helper()
	d, err := Parse("doc", []byte(text))
	if err != nil {
		tb.Fatalf("parsing\n%s\n%v", text, err)
	}
	return d
}

func TestDocumentSaysWhatItsPoliciesAre(t *testing.T) {
	d := parse(t, full)
	day := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	want := []specAt{
		{"policy", policy.Spec{
			Origins:          []string{"https://app.acme.example", "https://*.preview.acme.example", "http://localhost:*"},
			TemporaryOrigins: []policy.TemporaryOrigin{{Origin: "https://old.acme.example", ExpiresAt: day("2027-01-31T00:00:00Z"), Note: "Umzug nach app.acme.example – 😀"}},
			Methods:          []string{"GET", "PUT", "DELETE"},
			RequestHeaders:   []string{"content-type", "authorization"},
			ExposeHeaders:    []string{"x-request-id"},
			Credentials:      true,
			MaxAge:           new(10 * time.Minute),
			UpstreamHeaders:  policy.Fill,
			BlockDenied:      true,
			Preflight: policy.PreflightSpec{
				SuccessStatus: 200, DeniedStatus: 204, Minimal: true, ExposeHeaders: true, DebugUntil: day("2026-12-24T18:00:00Z"),
			},
			EnforceWebSockets: true, PrivateNetworkAccess: true, TimingAllowOrigin: true,
			Dangerously: policy.Dangers{InsecureOriginsWithCredentials: true, PublicSuffixWildcards: true},
		}},
		{"routes[0].policy", policy.Spec{Origins: []string{"*"}, Methods: []string{"GET"}, MaxAge: new(2 * time.Hour), UpstreamHeaders: policy.Passthru}},
		{"candidate.policy", policy.Spec{Origins: []string{"https://app.acme.example"}}},
		{"candidate.routes[0].policy", policy.Spec{}},
	}
	if diff := cmp.Diff(want, d.specs, cmp.AllowUnexported(specAt{})); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"api.acme.example", "*.acme-cdn.example"}, d.Tenant.GetHosts()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

func TestZeroDocumentIsTheZeroPolicy(t *testing.T) {
	d := parse(t, "id: a\npolicy: {}\n")
	if diff := cmp.Diff([]specAt{{path: "policy"}}, d.specs, cmp.AllowUnexported(specAt{})); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

func TestFullDocumentLeavesNoFieldOut(t *testing.T) {
	walk := func(path string, m proto.Message) {
		r := m.ProtoReflect()
		fields := r.Descriptor().Fields()
		for i := range fields.Len() {
			fd := fields.Get(i)
			if !r.Has(fd) && fd.Name() != "deleted" {
				t.Errorf("the document of these tests does not use %s%s", path, fd.Name())
			}
		}
	}
	m := parse(t, full).Tenant
	walk("", m)
	walk("policy.", m.GetPolicy())
	walk("policy.preflight.", m.GetPolicy().GetPreflight())
	walk("policy.temporary_origins.", m.GetPolicy().GetTemporaryOrigins()[0])
	walk("candidate.", m.GetCandidate())
}

func TestRoundTrip(t *testing.T) {
	roundTrip(t, parse(t, full))
}

// roundTrip writes d in both forms and reads it again.
func roundTrip(t *testing.T, d *Document) {
	t.Helper()
	for _, marshal := range []func(*tenantv1.Tenant) ([]byte, error){MarshalYAML, MarshalJSON} {
		text, err := marshal(d.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again", text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		if diff := cmp.Diff(d.Tenant, again.Tenant, protocmp.Transform()); diff != "" {
			t.Errorf("after a round trip (-before +after):\n%s", diff)
		}
		if second, err := marshal(again.Tenant); err != nil || string(second) != string(text) {
			t.Errorf("written twice, the bytes differ:\n%s\n%s", text, second)
		}
	}
}

// Whoever reads documents with the protobuf library must read the same.
func TestJSONIsReadAsProtobufReadsIt(t *testing.T) {
	text, err := MarshalJSON(parse(t, full).Tenant)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(text), strings.ReplaceAll(string(text), "/", `\/`), strings.ReplaceAll(string(text), "😀", `\ud83d\ude00`)} {
		var theirs tenantv1.Tenant
		if err := protojson.Unmarshal([]byte(text), &theirs); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&theirs, parse(t, text).Tenant, protocmp.Transform()); diff != "" {
			t.Errorf("%s\n(-protojson +ours):\n%s", text, diff)
		}
	}
}

// No byte of a document outside visible ASCII reaches a policy.
func TestEveryByteInEveryField(t *testing.T) {
	fields := []string{
		"id: \"a#b\"\npolicy: {}",
		"id: a\nhosts: [\"a#b.example\"]\npolicy: {}",
		"id: a\nlabels: {\"a#b\": c}\npolicy: {}",
		"id: a\nlabels: {a: \"b#c\"}\npolicy: {}",
		"id: a\nupdated_by: \"a#b\"\npolicy: {}",
		"id: a\nreason: \"a#b\"\npolicy: {}",
		"id: a\npolicy: {origins: [\"https://a#b.example\"]}",
		"id: a\npolicy: {origins: [\"chrome-extension://a#b\"]}",
		"id: a\npolicy: {temporary_origins: [{origin: \"https://a#b.example\", expires_at: 2027-01-31T00:00:00Z}]}",
		"id: a\npolicy: {temporary_origins: [{origin: \"https://a.example\", note: \"a#b\", expires_at: 2027-01-31T00:00:00Z}]}",
		"id: a\npolicy: {methods: [\"A#B\"]}",
		"id: a\npolicy: {request_headers: [\"a#b\"]}",
		"id: a\npolicy: {expose_headers: [\"a#b\"]}",
		"id: a\npolicy: {}\nroutes: [{path_prefix: \"/a#b\", policy: {}}]",
	}
	for _, field := range fields {
		for b := range 256 {
			for _, form := range []string{string([]byte{byte(b)}), "\\x" + string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15])} {
				text := strings.ReplaceAll(field, "#", form)
				good, _, _ := Decode("", []byte(text))
				for _, d := range good {
					checkVisible(t, d)
				}
			}
		}
	}
}

// checkVisible looks at everything of a record that can leave the process.
func checkVisible(t *testing.T, d *Document) {
	t.Helper()
	out := append([]string{d.Record.ID()}, d.Record.Hosts()...)
	for _, s := range d.specs {
		out = append(out, s.spec.Origins...)
		out = append(out, s.spec.Methods...)
		out = append(out, s.spec.RequestHeaders...)
		out = append(out, s.spec.ExposeHeaders...)
		for _, temporary := range s.spec.TemporaryOrigins {
			out = append(out, temporary.Origin)
		}
	}
	for _, text := range out {
		if !visible(text) {
			t.Errorf("%q was accepted in %+v", text, d.Tenant)
		}
	}
	for key, value := range d.Tenant.GetLabels() {
		if !visible(key) || !visible(strings.ReplaceAll(value, " ", "")) {
			t.Errorf("the label %q: %q was accepted", key, value)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(full + "---\nid: b\npolicy: {}\n...\n---\n{\"id\":\"c\",\"policy\":{}}"))
	f.Add([]byte("id: &a x\nhosts: [*a, <<, ? b]\n!!t c: !d e\n%F\n\ufeff\r\u2028"))
	f.Add([]byte(`{"id":"a","reason":"\/\ud83d\ude00\ud800","labels":{"a":"b","a":"c"},"policy":{"max_age":"1.5s"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		good, broken, problems := Decode("fuzz", data)
		if len(broken) > 0 && len(problems) == 0 {
			t.Errorf("%d documents are broken without a problem", len(broken))
		}
		checkProblems(t, problems)
		for _, d := range good {
			if !tenant.ValidID(d.Record.ID()) || !d.Record.Readable() {
				t.Errorf("accepted with the id %q, readable %t", d.Record.ID(), d.Record.Readable())
			}
			checkVisible(t, d)
			roundTrip(t, d)
			d.Advise(time.Unix(0, 0))
		}
	})
}

func TestBrokenDocumentsHoldTheirHosts(t *testing.T) {
	text := "id: a\nhosts: [a.example, \"b.example:80\"]\npolicy: {origins: [nonsense]}\n---\nhosts: [c.example]\n---\nid: [\n---\n{}\n"
	good, broken, problems := Decode("", []byte(text))
	if len(good) != 0 || len(broken) != 2 || len(problems) < 6 {
		t.Fatalf("%d good, %d broken, %v", len(good), len(broken), problems)
	}
	if diff := cmp.Diff([]string{"a.example"}, broken[0].Hosts()); diff != "" || broken[0].ID() != "a" || broken[0].Readable() {
		t.Errorf("broken record %q, readable %t, hosts (-want +got):\n%s", broken[0].ID(), broken[0].Readable(), diff)
	}
}

func TestAdvise(t *testing.T) {
	const text = `id: acme
hosts: [a.example, "*"]
mode: OFF
policy:
  temporary_origins:
  - {origin: "https://gone.example", expires_at: 2026-01-01T00:00:00Z}
  - {origin: "https://here.example", expires_at: 2026-01-01T00:00:01Z}
  preflight: {debug_until: 2026-01-01T00:00:01Z}
candidate:
  policy:
    preflight: {debug_until: 2026-01-01T00:00:00Z}
`
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := []brief{
		{"2:20", "hosts[1]", CodeHostDefault, ""},
		{"3:7", "mode", CodeMode, ""},
		{"6:5", "policy.temporary_origins[0]", CodeExpired, "remove the entry"},
		{"8:28", "policy.preflight.debug_until", CodeDebug, "remove debug_until when done"},
		{"11:30", "candidate.policy.preflight.debug_until", CodeDebug, "remove debug_until"},
	}
	var got []brief
	for _, b := range briefs(parse(t, text).Advise(now)) {
		if b.Code == CodeHostDefault || b.Code == CodeMode || b.Code == CodeExpired || b.Code == CodeDebug {
			got = append(got, b)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("advice (-want +got):\n%s", diff)
	}
	got = briefs(parse(t, "id: a\nmode: SHADOW\npolicy: {origins: [\"*\"]}\n").Advise(now))
	want = []brief{{"1:1", "hosts", CodeNoHosts, ""}, {"2:7", "mode", CodeMode, ""}, {"3:20", "policy.origins[0]", policy.CodeAnyOrigin, ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("advice without hosts (-want +got):\n%s", diff)
	}
	if got := parse(t, "id: a\nhosts: [a.example]\npolicy: {origins: [https://a.example]}\n").Advise(now); len(got) != 0 {
		t.Errorf("advice about nothing: %v", got)
	}
}

// visible reports whether s holds bytes 0x21 to 0x7E only.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
