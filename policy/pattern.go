package policy

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// hostForm says which hosts a pattern takes.
type hostForm uint8

const (
	hostExact hostForm = iota
	hostBelow          // one or more labels below the base, never the apex (rule 31)
	hostAny            // every host of the scheme (rule 35)
)

// anyPort in pattern.port is "*": any port or none (rule 32).
const anyPort = "*"

// pattern is an origin entry, taken apart. The grammar is
//
//	"*" | scheme "://" ( host | "*." host | "*" ) [ ":" ( port | "*" ) ]
//
// where everything but the stars reads as in a serialised origin. Stars need
// http or https: other schemes match by exact entry only (rule 21).
type pattern struct {
	any    bool // "*" alone
	scheme string
	host   string // the base for hostBelow, "" for hostAny
	form   hostForm
	port   string
}

// parsePattern reads an entry in its canonical form, the only one accepted.
func parsePattern(entry string) (p pattern, ok bool) {
	if entry == "*" {
		return pattern{any: true}, true
	}
	if len(entry) > maxOriginBytes {
		return pattern{}, false
	}
	scheme, rest, ok := strings.Cut(entry, "://")
	if !ok {
		return pattern{}, false
	}
	rest, open := strings.CutSuffix(rest, ":"+anyPort)
	form := hostExact
	if base, ok := strings.CutPrefix(rest, "*."); ok {
		rest, form = base, hostBelow
	} else if port, ok := strings.CutPrefix(rest, "*"); ok && (port == "" || port[0] == ':') {
		rest, form = "a"+port, hostAny // any host serves to check the rest
	}
	whole := entry
	if form != hostExact || open {
		whole = scheme + "://" + rest
	}
	o, ok := parseOrigin(whole)
	if !ok || open && o.port != "" {
		return pattern{}, false
	}
	p = pattern{scheme: o.scheme, host: o.host, form: form, port: o.port}
	if open {
		p.port = anyPort
	}
	if form == hostAny {
		p.host = ""
	}
	return p, p.exact() || webScheme(p.scheme) && !(form == hostBelow && isAddress(p.host))
}

// exact reports whether p matches one origin only.
func (p *pattern) exact() bool {
	return !p.any && p.form == hostExact && p.port != anyPort
}

// unbounded reports whether p takes hosts of everybody (rule 35).
func (p *pattern) unbounded() bool { return p.any || p.form == hostAny }

// insecure reports whether p takes plain http from other machines (rule 47). What
// the wildcard of "*" takes is the matter of rule 46.
func (p *pattern) insecure() bool {
	return p.scheme == "http" && !(p.form != hostAny && isLoopback(p.host))
}

// publicSuffix reports whether p takes the names right below a public suffix,
// which belong to different people (rule 46). A top-level domain that the list does
// not know counts as one, as the list's own default rule says.
func (p *pattern) publicSuffix() bool {
	if p.form != hostBelow || isLoopback(p.host) {
		return false
	}
	base := strings.TrimSuffix(p.host, ".")
	suffix, _ := publicsuffix.PublicSuffix(base)
	return suffix == base
}

func webScheme(scheme string) bool { return scheme == "http" || scheme == "https" }

// isAddress reports whether a valid host is an IP address.
func isAddress(host string) bool {
	return strings.HasPrefix(host, "[") || validIPv4(host)
}

// isLoopback reports whether a valid host never leaves the machine: localhost and
// names below it (RFC 6761 §6.3), 127.0.0.0/8, ::1.
func isLoopback(host string) bool {
	name := strings.TrimSuffix(host, ".")
	return name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		host == "[::1]" || strings.HasPrefix(host, "127.") && validIPv4(host)
}
