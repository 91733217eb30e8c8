package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCompileRefusesOrigins(t *testing.T) {
	for _, c := range []struct {
		name, entry string
		code        Code
		fix         string
	}{
		{"rule 12: path and case", "https://App.acme.example/", CodeOriginPath, "write https://app.acme.example"},
		{"rule 12: trailing slash", "https://a.example/", CodeOriginPath, "write https://a.example"},
		{"rule 12: query", "https://a.example?x=1", CodeOriginPath, "write https://a.example"},
		{"rule 12: userinfo", "https://user@a.example", CodeOriginUserinfo, "write https://a.example"},
		{"rule 12: white space", " https://a.example\n", CodeOriginBytes, "write https://a.example"},
		{"rule 12: line break inside", "https://a.example\r\nx-evil: 1", CodeOriginBytes, ""},
		{"rule 12: empty", "", CodeOriginEmpty, ""},
		{"rule 12: no scheme", "a.example", CodeOriginScheme, "write https://a.example"},
		{"rule 12: no scheme, port", "a.example:8443", CodeOriginScheme, "write https://a.example:8443"},
		{"rule 12: scheme of any", "*://a.example", CodeOriginScheme, ""},
		{"rule 13: too long", "https://" + strings.Repeat("a.", 160), CodeOriginTooLong, ""},
		{"rule 14: upper case", "https://A.example", CodeOriginCase, "write https://a.example"},
		{"rule 14: scheme in upper case", "HTTPS://a.example", CodeOriginCase, "write https://a.example"},
		{"rule 15: percent escape", "https://a%2eexample", CodeOriginHost, ""},
		{"rule 15: empty label", "https://a..example", CodeOriginHost, ""},
		{"rule 16: Unicode", "https://bücher.example", CodeOriginUnicode, "write https://xn--bcher-kva.example"},
		{"rule 16: Unicode below a star", "https://*.Bücher.example", CodeOriginUnicode, "write https://*.xn--bcher-kva.example"},
		{"rule 18: leading zero", "http://192.0.2.01", CodeOriginHost, ""},
		{"rule 18: long IPv6", "http://[2001:DB8:0:0::1]", CodeOriginCase, "write http://[2001:db8::1]"},
		{"rule 18: IPv6 not shortened", "http://[2001:db8:0:0::1]", CodeOriginHost, "write http://[2001:db8::1]"},
		{"rule 19: default port", "https://a.example:443", CodeOriginDefaultPort, "write https://a.example"},
		{"rule 19: default port of http", "http://*.a.example:80", CodeOriginDefaultPort, "write http://*.a.example"},
		{"rule 19: leading zero", "https://a.example:08443", CodeOriginPort, "write https://a.example:8443"},
		{"rule 19: too large", "https://a.example:99999", CodeOriginPort, ""},
		{"rule 19: empty", "https://a.example:", CodeOriginPort, "write https://a.example"},
		{"rule 20: null", "null", CodeOriginNull, "give the page an origin of its own"},
		{"rule 21: file", "file:///index.html", CodeOriginScheme, ""},
		{"rule 21: star in another scheme", "chrome-extension://*", CodeOriginWildcard, ""},
		{"rule 21: any port in another scheme", "capacitor://localhost:*", CodeOriginWildcard, ""},
		{"rule 31: *. without scheme", "*.acme.example", CodeOriginScheme, "write https://*.acme.example"},
		{"rule 31: below an address", "https://*.192.0.2.1", CodeOriginWildcard, ""},
		{"rule 32: star in a label", "https://app-*.acme.example", CodeOriginWildcard, ""},
		{"rule 32: star in the middle", "https://a.*.example", CodeOriginWildcard, ""},
		{"rule 32: star at the end", "https://acme.*", CodeOriginWildcard, ""},
		{"rule 32: two stars", "https://*.*.example", CodeOriginWildcard, ""},
		{"rule 32: a regular expression", `https://.*\.acme\.example`, CodeOriginPath, ""},
		{"rule 32: part of a port", "http://localhost:30*", CodeOriginPort, ""},
		{"rule 32: list in one entry", "https://a.example,https://b.example", CodeOriginPath, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems := compileProblems(t, Spec{Origins: []string{page, c.entry}})
			if len(problems) != 1 {
				t.Fatalf("%d problems, want 1: %v", len(problems), problems)
			}
			got := problems[0]
			want := Problem{Path: "origins[1]", Value: cutValue(c.entry), Code: c.code, Detail: got.Detail, Fix: c.fix}
			if diff := cmp.Diff(want, got); diff != "" || got.Detail == "" {
				t.Errorf("problem (-want +got):\n%s", diff)
			}
			if entry, ok := strings.CutPrefix(got.Fix, "write "); ok {
				mustCompile(t, Spec{Origins: []string{entry}})
			}
		})
	}
}

