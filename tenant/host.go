package tenant

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Bounds of a host name in bytes (RFC 1035 §2.3.4). maxAuthority bounds what
// is worth converting: a name in another script, and a port.
const (
	maxHost      = 253
	maxLabel     = 63
	maxAuthority = 4*maxHost + 6
)

// NormalizeHost takes an authority (host[:port], as received or as written)
// and gives its canonical host: lower case, A-labels, without port and without
// one trailing dot; an IPv6 literal keeps its brackets (rule 26). ok is false
// when the authority does not name exactly one host: when it is empty, holds a
// comma, a blank, '@', '/', '%' or a control byte, an empty or overlong label,
// an unreadable port, or more than 253 bytes. An authority that is canonical
// already, but for its port, costs no allocation.
func NormalizeHost(authority string) (host string, ok bool) {
	if authority == "" || len(authority) > maxAuthority {
		return "", false
	}
	if authority[0] == '[' {
		return normalizeIPv6(authority)
	}
	host, ok = cutPort(authority)
	if !ok {
		return "", false
	}
	if host, ok = foldHost(host); !ok {
		return "", false
	}
	host = strings.TrimSuffix(host, ".")
	return host, validHost(host)
}

// RequestHost is the canonical host of a request's authority, as [NormalizeHost] has it. ok is also false for
// spellings that Envoy, which compares bytes but for case and port, routes as another host: with a dot at the end, which
// Envoy removes where it is told to, and of IPv6 addresses. Names in other scripts Envoy refuses by itself.
func RequestHost(authority string) (host string, ok bool) {
	host, ok = NormalizeHost(authority)
	if !ok {
		return "", false
	}
	n := min(len(host), len(authority))
	if name, rest := authority[:n], authority[n:]; (name == host || strings.EqualFold(name, host)) && (rest == "" || rest[0] == ':') {
		return host, true
	}
	return host, strings.ContainsFunc(authority, func(r rune) bool { return r >= utf8.RuneSelf })
}

// cutPort removes ":port". An empty port is legal in a URI, but Envoy does not
// route "host:" as it routes "host", so it is not taken for the same host.
func cutPort(authority string) (string, bool) {
	host, port, found := strings.Cut(authority, ":")
	return host, !found || validPort(port)
}

func validPort(port string) bool {
	if port == "" || len(port) > 5 {
		return false
	}
	n := 0
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
		n = n*10 + int(port[i]-'0')
	}
	return n <= 65535
}

// foldHost lower-cases ASCII and converts other scripts to A-labels (RFC 5891,
// UTS 46 without transitional processing).
func foldHost(host string) (string, bool) {
	upper := false
	for i := range len(host) {
		switch c := host[i]; {
		case c >= utf8.RuneSelf:
			if !utf8.ValidString(host) {
				return "", false
			}
			ascii, err := idna.Lookup.ToASCII(host)
			return ascii, err == nil
		case c >= 'A' && c <= 'Z':
			upper = true
		}
	}
	if upper {
		return strings.ToLower(host), true
	}
	return host, true
}

// validHost reports whether host is canonical: labels of 1 to 63 letters,
// digits, hyphens and underscores (real hosts use them), at most 253 bytes.
func validHost(host string) bool {
	if len(host) > maxHost {
		return false
	}
	label := 0
	for i := range len(host) {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			label++
			if label > maxLabel {
				return false
			}
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
	}
	return label > 0
}

// normalizeIPv6 takes "[address]" with or without a port and writes the
// address as RFC 5952 does. A zone names an interface of one machine, so it
// cannot name a tenant.
func normalizeIPv6(authority string) (string, bool) {
	inner, port, found := strings.Cut(authority[1:], "]")
	if !found || (port != "" && (port[0] != ':' || !validPort(port[1:]))) {
		return "", false
	}
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", false
	}
	var buf [64]byte
	if canonical := addr.AppendTo(buf[:0]); string(canonical) != inner {
		return "[" + string(canonical) + "]", true
	}
	return authority[:len(inner)+2], true
}

// ValidID reports whether id can be a tenant's.
func ValidID(id string) bool {
	if id == "" || len(id) > MaxIDBytes {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case (c == '.' || c == '_' || c == '-') && i > 0 && i < len(id)-1:
		default:
			return false
		}
	}
	return true
}
