package policy

import (
	"strings"
	"testing"
)

func TestRequestedMethods(t *testing.T) {
	for _, c := range []struct {
		name      string
		methods   []string
		cred      bool
		asked     string
		why       Reason // zero when it passes
		answered  string // Access-Control-Allow-Methods
		minimally string
	}{
		{"rule 37: case counts", []string{"PATCH"}, false, "patch", MethodNotListed, "", ""},
		{"rule 37: delete is normalised on write", []string{"delete"}, false, "DELETE", 0, "DELETE", "DELETE"},
		{"rule 37: patch is not", []string{"patch"}, false, "PATCH", MethodNotListed, "", ""},
		{"rule 37: browsers send delete as DELETE only", []string{"DELETE"}, false, "delete", MethodNotListed, "", ""},
		{"rule 38: GET passes unlisted", []string{"PUT"}, false, "GET", 0, "PUT", "GET"},
		{"rule 38: HEAD passes unlisted", nil, false, "HEAD", 0, "GET, HEAD, POST", "HEAD"},
		{"rule 38: POST passes unlisted", nil, true, "POST", 0, "GET, HEAD, POST", "POST"},
		{"rule 39: two lines joined", []string{"*"}, false, "PUT,GET", MethodMalformed, "", ""},
		{"rule 39: not a token", []string{"*"}, false, "P T", MethodMalformed, "", ""},
		{"rule 39: line break", []string{"*"}, true, "PUT\r\nx-evil: 1", MethodMalformed, "", ""},
		{"rule 39: beyond the bound", []string{"*"}, true, strings.Repeat("A", 129), MethodMalformed, "", ""},
		{"rule 39: CONNECT", []string{"*"}, false, "CONNECT", MethodForbidden, "", ""},
		{"rule 39: trace in any case", []string{"*"}, true, "tRaCe", MethodForbidden, "", ""},
		{"rule 39: TRACK", []string{"*"}, true, "TRACK", MethodForbidden, "", ""},
		{"rule 40: * without credentials", []string{"*", "PUT"}, false, "FROB", 0, "*", "FROB"},
		{"rule 40: * with credentials", []string{"*", "PUT"}, true, "FROB", 0, "FROB", "FROB"},
		{"rule 41: OPTIONS by a script", []string{"options"}, false, "OPTIONS", 0, "OPTIONS", "OPTIONS"},
		{"rule 41: OPTIONS is not implied", []string{"PUT"}, false, "OPTIONS", MethodNotListed, "", ""},
		{"rule 54: the full list by default, each once", []string{"PUT", "DELETE", "put"}, false, "DELETE", 0, "PUT, DELETE", "DELETE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := Spec{Origins: []string{page}, Methods: c.methods, Credentials: c.cred}
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
				r.RequestMethod = c.asked
				d := mustCompile(t, spec).Decide(&r)
				_, got := answer(&d, nil)
				if d.Reason != want || got["access-control-allow-methods"] != answered {
					t.Errorf("minimal %v: got %v, %q; want %v, %q", minimal, d.Reason, got["access-control-allow-methods"], want, answered)
				}
			}
		})
	}
}