// compileProblems compiles spec, which must fail.
func compileProblems(t *testing.T, spec Spec) Problems {
	t.Helper()
	p, err := Compile(spec)
	problems, ok := errors.AsType[Problems](err)
	if !ok || p != nil {
		t.Fatalf("compiled, with error %v", err)
	}
	return problems
}

func TestCompileGuardsCredentials(t *testing.T) {
	anybody, insecure, suffix := CodeCredentialsAnyOrigin, CodeCredentialsInsecure, CodeCredentialsPublicSuffix
	for _, c := range []struct {
		name, entry string
		want        []Code
	}{
		{"rule 46: *", "*", []Code{anybody}},
		{"rule 46: https://*", "https://*", []Code{anybody}},
		{"rule 46: http://*:* is both", "http://*:*", []Code{anybody, insecure}},
		{"rule 46: below a top-level domain", "https://*.com", []Code{suffix}},
		{"rule 46: below a registry's second level", "https://*.co.uk", []Code{suffix}},
		{"rule 46: below a private suffix", "https://*.github.io", []Code{suffix}},
		{"rule 46: below a wildcard rule of the list", "https://*.foo.ck", []Code{suffix}},
		{"rule 46: below an unknown top-level domain", "https://*.corp", []Code{suffix}},
		{"rule 46: with a trailing dot", "https://*.com.", []Code{suffix}},
		{"rule 46: with a port", "https://*.com:8443", []Code{suffix}},
		{"rule 46: below a registered name", "https://*.acme.github.io", nil},
		{"rule 46: below a registered name of a registry", "https://*.acme.co.uk", nil},
		{"rule 47: http", "http://a.example", []Code{insecure}},
		{"rule 47: http and public suffix", "http://*.com", []Code{insecure, suffix}},
		{"rule 47: http of a name that looks local", "http://localhost.example", []Code{insecure}},
		{"rule 47: http of a private address", "http://192.168.0.1", []Code{insecure}},
		{"rule 47: localhost", "http://localhost:*", nil},
		{"rule 47: below localhost", "http://app.localhost:3000", nil},
		{"rule 47: all below localhost", "http://*.localhost", nil},
		{"rule 47: loopback", "http://127.1.2.3:8080", nil},
		{"rule 47: loopback IPv6", "http://[::1]:*", nil},
		{"rule 47: https", "https://a.example", nil},
		{"rule 47: app shell", "capacitor://localhost", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			mustCompile(t, Spec{Origins: []string{c.entry}})
			temporary := []TemporaryOrigin{{Origin: c.entry, ExpiresAt: moment}}
			for path, spec := range map[string]Spec{
				"origins[0]":                  {Origins: []string{c.entry}, Credentials: true},
				"temporary_origins[0].origin": {TemporaryOrigins: temporary, Credentials: true},
			} {
				if c.want == nil {
					mustCompile(t, spec)
					continue
				}
				checkLifting(t, path, spec, c.want)
			}
		})
	}
}

