package document

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
)

// brief is what of a problem the tables name.
type brief struct {
	At   string // line:column
	Path string
	Code policy.Code
	Fix  string
}

func briefs(problems Problems) []brief {
	out := make([]brief, 0, len(problems))
	for i := range problems {
		p := &problems[i]
		out = append(out, brief{fmt.Sprintf("%d:%d", p.Line, p.Column), p.Path, p.Code, p.Fix})
	}
	return out
}

// head makes a document valid but for what follows.
const head = "id: acme\nhosts: [a.example]\n"

func TestDecodeRefuses(t *testing.T) {
	cases := []struct {
		name, text string
		want       []brief
	}{
		{"duplicate key", head + "policy: {}\nid: acme\n", []brief{{"4:1", "id", CodeDuplicate, "remove one of the two"}}},
		{"duplicate key in JSON", `{"id":"a","id":"b","policy":{}}`, []brief{{"1:11", "id", CodeDuplicate, "remove one of the two"}}},
		{"two spellings of one field", head + "policy: {max_age: 1s, maxAge: 2s}\n", []brief{{"3:23", "policy.maxAge", CodeUnknownField, "write max_age"}}},
		{"another case", head + "policy: {Credentials: true}\n", []brief{{"3:10", "policy.Credentials", CodeUnknownField, "write credentials"}}},
		{"huge number", head + "policy: {preflight: {success_status: 99999999999}}\n", []brief{{"3:38", "policy.preflight.success_status", CodeType, ""}}},
		{"number in another base", head + "policy: {preflight: {success_status: 0xcc}}\n", []brief{{"3:38", "policy.preflight.success_status", CodeType, ""}}},
		{"float", head + "policy: {preflight: {success_status: 2.04e2}}\n", []brief{{"3:38", "policy.preflight.success_status", CodeType, ""}}},
		{"invalid UTF-8", head + "policy: {}\nreason: \"\xff\"\n", []brief{{"4:10", "", CodeEncoding, ""}}},
		{"unknown fields, all of them", head + "polcy: 1\nx: 2\npolicy: {orgins: []}\n", []brief{
			{"3:1", "polcy", CodeUnknownField, "write policy"},
			{"4:1", "x", CodeUnknownField, ""},
			{"5:10", "policy.orgins", CodeUnknownField, "write origins"},
		}},
		{"anchor", head + "policy: &p {}\n", []brief{{"3:9", "policy", CodeReference, "write the value out"}}},
		{"alias", head + "reason: &r x\npolicy: {origins: [*r]}\n", []brief{
			{"3:9", "reason", CodeReference, "write the value out"}, {"4:20", "policy.origins[0]", CodeReference, "write the value out"},
		}},
		{"merge key", head + "policy: {<<: {credentials: true}}\n", []brief{{"3:10", "policy", CodeReference, "write the fields out"}}},
		{"custom tag", head + "policy: !x {}\n", []brief{{"3:9", "policy", CodeTag, "remove the tag"}}},
		{"standard tag", head + "policy: {origins: [!!str 1]}\n", []brief{{"3:20", "policy.origins[0]", CodeTag, "remove the tag"}}},
		{"key that is no name", head + "policy: {}\n? [a]\n: b\n", []brief{{"4:3", "", CodeKey, ""}}},
		{"unquoted star", head + "policy: {origins: [*]}\n", []brief{{"3:20", "", CodeSyntax, `write "*", in quotes`}}},
		{"unquoted wildcard host", "id: a\nhosts:\n- *.a.example # all\npolicy: {}\n", []brief{{"3:3", "", CodeSyntax, `write "*.a.example", in quotes`}}},
		{"syntax", "id: acme\n  hosts: x\n", []brief{{"2:1", "", CodeSyntax, ""}}},
		{"list of tenants", "- id: a\n- id: b\n", []brief{{"1:1", "", CodeNotMapping, "write one tenant a document, separated by ---"}}},
		{"a document that other readers would see", head + "policy: {}\r---\rid: b\rpolicy: {}\n", []brief{{"1:1", "", CodeSyntax, "separate documents by a line of ---"}}},
		{"a comment that other readers would end", "# x\rid: b\n", []brief{{"2:1", "policy", CodeRequired, ""}}},
		{"number for a duration", head + "policy: {max_age: 600}\n", []brief{{"3:19", "policy.max_age", CodeType, "write 600s"}}},
		{"minutes for a duration", head + "policy: {max_age: 10m}\n", []brief{{"3:19", "policy.max_age", CodeType, "write 600s"}}},
		{"rule 57: negative duration", head + "policy: {max_age: -1s}\n", []brief{{"3:19", "policy.max_age", CodeRange, ""}}},
		{"rule 57: above a day", head + "policy: {max_age: 86401s}\n", []brief{{"3:19", "policy.max_age", CodeRange, ""}}},
		{"date for a moment", head + "policy: {preflight: {debug_until: 2027-01-31}}\n", []brief{
			{"3:35", "policy.preflight.debug_until", CodeType, `write "2027-01-31T00:00:00Z"`},
		}},
		{"yes for true", head + "policy: {credentials: yes}\n", []brief{{"3:23", "policy.credentials", CodeType, "write true"}}},
		{"string for true", head + "policy: {credentials: \"true\"}\n", []brief{{"3:23", "policy.credentials", CodeType, "write true"}}},
		{"number for a string", "id: 7\npolicy: {}\n", []brief{{"1:5", "id", CodeType, `write "7", in quotes`}}},
		{"string for a list", head + "policy: {methods: PUT}\n", []brief{{"3:19", "policy.methods", CodeType, `write ["PUT"]`}}},
		{"list for a mapping", head + "policy: []\n", []brief{{"3:9", "policy", CodeType, ""}}},
		{"mapping for a string", head + "policy: {origins: [{a: b}]}\n", []brief{{"3:20", "policy.origins[0]", CodeType, ""}}},
		{"nothing for a list", head + "policy: {origins: }\n", []brief{{"3:19", "policy.origins", CodeType, "write a value or leave the field out"}}},
		{"enum in lower case", head + "mode: shadow\npolicy: {}\n", []brief{{"3:7", "mode", CodeType, "write SHADOW"}}},
		{"enum by number", head + "mode: 2\npolicy: {}\n", []brief{{"3:7", "mode", CodeType, ""}}},
		{"enum value for nothing written", head + "mode: MODE_UNSPECIFIED\npolicy: {}\n", []brief{{"3:7", "mode", CodeType, ""}}},
		{"nothing there", "{}\n", []brief{{"1:1", "id", CodeRequired, ""}, {"1:1", "policy", CodeRequired, ""}}},
		{"id", "id: Acme_\npolicy: {}\n", []brief{{"1:5", "id", CodeFormat, ""}}},
		{"id too long", "id: " + strings.Repeat("a", 64) + "\npolicy: {}\n", []brief{{"1:5", "id", CodeTooLong, ""}}},
		{"labels", head + "labels: {Tier: gold, tier: \"a\\nb\"}\npolicy: {}\n", []brief{
			{"3:16", `labels["Tier"]`, CodeFormat, ""}, {"3:28", `labels["tier"]`, CodeFormat, ""},
		}},
		{"tombstone", head + "deleted: true\npolicy: {}\n", []brief{{"3:10", "deleted", CodeDeleted, "remove the document"}}},
		{"hosts", "id: a\nhosts: [A.example:80, \"*.a.example\", a.example, a.example.]\npolicy: {}\n", []brief{
			{"2:9", "hosts[0]", CodeHost, "write a.example"}, {"2:49", "hosts[3]", CodeHostRepeated, "remove one of the two"},
		}},
		{"rule 27: routes", head + "policy: {}\nroutes:\n- {path_prefix: /a/, policy: {}}\n- {path_prefix: /b, policy: {}}\n- {path_prefix: /b, policy: {}}\n- {path_prefix: /c}\n", []brief{
			{"5:17", "routes[0].path_prefix", CodePath, "write /a"},
			{"7:17", "routes[2].path_prefix", CodePathRepeated, ""},
			{"8:3", "routes[3].policy", CodeRequired, ""},
		}},
		{"candidate", head + "policy: {}\ncandidate: {percent: 101, routes: [{path_prefix: b, policy: {}}]}\n", []brief{
			{"4:12", "candidate.policy", CodeRequired, ""},
			{"4:22", "candidate.percent", CodeRange, ""},
			{"4:50", "candidate.routes[0].path_prefix", CodePath, "write /b"},
		}},
		{"rule 74: the problems of every policy together", head + "policy: {origins: [https://ok.example, \"https://A.example/\"]}\nroutes:\n- path_prefix: /p\n  policy: {origins: [\"*\"], credentials: true}\n", []brief{
			{"3:40", "policy.origins[1]", policy.CodeOriginPath, "write https://a.example"},
			{"6:22", "routes[0].policy.origins[0]", policy.CodeCredentialsAnyOrigin, "list the origins, or turn credentials off"},
		}},
		{"max_stale below five minutes", head + "max_stale: 299.9s\npolicy: {}\n", []brief{{"3:12", "max_stale", CodeRange, ""}}},
		{"max_stale above 30 days", head + "max_stale: 2592001s\npolicy: {}\n", []brief{{"3:12", "max_stale", CodeRange, ""}}},
		{"same danger twice", head + "policy: {dangerously_allow: [PUBLIC_SUFFIX_WILDCARDS, PUBLIC_SUFFIX_WILDCARDS]}\n", []brief{
			{"3:29", "policy.dangerously_allow", CodeDuplicate, ""},
		}},
		{"places behind JSON escapes", `{"id":"a","reason":"\/\/\ud83d\ude00","policy":{"max_age":5}}`, []brief{{"1:59", "policy.max_age", CodeType, "write 5s"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			good, _, problems := Decode("f.yaml", []byte(c.text))
			if len(good) != 0 {
				t.Errorf("accepted:\n%s", c.text)
			}
			if diff := cmp.Diff(c.want, briefs(problems)); diff != "" {
				t.Errorf("problems of\n%s(-want +got):\n%s\n%v", c.text, diff, problems)
			}
		})
	}
}

func TestDecodeSeveralDocuments(t *testing.T) {
	text := "\ufeff# first\r\n---\r\n" + strings.ReplaceAll(head, "\n", "\r\n") + "policy: {}\r\n...\n# nothing\n---\n---\n" +
		"id: b\npolicy: 5\n--- # c\n{\"id\": \"c\",\n\t\"policy\": {}}\n---\nid: d\nmode: \"---\"\n"
	good, broken, problems := Decode("f.yaml", []byte(text))
	var ids []string
	for _, d := range good {
		ids = append(ids, d.Record.ID())
	}
	for _, r := range broken {
		ids = append(ids, "broken "+r.ID())
	}
	if diff := cmp.Diff([]string{"acme", "c", "broken b", "broken d"}, ids); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	want := []brief{{"11:9", "policy", CodeType, ""}, {"16:1", "policy", CodeRequired, ""}, {"17:7", "mode", CodeType, ""}}
	if diff := cmp.Diff(want, briefs(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for i, want := range []string{"f.yaml 1 b", "f.yaml 3 d", "f.yaml 3 d"} {
		p := problems[i]
		if got := fmt.Sprintf("%s %d %s", p.File, p.Document, p.Tenant); got != want {
			t.Errorf("problem %d is of %q, want %q (file, document, tenant)", i, got, want)
		}
	}
}

func TestDocumentSizeLimit(t *testing.T) {
	comment := func(n int) string { return "#" + strings.Repeat("x", n-2) + "\n" }
	full := head + "policy: {}\n"
	full += comment(MaxDocumentBytes - len(full))
	good, _, problems := Decode("", []byte(full+"---\nid: b\npolicy: {}\n"))
	if len(good) != 2 || problems != nil {
		t.Errorf("fault F91: a document of exactly the limit and another one: %d good, %v", len(good), problems)
	}
	_, _, problems = Decode("", []byte("id: b\npolicy: {}\n---\n"+full))
	if len(problems) != 1 || problems[0].Code != CodeTooLarge || problems[0].Line != 3 {
		t.Errorf("fault F91: one byte more: %v, want %s on line 3", problems, CodeTooLarge)
	}
}

func TestDeepNestingIsRefusedNotFollowed(t *testing.T) {
	for _, open := range []string{"[", "{a: ", "- "} {
		text := "id: a\npolicy: " + strings.Repeat(open, 200_000/len(open))
		if good, _, problems := Decode("", []byte(text)); len(good) != 0 || len(problems) == 0 {
			t.Errorf("%q nested deeply: %d good, %d problems", open, len(good), len(problems))
		}
	}
}

func TestParseTakesOneDocument(t *testing.T) {
	if d, err := Parse("", []byte(head+"policy: {}\n")); err != nil || d.Record.ID() != "acme" {
		t.Errorf("one document: %v, %v", d, err)
	}
	for _, text := range []string{"", "# nothing\n", head + "policy: {}\n---\nid: b\npolicy: {}\n"} {
		if _, err := Parse("", []byte(text)); err == nil {
			t.Errorf("Parse(%q) did not fail", text)
		}
	}
}

// The constants and the annotations of tenant.proto say the same.
func TestLimitsAreThoseOfTheProto(t *testing.T) {
	fieldRules := func(m proto.Message, field string) *validate.FieldRules {
		fd := m.ProtoReflect().Descriptor().Fields().ByTextName(field)
		rules, ok := proto.GetExtension(fd.Options(), validate.E_Field).(*validate.FieldRules)
		if !ok {
			t.Fatalf("%s has no rules", field)
		}
		return rules
	}
	got := map[string]uint64{
		"id":                fieldRules(&tenantv1.Tenant{}, "id").GetString().GetMaxLen(),
		"hosts":             fieldRules(&tenantv1.Tenant{}, "hosts").GetRepeated().GetMaxItems(),
		"routes":            fieldRules(&tenantv1.Tenant{}, "routes").GetRepeated().GetMaxItems(),
		"candidate.routes":  fieldRules(&tenantv1.Candidate{}, "routes").GetRepeated().GetMaxItems(),
		"labels":            fieldRules(&tenantv1.Tenant{}, "labels").GetMap().GetMaxPairs(),
		"path_prefix":       fieldRules(&tenantv1.Route{}, "path_prefix").GetString().GetMaxBytes(),
		"origins":           fieldRules(&tenantv1.Policy{}, "origins").GetRepeated().GetMaxItems(),
		"temporary_origins": fieldRules(&tenantv1.Policy{}, "temporary_origins").GetRepeated().GetMaxItems(),
		"methods":           fieldRules(&tenantv1.Policy{}, "methods").GetRepeated().GetMaxItems(),
		"request_headers":   fieldRules(&tenantv1.Policy{}, "request_headers").GetRepeated().GetMaxItems(),
		"expose_headers":    fieldRules(&tenantv1.Policy{}, "expose_headers").GetRepeated().GetMaxItems(),
	}
	want := map[string]uint64{
		"id": tenant.MaxIDBytes, "hosts": MaxHosts, "routes": MaxRoutes, "candidate.routes": MaxRoutes, "labels": MaxLabels,
		"path_prefix": tenant.MaxPathPrefixBytes, "origins": MaxOrigins, "temporary_origins": MaxOrigins, "methods": MaxMethods,
		"request_headers": MaxHeaderNames, "expose_headers": MaxHeaderNames,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("limits (-constants +proto):\n%s", diff)
	}
}

func TestListLimits(t *testing.T) {
	list := func(n int, item string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = strings.ReplaceAll(item, "#", strconv.Itoa(i))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	cases := []struct {
		path, item, text string
		limit            int
	}{
		{"policy.origins", "https://#.e", "policy: {origins: %s}", MaxOrigins},
		{"policy.methods", "M#", "policy: {methods: %s}", MaxMethods},
		{"policy.request_headers", "x-#", "policy: {request_headers: %s}", MaxHeaderNames},
		{"policy.expose_headers", "x-#", "policy: {expose_headers: %s}", MaxHeaderNames},
		{"routes", "{path_prefix: /#, policy: {}}", "policy: {}\nroutes: %s", MaxRoutes},
	}
	for _, c := range cases {
		full := "id: acme\n" + fmt.Sprintf(c.text, list(c.limit, c.item)) + "\n"
		if _, _, problems := Decode("", []byte(full)); problems != nil {
			t.Errorf("%s at its limit of %d: %v", c.path, c.limit, problems)
		}
		over := "id: acme\n" + fmt.Sprintf(c.text, list(c.limit+1, c.item)) + "\n"
		_, _, problems := Decode("", []byte(over))
		if len(problems) != 1 || problems[0].Path != c.path || problems[0].Code != CodeTooMany {
			t.Errorf("%s over its limit: %v, want %s once", c.path, problems, CodeTooMany)
		}
	}
}
