package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
)

// endpoint is a target, checked.
type endpoint struct {
	Target

	url *url.URL
	// ways are the edge and, maybe, the direct path.
	ways   []way
	errors []errorPath
	// expected is nil where a document says it.
	expected *expectation
}

// way is one path to the endpoint.
type way struct {
	path Path
	// base is the URL with the scheme that is spoken on this path.
	base *url.URL
	// dial is the address to connect to, or "" for that of base.
	dial string
	tls  *tls.Config
}

// errorPath is a path that answers an error; status is 0 when any will do.
type errorPath struct {
	path   string
	status int
}

// compile checks t; field is the place of t in messages, "" or ending in a dot.
func (t Target) compile(field string) (*endpoint, Problems) {
	var ps Problems
	e := &endpoint{Target: t}
	e.url = parseURL(&ps, field+"url", t.URL)
	if e.Name == "" {
		e.Name = t.URL
	}
	switch t.HTTP {
	case "", "auto", "1.1", "2":
	default:
		ps.add(field+"http", "write auto, 1.1 or 2", "%q is no version of HTTP", t.HTTP)
	}
	checkAddress(&ps, field+"connect", t.Connect)
	config := t.tls(&ps, field)
	if e.url != nil {
		e.ways = e.compileWays(&ps, field, config)
	}
	e.compileErrors(&ps, field)
	for _, origin := range t.DeniedOrigins {
		if !sendable(origin) {
			ps.add(field+"denied_origins", "", "%q cannot be sent", origin)
		}
	}
	for _, name := range t.Expose {
		if t.Expect == nil { // where they are part of a policy they are checked with it
			checkName(&ps, field+"expose", name)
		}
	}
	if t.Expect != nil {
		e.expected = t.Expect.compile(&ps, field+"expect.", t.Expose)
		if t.Tenant != "" {
			ps.add(field+"tenant", "remove one of the two", "a tenant's document and an own expectation cannot both say what is right")
		}
	}
	return e, ps
}

