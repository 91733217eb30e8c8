package probe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/probe"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	got, err := probe.ParseSuite([]byte(`
targets:
- name: shop
  url: https://api.acme.example/v1/orders/7
  direct: http://10.0.0.7:8080
  connect: 127.0.0.1:10443
  http: "2"
  tenant: acme
  error_paths: [/private=401]
- url: https://sdk.acme.example/
  denied_origins: ["https://evil.example"]
  expose: [x-request-id]
  expect:
    allowed_origins: [https://app.acme.example]
    methods: [PUT]
    denied_method: DELETE
    headers: [content-type]
    denied_header: x-other
    credentials: true
    max_age: 600s
`))
	if err != nil {
		t.Fatal(err)
	}
	age := 600 * time.Second
	want := []probe.Target{{
		Name: "shop", URL: "https://api.acme.example/v1/orders/7", Direct: "http://10.0.0.7:8080", Connect: "127.0.0.1:10443",
		HTTP: "2", Tenant: "acme", ErrorPaths: []string{"/private=401"},
	}, {
		URL: "https://sdk.acme.example/", DeniedOrigins: []string{"https://evil.example"}, Expose: []string{"x-request-id"},
		Expect: &probe.Expect{
			AllowedOrigins: []string{allowed}, Methods: []string{"PUT"}, DeniedMethod: "DELETE", Headers: []string{"content-type"},
			DeniedHeader: "x-other", Credentials: true, MaxAge: &age,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

// Everything that is wrong is said at once.
func TestSuiteProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, want string }{
		{"", "1 problem\n  targets: there is nothing to ask; list at least one target with its url"},
		{"targets: []", "1 problem\n  targets: there is nothing to ask; list at least one target with its url"},
		{"targets: [", "1 problem\n  line 1: did not find expected node content"},
		{"targets:\n- url: x\n  orign: y\n  expect: {max_age: long, public: 7, x: 1}\n", "4 problems\n" +
			"  line 3: there is no field orign\n  line 4: cannot unmarshal !!str `long` into time.Duration\n" +
			"  line 4: cannot unmarshal !!int `7` into bool\n  line 4: there is no field x"},
		{"targets: [{name: a, url: x}, {name: a, url: y}]", `1 problem` + "\n" + `  targets[1].name: "a" is the name of targets[0] already`},
		{"targets: [{url: x}]\n---\ntargets: []\n", "1 problem\n  the file holds more than one document; write one"},
		{strings.Repeat("#", 2<<20), "1 problem\n  the file is larger than 1048576 bytes"},
	} {
		_, err := probe.ParseSuite([]byte(tc.text))
		if err == nil {
			t.Errorf("%.60q: no problem", tc.text)
			continue
		}
		if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
			t.Errorf("%.60q (-want +got):\n%s", tc.text, diff)
		}
	}
}

func TestTargetProblems(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	age := 100000 * time.Second
	_, err := probe.New(probe.Options{Cases: []string{"everything"}, Targets: []probe.Target{
		{
			URL: "ftp://api.example/", Connect: "nowhere", HTTP: "3", CAFile: empty, DeniedOrigins: []string{"two words"},
			Expose: []string{"a b"}, ErrorPaths: []string{"private", "/x=200", "//other.example/x"}, Tenant: "acme",
			Expect: &probe.Expect{AllowedOrigins: []string{"https://App.example/"}, Methods: []string{"TRACE"}, DeniedHeader: "a:b", MaxAge: &age},
		},
		{URL: "https://me:secret@api.example/", Expect: &probe.Expect{Public: true, Credentials: true}},
		{URL: "https://api.example/#part", Direct: "http://10.0.0.7/path", Expect: &probe.Expect{}},
		{URL: "https://api.example", Direct: "http://10.0.0.7/path", InsecureSkipVerify: true, CAFile: empty},
		{},
	}})
	if err == nil {
		t.Fatal("no problem")
	}
	want := `24 problems
  targets[0].url: "ftp://api.example/" is no address of HTTP; write https://HOST/PATH
  targets[0].http: "3" is no version of HTTP; write auto, 1.1 or 2
  targets[0].connect: "nowhere" is no address; write HOST:PORT
  targets[0].ca_file: CA holds no certificate
  targets[0].error_paths: "private" is no path; write a path such as /private=401
  targets[0].error_paths: "/x=200" names no status of an error; write PATH=STATUS, such as /private=401
  targets[0].denied_origins: "two words" cannot be sent
  targets[0].expect.denied_header: "a:b" is no name
  targets[0].expect.allowed_origins[0]: "https://App.example/": an origin ends with the host or port; browsers send no slash or path; write https://app.example
  targets[0].expect.methods[0]: "TRACE": scripts can never use this method; remove it
  targets[0].expect.expose[0]: "a b": a header name is a token of at most 128 bytes
  targets[0].expect.max_age: "27h46m40s": the lifetime is 0 to 86400 whole seconds
  targets[0].tenant: a tenant's document and an own expectation cannot both say what is right; remove one of the two
  targets[1].url: the URL holds a login; remove it
  targets[1].expect.public: a public policy has no credentials; remove one of the two
  targets[2].url: a fragment is never sent; remove it
  targets[2].expect.allowed_origins: no origin is expected to be allowed; name one, or say that the policy is public
  targets[3].ca_file: nobody asks the authorities when any certificate will do; remove one of the two
  targets[3].ca_file: CA holds no certificate
  targets[3].direct: the path is that of the URL; write http://10.0.0.7
  targets[3].expect: nothing says what is expected; say what is expected, or where the tenant's document is
  targets[4].url: no endpoint is named; write the URL that browsers ask
  targets[4].expect: nothing says what is expected; say what is expected, or where the tenant's document is
  case: there is no case "everything"; see the list of the help`
	if diff := cmp.Diff(want, strings.ReplaceAll(err.Error(), empty, "CA")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
