// Package probetest has a gateway that answers as corsgate does in front of an application, and that can be made wrong in
// single ways: what tests of the probe ask.
package probetest

import (
	"maps"
	"net/http"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Path is the resource of the application, with an ETag. Beside it there are /private (401) and /busy (503).
const Path = "/v1/orders/7"

// Fault changes an answer before it leaves.
type Fault func(r *http.Request, status *int, h http.Header)

// Gateway decides by the tenants of a registry, and then makes its fault, unless that is nil.
func Gateway(tenants tenant.Registry, fault Fault) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view := tenants.Lookup(r.Context(), tenant.Key{Authority: r.Host, Path: r.URL.RequestURI()})
		res := view.Decide(&policy.Request{
			Method: r.Method, Scheme: "http", Authority: r.Host, Origin: r.Header.Get("Origin"),
			RequestMethod:  r.Header.Get("Access-Control-Request-Method"),
			RequestHeaders: r.Header.Get("Access-Control-Request-Headers"), Now: time.Now().Unix(),
		}, policy.UnknownRefuse)
		h := http.Header{}
		var status int
		var headers []policy.Header
		if res.Answered() {
			status, headers = res.AppendReply(nil)
		} else {
			status = application(r, h)
			var edits policy.Edits
			res.AppendEdits(&edits, &policy.Upstream{AllowOrigin: "*", HasCORS: true, Vary: h.Get("Vary")})
			for _, name := range edits.Remove {
				h.Del(name)
			}
			headers = edits.Set
		}
		for _, set := range headers {
			h.Set(set.Name, set.Value)
		}
		if fault != nil {
			fault(r, &status, h)
		}
		maps.Copy(w.Header(), h)
		w.WriteHeader(status)
	})
}

// Application is the one behind [Gateway], alone.
func Application() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := application(r, w.Header())
		w.WriteHeader(status)
	})
}

// application is obliging to everybody, as many are.
func application(r *http.Request, h http.Header) int {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Request-Id", "r-1")
	switch r.URL.Path {
	case Path:
		h.Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			return http.StatusNotModified
		}
		return http.StatusOK
	case "/private":
		return http.StatusUnauthorized
	case "/busy":
		return http.StatusServiceUnavailable
	default:
		return http.StatusNotFound
	}
}
