package policy

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	rscors "github.com/rs/cors"
)

// question is one request to one policy, asked of this package and of rs/cors.
type question struct {
	spec Spec
	req  Request
}

// divergence is a known difference to rs/cors 1.11 and why ours is wanted.
type divergence struct {
	name, why string
	ours      bool // we grant, rs/cors does not; else the other way round
	applies   func(q *question) bool
}

func divergences() []divergence {
	origin := func(q *question) string { return q.req.Origin }
	return []divergence{
		{
			"origins are folded", "rule 14: browsers send lower case; folding lets through what no browser sends", false,
			func(q *question) bool { return strings.ToLower(origin(q)) != origin(q) },
		},
		{
			"origins are not parsed", "rule 12: a value that is no serialised origin is denied, by * and by wildcards too", false,
			func(q *question) bool { _, _, _, ok := naiveOrigin(origin(q)); return !ok && origin(q) != "null" },
		},
		{
			"safelisted methods need listing", "rule 38: browsers send GET, HEAD and POST without asking", true,
			func(q *question) bool { return safelistedMethod(asked(q)) },
		},
		{
			"actual requests are checked for their method", "rule 62: Fetch checks methods on preflights only", true,
			func(q *question) bool {
				return q.req.Method != "OPTIONS" && !slices.Contains(q.spec.Methods, q.req.Method)
			},
		},
		{
			"OPTIONS is always allowed", "rule 41: a script that uses OPTIONS needs it listed", false,
			func(q *question) bool { return asked(q) == "OPTIONS" && !slices.Contains(q.spec.Methods, "OPTIONS") },
		},
		{
			"requested headers have to be sorted, lower-case and unique", "rule 42: intermediaries rewrite lists", true,
			func(q *question) bool {
				names := strings.Split(q.req.RequestHeaders, ",")
				return !slices.IsSorted(names) || strings.ToLower(q.req.RequestHeaders) != q.req.RequestHeaders ||
					len(slices.Compact(slices.Clone(names))) != len(names) || strings.Contains(q.req.RequestHeaders, " ")
			},
		},
		{
			"* covers authorization", "rule 44: without credentials browsers take * for everything but authorization", false,
			func(q *question) bool {
				return slices.Contains(q.spec.RequestHeaders, "*") && strings.Contains(q.req.RequestHeaders, "authorization")
			},
		},
		{
			"* covers what is no header name", "rule 43: a non-token cannot be the name of a header", false,
			func(q *question) bool {
				return slices.Contains(q.spec.RequestHeaders, "*") && strings.ContainsAny(q.req.RequestHeaders, "@:")
			},
		},
	}
}

// asked is the method that the answer is about.
func asked(q *question) string {
	if q.req.Method == "OPTIONS" {
		return q.req.RequestMethod
	}
	return q.req.Method
}

// TestAgainstRSCORS asks both libraries everything; where they differ, the table above
// has to say why, and each of its rows has to occur.
func TestAgainstRSCORS(t *testing.T) {
	table := divergences()
	seen := map[string]int{}
	agreed := 0
	for _, q := range questions() {
		r := q.req
		d := mustCompile(t, q.spec).Decide(&r)
		ours, theirs := d.Outcome == Allowed, rsGrants(&q)
		if ours == theirs {
			agreed++
			continue
		}
		i := slices.IndexFunc(table, func(v divergence) bool { return v.ours == ours && v.applies(&q) })
		if i < 0 {
			t.Errorf("origins %q, credentials %v, %+v: we say %v, rs/cors %v", q.spec.Origins, q.spec.Credentials, q.req, d.Reason, theirs)
			continue
		}
		seen[table[i].name]++
	}
	for _, v := range table {
		if seen[v.name] == 0 {
			t.Errorf("the divergence %q does not occur", v.name)
		}
	}
	t.Logf("%d answers agree; divergences: %v", agreed, seen)
}

func questions() []question {
	origins := []string{
		page, "http://app.acme.example", page + ":8443", "https://acme.example", "https://a.site.example", "https://a.b.site.example", "https://site.example",
		"https://evilsite.example", "https://a.site.example:8443", "https://A.site.example", page + "/", "https://x/y.site.example", "null", stranger, page + "," + page,
	}
	specs := []Spec{
		{Origins: []string{page}, Methods: []string{"GET", "PUT"}, RequestHeaders: []string{"x-a", "x-b"}, Credentials: true},
		{Origins: []string{page, "https://*.site.example"}, Methods: []string{"GET", "POST", "DELETE"}, RequestHeaders: []string{"*"}},
		{Origins: []string{"*"}, Methods: []string{"PUT", "OPTIONS"}, RequestHeaders: []string{"x-a"}},
	}
	var all []question
	for _, s := range specs {
		for _, o := range origins {
			for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
				all = append(all, question{s, Request{Method: m, Origin: o}})
			}
			for _, m := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "put", "FROB"} {
				for _, h := range []string{"", "x-a", "x-a,x-b", "x-b,x-a", "X-A", "x-a, x-b", "x-a,x-a", "x-c", "authorization", "x@y"} {
					all = append(all, question{s, Request{Method: "OPTIONS", Origin: o, RequestMethod: m, RequestHeaders: h}})
				}
			}
		}
	}
	return all
}

// rsGrants reports whether rs/cors lets the browser go on.
func rsGrants(q *question) bool {
	c := rscors.New(rscors.Options{
		AllowedOrigins: q.spec.Origins, AllowedMethods: q.spec.Methods, AllowedHeaders: q.spec.RequestHeaders, AllowCredentials: q.spec.Credentials,
	})
	r := httptest.NewRequest(q.req.Method, "http://api.acme.example/", http.NoBody)
	r.Header.Set("Origin", q.req.Origin)
	if q.req.RequestMethod != "" {
		r.Header.Set("Access-Control-Request-Method", q.req.RequestMethod)
	}
	if q.req.RequestHeaders != "" {
		r.Header.Set("Access-Control-Request-Headers", q.req.RequestHeaders)
	}
	w := httptest.NewRecorder()
	c.HandlerFunc(w, r)
	return w.Header().Get("Access-Control-Allow-Origin") != ""
}