// checkLifting expects the problems want, and that each flag lifts exactly its own.
func checkLifting(t *testing.T, path string, spec Spec, want []Code) {
	t.Helper()
	codes := func(s Spec) []Code {
		_, err := Compile(s)
		problems, _ := errors.AsType[Problems](err)
		var got []Code
		for _, p := range problems {
			if p.Path != path || p.Fix == "" {
				t.Errorf("problem %+v", p)
			}
			got = append(got, p.Code)
		}
		return got
	}
	if diff := cmp.Diff(want, codes(spec)); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	for code, d := range map[Code]Dangers{
		CodeCredentialsAnyOrigin:    {AnyOriginWithCredentials: true},
		CodeCredentialsInsecure:     {InsecureOriginsWithCredentials: true},
		CodeCredentialsPublicSuffix: {PublicSuffixWildcards: true},
	} {
		spec.Dangerously = d
		left := slices.DeleteFunc(slices.Clone(want), func(c Code) bool { return c == code })
		if got := codes(spec); !slices.Equal(got, left) {
			t.Errorf("%+v leaves %v, want %v", d, got, left)
		}
	}
}

func TestCompileRefusesOtherFields(t *testing.T) {
	many := func(n int, format string) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(format, i)
		}
		return list
	}
	for _, c := range []struct {
		name, path string
		spec       Spec
		code       Code
	}{
		{"rule 39: CONNECT", "methods[0]", Spec{Methods: []string{"Connect"}}, CodeMethodForbidden},
		{"rule 39: TRACK", "methods[1]", Spec{Methods: []string{"PUT", "TRACK"}}, CodeMethodForbidden},
		{"rule 39: not a token", "methods[0]", Spec{Methods: []string{"PUT, GET"}}, CodeMethodMalformed},
		{"rule 39: empty", "methods[0]", Spec{Methods: []string{""}}, CodeMethodMalformed},
		{"rule 39: too long", "methods[0]", Spec{Methods: []string{strings.Repeat("M", 129)}}, CodeMethodMalformed},
		{"rule 44: not a token", "request_headers[0]", Spec{RequestHeaders: []string{"x-a:"}}, CodeHeaderMalformed},
		{"rule 44: line break", "request_headers[0]", Spec{RequestHeaders: []string{"x-a\r\nset-cookie"}}, CodeHeaderMalformed},
		{"rule 44: non-ASCII", "request_headers[0]", Spec{RequestHeaders: []string{"x-ä"}}, CodeHeaderMalformed},
		{"rule 66: not a token", "expose_headers[0]", Spec{ExposeHeaders: []string{"x a"}}, CodeHeaderMalformed},
		{"rule 66: set-cookie", "expose_headers[0]", Spec{ExposeHeaders: []string{"Set-Cookie"}}, CodeExposeForbidden},
		{"rule 66: set-cookie2", "expose_headers[0]", Spec{ExposeHeaders: []string{"set-cookie2"}}, CodeExposeForbidden},
		{"rule 66: safelisted", "expose_headers[0]", Spec{ExposeHeaders: []string{"Content-Type"}}, CodeExposeSafelisted},
		{"rule 57: negative", "max_age", Spec{MaxAge: new(-time.Second)}, CodeMaxAge},
		{"rule 57: above a day", "max_age", Spec{MaxAge: new(24*time.Hour + time.Second)}, CodeMaxAge},
		{"rule 57: parts of a second", "max_age", Spec{MaxAge: new(1500 * time.Millisecond)}, CodeMaxAge},
		{"rule 52: status", "preflight.success_status", Spec{Preflight: PreflightSpec{SuccessStatus: 201}}, CodeStatus},
		{"rule 55: status", "preflight.denied_status", Spec{Preflight: PreflightSpec{DeniedStatus: 404}}, CodeStatus},
		{"rule 72: mode", "upstream_headers", Spec{UpstreamHeaders: 3}, CodeUpstreamMode},
		{"no end", "temporary_origins[0].expires_at", Spec{TemporaryOrigins: []TemporaryOrigin{{Origin: page}}}, CodeExpiryMissing},
		{"10,001 origins", "origins", Spec{Origins: many(10_001, "https://a%d.example")}, CodeLimit},
		{"101 methods", "methods", Spec{Methods: many(101, "M%d")}, CodeLimit},
		{"501 request headers", "request_headers", Spec{RequestHeaders: many(501, "x-%d")}, CodeLimit},
		{"501 exposed headers", "expose_headers", Spec{ExposeHeaders: many(501, "x-%d")}, CodeLimit},
		{"a header value beyond 8 KiB", "request_headers", Spec{RequestHeaders: many(100, strings.Repeat("x", 100)+"%d")}, CodeValueTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems := compileProblems(t, c.spec)
			if len(problems) != 1 || problems[0].Path != c.path || problems[0].Code != c.code {
				t.Errorf("got %+v, want %s at %s", problems, c.code, c.path)
			}
		})
	}
	t.Run("the limits themselves", func(t *testing.T) {
		mustCompile(t, Spec{
			Origins: many(10_000, "https://a%d.example"), Methods: many(100, "M%d"),
			RequestHeaders: many(500, "x-%d"), ExposeHeaders: many(500, "x-%d"), MaxAge: new(24 * time.Hour),
		})
	})
}

