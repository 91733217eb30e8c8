package policy

import (
	"fmt"
	"strings"
	"testing"
)

func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("x-%d", i)
	}
	return strings.Join(names, ",")
}

// headerCases are values of Access-Control-Request-Headers under policies.
func headerCases() []headerCase {
	ab := []string{"X-A", "x-b"}
	star := []string{"*"}
	long := strings.Repeat("n", 128)
	return []headerCase{
		{"rule 42: as browsers send it", ab, false, "x-a,x-b", 0, "x-a, x-b", "x-a, x-b"},
		{"rule 42: any case, white space, empty elements, any order, twice", ab, false, ", X-B\t ,,x-A , x-b,", 0, "x-a, x-b", "x-b, x-a"},
		{"rule 42: white space only", ab, false, " \t ", 0, "x-a, x-b", ""},
		{"rule 42: nothing asked, listed is disclosed", ab, false, "", 0, "x-a, x-b", ""},
		{"rule 42: nothing asked, nothing listed", nil, false, "", 0, "", ""},
		{"rule 43: 4096 bytes", star, false, strings.Repeat("n", 100) + strings.Repeat(" ", 3996), 0, "*", strings.Repeat("n", 100)},
		{"rule 43: 4097 bytes", star, false, strings.Repeat("n", 100) + strings.Repeat(" ", 3997), HeadersOversize, "", ""},
		{"rule 43: 64 names", star, false, manyNames(64), 0, "*", strings.ReplaceAll(manyNames(64), ",", ", ")},
		{"rule 43: 65 names", star, false, manyNames(65), HeadersOversize, "", ""},
		{"rule 43: 65 names, none of them listed", ab, false, manyNames(65), HeadersOversize, "", ""},
		{"rule 43: 64 names and 16 empty elements", star, false, strings.Repeat(",", 16) + manyNames(64), 0, "*", strings.ReplaceAll(manyNames(64), ",", ", ")},
		{"rule 43: 16 empty elements", ab, false, strings.Repeat(" ,", 16) + "x-a", 0, "x-a, x-b", "x-a"},
		{"rule 43: 17 empty elements", ab, false, strings.Repeat(",", 17) + "x-a", HeadersOversize, "", ""},
		{"rule 43: 17 empty elements at the end", ab, false, "x-a" + strings.Repeat(" ,", 17), HeadersOversize, "", ""},
		{"rule 43: a name of 128 bytes", star, true, long, 0, long, long},
		{"rule 43: a name of 129 bytes", star, true, long + "n", HeadersOversize, "", ""},
		{"rule 43: a name of 129 bytes among others", star, true, "x-a," + long + "n ,x-b", HeadersOversize, "", ""},
		{"rule 43: not a token", ab, false, "x-a,x b", HeadersMalformed, "", ""},
		{"rule 43: non-ASCII", star, true, "x-ä", HeadersMalformed, "", ""},
		{"rule 43: line break", star, true, "x-a\r\nset-cookie: a=b", HeadersMalformed, "", ""},
		{"rule 43: control byte", star, true, "x-a\x00", HeadersMalformed, "", ""},
		{"rule 44: one unlisted name", ab, false, "x-a,x-c", HeadersNotListed, "", ""},
		{"rule 44: the first fault decides", ab, false, "x-c,x y", HeadersNotListed, "", ""},
		{"rule 44: a listed name is no prefix", ab, false, "x-aa", HeadersNotListed, "", ""},
		{"rule 44: authorization is not covered by *", star, false, "x-a,Authorization", HeadersNotListed, "", ""},
		{"rule 44: authorization under * with credentials", star, true, "x-a,Authorization", 0, "x-a, authorization", "x-a, authorization"},
		{"rule 44a: authorization listed beside *", []string{"*", "Authorization"}, false, "authorization,x-a", 0, "*, authorization", "authorization, x-a"},
		{"rule 44a: * without credentials", []string{"*", "x-a"}, false, "x-z", 0, "*", "x-z"},
		{"rule 44a: * with credentials echoes parsed names", star, true, " X-Z,,x-a,x-z", 0, "x-z, x-a", "x-z, x-a"},
		{"rule 44a: * with credentials, nothing asked", star, true, "", 0, "", ""},
		{"rule 44b: safelisted names need listing", ab, false, "content-type", HeadersNotListed, "", ""},
		{"rule 44b: range listed", []string{"range"}, false, "range", 0, "range", "range"},
		{"rule 70: what gRPC-Web asks for", []string{"content-type", "x-grpc-web", "x-user-agent", "grpc-timeout"}, false, "content-type,grpc-timeout,x-grpc-web,x-user-agent", 0, "content-type, x-grpc-web, x-user-agent, grpc-timeout", "content-type, grpc-timeout, x-grpc-web, x-user-agent"},
	}
}

type headerCase struct {
	name      string
	listed    []string
	cred      bool
	asked     string
	why       Reason // zero when it passes
	answered  string // Access-Control-Allow-Headers
	minimally string
}

func TestRequestedHeaders(t *testing.T) {
	for _, c := range headerCases() {
		t.Run(c.name, func(t *testing.T) {
			spec := Spec{Origins: []string{page}, RequestHeaders: c.listed, Credentials: c.cred}
			want := c.why
			if want == 0 {
				want = OriginListed
			}
			for _, minimal := range []bool{false, true} {
				answered := c.answered
				if spec.Preflight.Minimal = minimal; minimal {
					answered = c.minimally
				}
				r := preflightFrom(page)
				r.RequestMethod, r.RequestHeaders = "POST", c.asked
				d := mustCompile(t, spec).Decide(&r)
				_, got := answer(&d, nil)
				if d.Reason != want || got["access-control-allow-headers"] != answered {
					t.Errorf("minimal %v: got %v, %q; want %v, %q", minimal, d.Reason, got["access-control-allow-headers"], want, answered)
				}
			}
		})
	}
}
