package probe

import (
	"crypto/rand"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
)

// request is one question.
type request struct {
	method, path, origin string
	// requestMethod makes it a preflight.
	requestMethod  string
	requestHeaders []string
	// etag asks whether the resource is still the one that is known.
	etag string
}

// samples are the values that one run asks with, the same on all paths.
type samples struct {
	// path is that of the target, missing one that nobody has.
	path, missing string
	// allowed, denied and lookalikes are origins that the policy judges so.
	allowed, denied, lookalikes []string
	// method and headers are granted to allowed.
	method  string
	headers []string
	// deniedMethod and deniedHeader are refused; "" when the policy refuses none.
	deniedMethod, deniedHeader string
	// public says that everybody may read.
	public bool
	// strangers are two random origins.
	strangers [2]string
}

// oracle is an expectation at one moment, at one endpoint.
type oracle struct {
	*expectation
	scheme, authority string
	now               int64
}

func (o *oracle) decision(r request) policy.Decision {
	return o.decide(r.path, &policy.Request{
		Method: r.method, Scheme: o.scheme, Authority: o.authority, Origin: r.origin,
		RequestMethod: r.requestMethod, RequestHeaders: strings.Join(r.requestHeaders, ","), Now: o.now,
	})
}

func (o *oracle) get(path, origin string) policy.Decision {
	return o.decision(request{method: "GET", path: path, origin: origin})
}

// token is random, and good for a label of a host or the name of a header.
func token() string { return strings.ToLower(rand.Text()[:12]) }

// sample chooses what to ask.
func (e *endpoint) sample(x *expectation) (*oracle, samples) {
	o := &oracle{expectation: x, scheme: e.url.Scheme, authority: e.url.Host, now: time.Now().Unix()}
	random := token()
	s := samples{
		path: e.url.RequestURI(), missing: "/corsgate-probe-" + random,
		strangers: [2]string{"https://" + random + ".test", "https://" + token() + ".test"},
	}
	first := o.get(s.path, s.strangers[0])
	s.public = first.Reason == policy.OriginPublic
	s.allowed = o.pick(s.path, entries(x.spec.Origins, random), policy.Allowed)
	if s.public {
		s.allowed = s.strangers[:1]
	}
	like := s.strangers[0]
	if len(s.allowed) > 0 {
		like = s.allowed[0]
	}
	denied := e.DeniedOrigins
	if len(denied) == 0 {
		denied = []string{beneath(like, random+".test"), s.strangers[0]}
		s.denied = o.pick(s.path, denied, policy.Denied)
		s.denied = s.denied[:min(1, len(s.denied))]
	} else {
		s.denied = denied[:min(len(denied), maxOrigins)] // whatever the policy says: that is what is to be found out
	}
	s.lookalikes = o.pick(s.path, lookalikes(like), policy.Denied)
	o.sampleNames(&s, random)
	return o, s
}

// pick gives those origins, each once, that the policy judges in this way. Of those that are allowed, only the first few.
func (o *oracle) pick(path string, origins []string, want policy.Outcome) []string {
	var found []string
	for _, origin := range origins {
		d := o.get(path, origin)
		if d.Kind == policy.Actual && d.Outcome == want && sendable(origin) && !slices.Contains(found, origin) {
			found = append(found, origin)
		}
		if want == policy.Allowed && len(found) == maxOrigins {
			break
		}
	}
	return found
}

// sampleNames chooses methods and headers.
func (o *oracle) sampleNames(s *samples, random string) {
	s.method = "POST"
	for _, m := range o.spec.Methods {
		if m != "*" && !slices.Contains([]string{"GET", "HEAD", "POST"}, m) {
			s.method = m
			break
		}
		if m == "*" {
			s.method = "PATCH"
		}
	}
	for _, h := range o.spec.RequestHeaders {
		if h == "*" {
			h = "x-corsgate-probe-any"
		}
		if len(s.headers) < maxHeaders {
			s.headers = append(s.headers, strings.ToLower(h))
		}
	}
	slices.Sort(s.headers) // as browsers send them
	if len(s.allowed) == 0 {
		return
	}
	refused := func(method string, headers []string, by policy.Reason) bool {
		d := o.decision(request{method: "OPTIONS", path: s.path, origin: s.allowed[0], requestMethod: method, requestHeaders: headers})
		return d.Reason == by
	}
	if s.deniedMethod = o.deniedMethod; s.deniedMethod == "" {
		for _, m := range []string{"PATCH", "DELETE", "PUT", "CORSGATEPROBE"} {
			if refused(m, nil, policy.MethodNotListed) {
				s.deniedMethod = m
				break
			}
		}
	}
	if s.deniedHeader = o.deniedHeader; s.deniedHeader == "" {
		for _, h := range []string{"x-" + random, "authorization"} {
			if refused(s.method, []string{h}, policy.HeadersNotListed) {
				s.deniedHeader = h
				break
			}
		}
	}
}

// entries makes an origin of each entry of a policy.
func entries(list []string, random string) []string {
	var origins []string
	for _, entry := range list {
		scheme, rest, ok := strings.Cut(entry, "://")
		if !ok {
			continue
		}
		rest, anyPort := strings.CutSuffix(rest, ":*")
		if rest == "*" {
			rest = random + ".test"
		} else if base, wild := strings.CutPrefix(rest, "*."); wild {
			rest = "probe-" + random + "." + base
		}
		if anyPort {
			rest += ":8443"
		}
		origins = append(origins, scheme+"://"+rest)
	}
	return origins
}

// beneath is origin with a domain behind its host: what a test of the beginning only would let pass.
func beneath(origin, domain string) string {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" || strings.Contains(u.Host, "[") {
		return "https://" + domain
	}
	u.Host = strings.Replace(u.Host, u.Hostname(), u.Hostname()+"."+domain, 1)
	return u.Scheme + "://" + u.Host
}

// lookalikes are origins that careless comparisons take for origin.
func lookalikes(origin string) []string {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" || strings.Contains(u.Host, "[") {
		return nil
	}
	name, port := u.Hostname(), ""
	if p := u.Port(); p != "" {
		port = ":" + p
	}
	list := []string{
		beneath(origin, "evil.test"),            // the beginning only
		u.Scheme + "://evil" + name + port,      // the end only
		u.Scheme + "://evil." + name + port,     // whole labels, one more
		u.Scheme + "://" + name + "." + port,    // a trailing dot
		u.Scheme + "://" + name + other(port),   // another port
		swapped(u.Scheme) + "://" + name + port, // another scheme
	}
	if first, rest, ok := strings.Cut(name, "."); ok {
		list = append(list, u.Scheme+"://"+first+"x"+rest+port) // a dot that means any character
	}
	return list
}

func other(port string) string {
	if port == "" {
		return ":8443"
	}
	n, err := strconv.Atoi(port[1:])
	if err != nil || n >= 65535 {
		return ""
	}
	return ":" + strconv.Itoa(n+1)
}

func swapped(scheme string) string {
	if scheme == "https" {
		return "http"
	}
	return "https"
}