func TestCompileReportsEverythingInOrder(t *testing.T) {
	problems := compileProblems(t, Spec{
		Origins:          []string{"*", "https://a.example/", "http://b.example"},
		TemporaryOrigins: []TemporaryOrigin{{Origin: "null"}},
		Methods:          []string{"TRACE"},
		RequestHeaders:   []string{"a b"},
		ExposeHeaders:    []string{"set-cookie"},
		Credentials:      true,
		MaxAge:           new(-time.Second),
		Preflight:        PreflightSpec{DeniedStatus: 500},
	})
	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path+" "+string(p.Code))
	}
	want := []string{
		"origins[0] credentials_any_origin", "origins[1] origin_path", "origins[2] credentials_insecure_origin",
		"temporary_origins[0].origin origin_null", "temporary_origins[0].expires_at expiry_missing",
		"methods[0] method_forbidden", "request_headers[0] header_malformed", "expose_headers[0] expose_forbidden",
		"max_age max_age", "preflight.denied_status status",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("rule 74: problems (-want +got):\n%s", diff)
	}
	if got := strings.Count(problems.Error(), "\n") + 1; got != len(problems) {
		t.Errorf("%d lines of text for %d problems", got, len(problems))
	}
	if first, ok := errors.AsType[Problem](problems); !ok || first != problems[0] {
		t.Errorf("the first problem is not found: %v", first)
	}
}

func TestProblemValueIsCutAndQuoted(t *testing.T) {
	p := compileProblems(t, Spec{Origins: []string{"https://x/" + strings.Repeat("ü", 100) + "\n"}})[0]
	if len(p.Value) > 128 || !strings.HasSuffix(p.Value, "ü") {
		t.Errorf("value %q", p.Value)
	}
	if strings.ContainsAny(p.Error(), "\n") {
		t.Errorf("line break in %q", p.Error())
	}
}

func TestPolicyDoesNotShareItsSpec(t *testing.T) {
	spec := Spec{Origins: []string{page}, Methods: []string{"put"}, MaxAge: new(time.Minute)}
	p := mustCompile(t, spec)
	spec.Origins[0], *spec.MaxAge = stranger, time.Hour
	r := preflightFrom(page)
	d := p.Decide(&r)
	_, headers := d.AppendReply(nil)
	if d.Outcome != Allowed || !slices.Contains(headers, Header{headerMaxAge, "60"}) || !slices.Contains(headers, Header{headerAllowMethods, "PUT"}) {
		t.Errorf("%v %v, headers %v", d.Outcome, d.Reason, headers)
	}
	if r = preflightFrom(stranger); p.Decide(&r).Outcome != Denied || spec.Methods[0] != "put" {
		t.Errorf("a change after compiling counts, or compiling changed the methods: %q", spec.Methods)
	}
}

func TestDangerous(t *testing.T) {
	spec := Spec{Dangerously: Dangers{true, true, true}}
	want := []string{"any_origin_with_credentials", "insecure_origins_with_credentials", "public_suffix_wildcards"}
	if diff := cmp.Diff(want, mustCompile(t, spec).Dangerous()); diff != "" {
		t.Error(diff)
	}
	if got := mustCompile(t, Spec{}).Dangerous(); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