func parseURL(ps *Problems, field, text string) *url.URL {
	if text == "" {
		ps.add(field, "write the URL that browsers ask", "no endpoint is named")
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		ps.add(field, "", "%q is no URL: %v", text, err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Hostname() == "":
		ps.add(field, "write https://HOST/PATH", "%q is no address of HTTP", text)
	case u.User != nil:
		ps.add(field, "remove it", "the URL holds a login")
	case u.Fragment != "":
		ps.add(field, "remove it", "a fragment is never sent")
	default:
		if u.Path == "" {
			u.Path = "/"
		}
		return u
	}
	return nil
}

func (e *endpoint) compileWays(ps *Problems, field string, config *tls.Config) []way {
	ways := []way{{path: Edge, base: e.url, dial: e.Connect, tls: config}}
	if e.Direct == "" {
		return ways
	}
	u := parseURL(ps, field+"direct", e.Direct)
	if u == nil {
		return ways
	}
	if u.Path != "/" || u.RawQuery != "" {
		ps.add(field+"direct", "write "+u.Scheme+"://"+u.Host, "the path is that of the URL")
	}
	dial := u.Host
	if u.Port() == "" {
		dial = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	base := *e.url
	base.Scheme = u.Scheme
	return append(ways, way{path: Direct, base: &base, dial: dial, tls: config})
}

func checkAddress(ps *Problems, field, address string) {
	if address == "" {
		return
	}
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || host == "" || n < 1 || n > 65535 {
		ps.add(field, "write HOST:PORT", "%q is no address", address)
	}
}

// tls is what is asked of certificates.
func (t *Target) tls(ps *Problems, field string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.InsecureSkipVerify} //nolint:gosec // only where the operator says so
	if t.CAFile == "" {
		return config
	}
	if t.InsecureSkipVerify {
		ps.add(field+"ca_file", "remove one of the two", "nobody asks the authorities when any certificate will do")
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		ps.add(field+"ca_file", "", "%v", err)
		return config
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		ps.add(field+"ca_file", "", "%s holds no certificate", t.CAFile)
	}
	return config
}

func (e *endpoint) compileErrors(ps *Problems, field string) {
	field += "error_paths"
	if len(e.ErrorPaths) > maxErrorPaths {
		ps.add(field, "", "%d paths are more than %d", len(e.ErrorPaths), maxErrorPaths)
		return
	}
	for _, text := range e.ErrorPaths {
		p := errorPath{path: text}
		if i := strings.LastIndexByte(text, '='); i >= 0 {
			status, err := strconv.Atoi(text[i+1:])
			if err != nil || status < 300 || status > 599 {
				ps.add(field, "write PATH=STATUS, such as /private=401", "%q names no status of an error", text)
				continue
			}
			p = errorPath{path: text[:i], status: status}
		}
		if u, err := url.ParseRequestURI(p.path); err != nil || !strings.HasPrefix(p.path, "/") || u.Host != "" {
			ps.add(field, "write a path such as /private=401", "%q is no path", text)
			continue
		}
		e.errors = append(e.errors, p)
	}
}

// compile makes a policy of x.
func (x *Expect) compile(ps *Problems, field string, expose []string) *expectation {
	spec := policy.Spec{
		Origins: x.AllowedOrigins, Methods: x.Methods, RequestHeaders: x.Headers, ExposeHeaders: expose,
		Credentials: x.Credentials, MaxAge: x.MaxAge,
		// What is legal is the gateway's affair; here it only has to be described.
		Dangerously: policy.Dangers{AnyOriginWithCredentials: true, InsecureOriginsWithCredentials: true, PublicSuffixWildcards: true},
	}
	switch {
	case x.Public && len(x.AllowedOrigins) > 0:
		ps.add(field+"public", "remove one of the two", "a public policy lists no origins")
	case x.Public && x.Credentials:
		ps.add(field+"public", "remove one of the two", "a public policy has no credentials")
	case x.Public:
		spec.Origins = []string{"*"}
	case len(x.AllowedOrigins) == 0:
		ps.add(field+"allowed_origins", "name one, or say that the policy is public", "no origin is expected to be allowed")
	}
	checkName(ps, field+"denied_method", x.DeniedMethod)
	checkName(ps, field+"denied_header", x.DeniedHeader)
	compiled, err := policy.Compile(spec)
	if found, ok := errors.AsType[policy.Problems](err); ok {
		for _, p := range found {
			ps.add(field+specField(p.Path), p.Fix, "%q: %s", p.Value, p.Detail)
		}
		return nil
	}
	return &expectation{
		source: "what the caller expects", spec: spec, deniedMethod: x.DeniedMethod, deniedHeader: x.DeniedHeader,
		decide: func(_ string, r *policy.Request) policy.Decision { return compiled.Decide(r) },
		ages:   x.MaxAge != nil,
	}
}

// specField is the name that a person wrote for a field of a policy.
func specField(path string) string {
	name, index, _ := strings.Cut(path, "[")
	if index != "" {
		index = "[" + index
	}
	switch name {
	case "origins":
		name = "allowed_origins"
	case "request_headers":
		name = "headers"
	case "expose_headers":
		name = "expose"
	}
	return name + index
}

// checkName refuses what is no method and no header name; "" is fine.
func checkName(ps *Problems, field, name string) {
	const marks = "!#$%&'*+-.^_`|~"
	odd := func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(marks, c)
	}
	if strings.ContainsFunc(name, odd) {
		ps.add(field, "", "%q is no name", name)
	}
}

// sendable reports whether value can stand in a header.
func sendable(value string) bool {
	return value != "" && !strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' })
}

// expectation is what answers are held against.
type expectation struct {
	// source names it for people.
	source string
	// spec is where questions come from.
	spec policy.Spec
	// decide is the policy's own answer.
	decide func(path string, r *policy.Request) policy.Decision
	// exact says that answers must be those of the policy, and not only sufficient for browsers.
	exact bool
	// ages says that the life of preflights is known.
	ages bool
	// deniedMethod and deniedHeader are asked instead of chosen ones, where set.
	deniedMethod, deniedHeader string
}

// DefaultTimeout bounds one request.
const DefaultTimeout = 5 * time.Second
