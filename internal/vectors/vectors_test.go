package vectors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/policy"
)

const tenantA = `"tenant": {"id": "a", "hosts": ["a.test"], "policy": {}}`

func load(t *testing.T, files map[string]string) ([]File, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(dir)
}

func TestLoadAppliesDefaults(t *testing.T) {
	files, err := load(t, map[string]string{"one": `{` + tenantA + `, "cases": [
		{"name": "n", "rules": ["1"], "request": {"headers": [["Origin", "latin1:\u00e9"], ["x", "expand:a{bc*3}d"]]},
		 "want": {"kind": "actual", "outcome": "denied", "reason": "r", "headers": {}}}]}`})
	if err != nil {
		t.Fatal(err)
	}
	c := files[0].Cases[0]
	want := Request{Method: "GET", Scheme: "http", Authority: "a.test", Path: "/", Headers: [][2]string{{"Origin", "\xe9"}, {"x", "abcbcbcd"}}}
	if diff := cmp.Diff(want, c.Request); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if c.App.Status != 200 || c.Want.Status != 200 {
		t.Errorf("status of application and want: got %d and %d, want 200", c.App.Status, c.Want.Status)
	}
	if files[0].Name != "one" {
		t.Errorf("name: got %q", files[0].Name)
	}
}

func TestLoadRefuses(t *testing.T) {
	one := func(c string) map[string]string {
		return map[string]string{"one": `{` + tenantA + `, "cases": [` + c + `]}`}
	}
	const want = `"want": {"kind": "k", "outcome": "o", "reason": "r", "headers": {}}`
	const good = `{"name": "n", "rules": ["1"], "request": {}, ` + want + `}`
	for name, tc := range map[string]struct {
		files map[string]string
		says  string
	}{
		"no files":             {nil, "no *.json"},
		"no cases":             {one(""), "no cases"},
		"unknown field":        {one(`{"title": "n"}`), "unknown field"},
		"unknown tenant field": {map[string]string{"one": `{"tenant": {"id": "a", "hosts": ["a"], "policies": {}}, "cases": [` + good + `]}`}, "unknown field"},
		"two documents":        {map[string]string{"one": `{` + tenantA + `, "cases": [` + good + `]} {}`}, "more than one document"},
		"tenant without hosts": {map[string]string{"one": `{"tenant": {"id": "a"}, "cases": [` + good + `]}`}, "without id or hosts"},
		"name used twice":      {one(good + "," + good), "used twice"},
		"no name":              {one(`{"rules": ["1"], "request": {}, ` + want + `}`), "no name"},
		"no rule":              {one(`{"name": "n", "request": {}, ` + want + `}`), "no rule"},
		"no reason":            {one(`{"name": "n", "rules": ["1"], "request": {}, "want": {"kind": "k", "outcome": "o", "headers": {}}}`), "lacks"},
		"uncompared header":    {one(`{"name": "n", "rules": ["1"], "request": {}, "want": {"kind": "k", "outcome": "o", "reason": "r", "headers": {"etag": "1"}}}`), "never compared"},
		"override without why": {one(`{"name": "n", "rules": ["1"], "request": {}, ` + want + `, "in": {"c": {"skip": true}}}`), "does not say why"},
		"override of nothing":  {one(`{"name": "n", "rules": ["1"], "request": {}, ` + want + `, "in": {"c": {"why": "w"}}}`), "either skip or want"},
		"unknown design":       {one(`{"name": "n", "rules": ["1"], "request": {}, ` + want + `, "in": {"d": {"why": "w", "skip": true}}}`), "does not exist"},
		"bad clock":            {one(`{"name": "n", "rules": ["1"], "request": {"now": "noon"}, ` + want + `}`), "noon"},
		"bad expansion":        {one(`{"name": "n", "rules": ["1"], "request": {"headers": [["a", "expand:b"]]}, ` + want + `}`), "nothing to expand"},
		"wide character":       {one(`{"name": "n", "rules": ["1"], "request": {"headers": [["a", "latin1:\u0142"]]}, ` + want + `}`), "no byte"},
		"host used twice":      {map[string]string{"one": `{` + tenantA + `, "cases": [` + good + `]}`, "two": `{` + tenantA + `, "cases": [` + good + `]}`}, "belongs to one"},
		"no authority":         {map[string]string{"one": `{"tenant": null, "cases": [` + good + `]}`}, "no authority"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tc.files)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got error %v, want one that says %q", err, tc.says)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	want := Want{Status: 200, Headers: map[string]string{"vary": "Accept, Origin", "access-control-allow-headers": "a, b"}}
	good := [][2]string{{"Vary", "accept"}, {"vary", "ORIGIN"}, {"access-control-allow-headers", "a,b"}, {"etag", "1"}}
	replaced := func(i int, h [2]string) [][2]string {
		headers := append([][2]string(nil), good...)
		headers[i] = h
		return headers
	}
	for name, tc := range map[string]struct {
		status  int
		headers [][2]string
		differs string
	}{
		"equal but for case of vary, blanks and other headers": {200, good, ""},
		"status":           {204, good, "status"},
		"missing":          {200, good[:2], "missing"},
		"one more":         {200, append(good[:3:3], [2]string{"Timing-Allow-Origin", "*"}), "want none"},
		"an empty one":     {200, append(good[:3:3], [2]string{"access-control-max-age", ""}), "want none"},
		"order":            {200, replaced(2, [2]string{"access-control-allow-headers", "b, a"}), "allow-headers"},
		"case beside vary": {200, replaced(2, [2]string{"access-control-allow-headers", "A, b"}), "allow-headers"},
		"a second line":    {200, append(good[:3:3], [2]string{"access-control-allow-headers", "b"}), "allow-headers"},
		"a repeated vary":  {200, append(good[:3:3], [2]string{"vary", "Origin"}), "vary"},
	} {
		t.Run(name, func(t *testing.T) {
			diff := Compare(want, tc.status, tc.headers)
			if (diff == "") != (tc.differs == "") || !strings.Contains(diff, tc.differs) {
				t.Errorf("got %q, want a difference in %q", diff, tc.differs)
			}
		})
	}
}

func TestFinalRemovesThenSets(t *testing.T) {
	app := App{Headers: [][2]string{{"Vary", "a"}, {"vary", "b"}, {"Access-Control-Allow-Origin", "*"}, {"access-control-max-age", "1"}, {"etag", "1"}}}
	got := Final(app, &policy.Edits{
		Remove: []string{"access-control-allow-origin", "access-control-max-age"},
		Set:    []policy.Header{{Name: "vary", Value: "a, b, Origin"}, {Name: "access-control-allow-origin", Value: "https://a"}},
	})
	want := [][2]string{{"etag", "1"}, {"vary", "a, b, Origin"}, {"access-control-allow-origin", "https://a"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWantIn(t *testing.T) {
	origin := [][2]string{{"origin", "https://a"}}
	ours := map[string]string{"access-control-allow-origin": "https://a", "vary": "Accept, Origin"}
	leak := [][2]string{{"access-control-allow-origin", "*"}, {"vary", "Accept"}, {"timing-allow-origin", "*"}}
	for name, tc := range map[string]struct {
		c      Case
		design string
		want   Want
		skip   bool
	}{
		"A is the general want":                    {Case{Want: Want{Answered: true, Headers: ours}}, "a", Want{Answered: true, Headers: ours}, false},
		"B asks the application before it refuses": {Case{Want: Want{Kind: "actual", Answered: true, Status: 403}}, "b", Want{Kind: "actual", Status: 403}, false},
		"B answers preflights before":              {Case{Want: Want{Kind: "preflight", Answered: true}}, "b", Want{Kind: "preflight", Answered: true}, false},
		"B knows no upgrade":                       {Case{Request: Request{Headers: [][2]string{{"Upgrade", "WebSocket"}}}}, "b", Want{}, true},
		"C keeps ours and the application's timing": {
			Case{Request: Request{Headers: origin}, App: App{Headers: leak}, Want: Want{Headers: ours}},
			"c",
			Want{Headers: map[string]string{"access-control-allow-origin": "https://a", "vary": "Accept, Origin", "timing-allow-origin": "*"}},
			false,
		},
		"C strips without Origin": {
			Case{App: App{Headers: leak}, Want: Want{Headers: map[string]string{"access-control-allow-origin": "*"}}},
			"c",
			Want{Headers: map[string]string{"vary": "Accept, Origin", "timing-allow-origin": "*"}},
			false,
		},
		"C strips for tenants that are off": {
			Case{untouched: true, Request: Request{Headers: origin}, App: App{Headers: leak}, Want: Want{Headers: ours}},
			"c",
			Want{Headers: map[string]string{"vary": "Accept, Origin", "timing-allow-origin": "*"}},
			false,
		},
		"C leaves a Vary that has the star": {Case{App: App{Headers: [][2]string{{"vary", "*"}}}}, "c", Want{Headers: map[string]string{"vary": "*"}}, false},
		"C leaves a Vary that has origin":   {Case{App: App{Headers: [][2]string{{"vary", "a,origin"}}}}, "c", Want{Headers: map[string]string{"vary": "a,origin"}}, false},
		"C adds Origin to a reply":          {Case{Want: Want{Answered: true, Headers: map[string]string{"vary": "X-Origin"}}}, "c", Want{Answered: true, Headers: map[string]string{"vary": "X-Origin, Origin"}}, false},
		"an override wins":                  {Case{In: map[string]Override{"c": {Why: "w", Want: &Want{Status: 1}}}}, "c", Want{Status: 1}, false},
		"an override skips":                 {Case{In: map[string]Override{"a": {Why: "w", Skip: true}}}, "a", Want{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, skip, why := tc.c.WantIn(tc.design)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if skip != tc.skip || skip && why == "" {
				t.Errorf("skip: got %v (%q), want %v", skip, why, tc.skip)
			}
		})
	}
}

func TestSpecChoosesTheLongestRouteBySegments(t *testing.T) {
	tenant := json.RawMessage(`{"id": "a", "hosts": ["a"], "policy": {"origins": ["root"]}, "routes": [
		{"path_prefix": "/a/b", "policy": {"origins": ["ab"]}}, {"path_prefix": "/a", "policy": {"origins": ["a"]}}, {"path_prefix": "/s/", "policy": {"origins": ["s"]}}]}`)
	for path, want := range map[string]string{
		"/": "root", "/a": "a", "/ab": "root", "/a/c": "a", "/a/b": "ab", "/a/b/c": "ab", "/a/bc": "a", "/x?/a": "root", "/a?x": "a", "/A": "root", "/s/x": "s", "/sx": "root",
	} {
		spec, err := Spec(tenant, path)
		if err != nil {
			t.Fatal(err)
		}
		if spec.Origins[0] != want {
			t.Errorf("%s: got the policy %q, want %q", path, spec.Origins[0], want)
		}
	}
}

func TestSpecReadsEveryField(t *testing.T) {
	tenant := json.RawMessage(`{"id": "a", "hosts": ["a"], "mode": "OFF", "policy": {
		"origins": ["o"], "temporary_origins": [{"origin": "t", "expires_at": "2026-01-02T03:04:05Z", "note": "n"}],
		"methods": ["m"], "request_headers": ["r"], "expose_headers": ["e"], "credentials": true, "max_age": "600s",
		"upstream_headers": "FILL", "denied_requests": "BLOCK", "websockets": "ENFORCE", "private_network_access": true, "timing_allow_origin": true,
		"preflight": {"success_status": 200, "denied_status": 204, "disclosure": "MINIMAL", "expose_headers": true, "debug_until": "2026-01-02T03:04:06Z"},
		"dangerously_allow": ["ANY_ORIGIN_WITH_CREDENTIALS", "INSECURE_ORIGINS_WITH_CREDENTIALS", "PUBLIC_SUFFIX_WILDCARDS"]}}`)
	age, at := 10*time.Minute, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := policy.Spec{
		Origins: []string{"o"}, TemporaryOrigins: []policy.TemporaryOrigin{{Origin: "t", ExpiresAt: at, Note: "n"}},
		Methods: []string{"m"}, RequestHeaders: []string{"r"}, ExposeHeaders: []string{"e"}, Credentials: true, MaxAge: &age,
		UpstreamHeaders: policy.Fill, BlockDenied: true, EnforceWebSockets: true, PrivateNetworkAccess: true, TimingAllowOrigin: true,
		Preflight:   policy.PreflightSpec{SuccessStatus: 200, DeniedStatus: 204, Minimal: true, ExposeHeaders: true, DebugUntil: at.Add(time.Second)},
		Dangerously: policy.Dangers{AnyOriginWithCredentials: true, InsecureOriginsWithCredentials: true, PublicSuffixWildcards: true},
	}
	got, err := Spec(tenant, "/")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if mode, err := Mode(tenant); mode != "OFF" || err != nil {
		t.Errorf("mode: got %q and %v", mode, err)
	}
	for _, bad := range []string{`{"upstream_headers": "KEEP"}`, `{"max_age": "long"}`, `{"dangerously_allow": ["ALL"]}`, `{"websockets": "enforce"}`} {
		if _, err := Spec(json.RawMessage(`{"id": "a", "hosts": ["a"], "policy": `+bad+`}`), "/"); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestPolicyRequestJoinsLines(t *testing.T) {
	c := Case{Request: Request{Method: "GET", Scheme: "http", Authority: "a", Now: "2026-01-01T00:00:00Z", Headers: [][2]string{
		{"Origin", " https://a\t"}, {"origin", "https://b"}, {"upgrade", "WebSocket"},
	}}}
	got, err := c.PolicyRequest()
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Request{Method: "GET", Scheme: "http", Authority: "a", Origin: "https://a,https://b", WebSocket: true, Now: 1767225600}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGroups(t *testing.T) {
	groups := Groups([]File{{Name: "a"}, {Name: "b", Alone: "w"}, {Name: "c"}})
	if len(groups) != 2 || len(groups[0]) != 2 || groups[0][1].Name != "c" || groups[1][0].Name != "b" {
		t.Errorf("got %v", groups)
	}
}
