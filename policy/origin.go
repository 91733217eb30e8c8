package policy

import (
	"net/netip"
	"strings"
)

// The size bounds of a serialised origin (rule 13). 253 bytes is the longest
// name DNS can hold (RFC 1035 §2.3.4); no registered scheme comes near 64.
const (
	maxSchemeBytes = 64
	maxHostBytes   = 253
	maxLabelBytes  = 63
	maxPortBytes   = 5
	maxOriginBytes = maxSchemeBytes + len("://") + maxHostBytes + len(":") + maxPortBytes
)

// nullOrigin is the opaque origin as it is serialised (rule 20).
const nullOrigin = "null"

// origin is a tuple origin, cut out of the value that it was parsed from.
type origin struct {
	scheme string
	host   string // with brackets for IPv6
	port   string // "" for the scheme's default
}

// parseOrigin reads s as browsers serialise a tuple origin: scheme, "://", host
// and a port unless it is the default one (Fetch § Origin header, HTML §
// serialization of an origin; rules 12–19). Everything else is not ok, the
// opaque origin included.
func parseOrigin(s string) (o origin, ok bool) {
	if len(s) > maxOriginBytes {
		return origin{}, false
	}
	end := schemeEnd(s)
	if end == 0 || !strings.HasPrefix(s[end:], "://") {
		return origin{}, false
	}
	o.scheme = s[:end]
	rest := s[end+len("://"):]
	end = hostEnd(rest)
	if end == 0 {
		return origin{}, false
	}
	o.host = rest[:end]
	if rest = rest[end:]; rest == "" {
		return o, true
	}
	o.port = rest[1:]
	return o, rest[0] == ':' && validPort(o.port) && o.port != defaultPort(o.scheme)
}

// schemeEnd returns the length of the scheme that s starts with, or 0 (rule 14).
// "file" is no scheme here: browsers serialise its origin as null (rule 21).
func schemeEnd(s string) int {
	if strings.HasPrefix(s, "https:") {
		return len("https") // what nearly all origins start with
	}
	if s == "" || !isLower(s[0]) {
		return 0
	}
	i := 1
	for i < len(s) && i <= maxSchemeBytes && isSchemeByte(s[i]) {
		i++
	}
	if i > maxSchemeBytes || s[:i] == "file" {
		return 0
	}
	return i
}

func isSchemeByte(c byte) bool {
	return isLower(c) || isDigit(c) || c == '+' || c == '-' || c == '.'
}

// hostEnd returns the length of the host that s starts with, or 0.
func hostEnd(s string) int {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || !validIPv6(s[1:end]) {
			return 0
		}
		return end + 1
	}
	end, numeric := nameEnd(s)
	if numeric && !validIPv4(s[:end]) {
		return 0
	}
	return end
}

// nameEnd returns the length of the domain name or IPv4 address that s starts
// with, or 0, and whether its last label is a number, which the URL standard
// ("ends in a number") takes for an IPv4 address or refuses.
//
// Underscores are tolerated because real hosts have them (rule 15); one trailing
// dot makes another, valid host (rule 17).
func nameEnd(s string) (end int, numeric bool) {
	label, before := 0, 0 // where the current label and the one before it start
	for ; end < len(s); end++ {
		c := s[end]
		if isLower(c) || isDigit(c) || c == '-' || c == '_' {
			continue
		}
		if c == ':' {
			break
		}
		if c != '.' || end == label || end-label > maxLabelBytes {
			return 0, false
		}
		label, before = end+1, label
	}
	if end == 0 || end > maxHostBytes || end-label > maxLabelBytes {
		return 0, false
	}
	if end == label {
		return end, isNumber(s[before : end-1])
	}
	return end, isNumber(s[label:end])
}

// isNumber is the URL standard's test of a last label: decimal digits, or 0x and
// hexadecimal ones.
func isNumber(label string) bool {
	if !isDigit(label[0]) {
		return false
	}
	if rest, ok := strings.CutPrefix(label, "0x"); ok {
		for i := range len(rest) {
			if !isLowerHex(rest[i]) {
				return false
			}
		}
		return true
	}
	for i := range len(label) {
		if !isDigit(label[i]) {
			return false
		}
	}
	return true
}

// validIPv4 accepts dotted decimal without leading zeros, the only form in which
// browsers serialise an address (rule 18).
func validIPv4(s string) bool {
	for part := range 4 {
		i, n := 0, 0
		for i < len(s) && i < 3 && isDigit(s[i]) {
			n = n*10 + int(s[i]-'0')
			i++
		}
		if i == 0 || n > 255 || i > 1 && s[0] == '0' {
			return false
		}
		s = s[i:]
		if part < 3 {
			if s == "" || s[0] != '.' {
				return false
			}
			s = s[1:]
		}
	}
	return s == ""
}

// validIPv6 accepts the RFC 5952 form without zone and without the IPv4-mapped
// range (rule 18). It reads the groups loosely and then compares with how
// net/netip writes the same address; netip's own parser would allocate its errors.
func validIPv6(s string) bool {
	var addr [16]byte
	if len(s) > len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") || !readIPv6(s, &addr) {
		return false
	}
	ip := netip.AddrFrom16(addr)
	if ip.Is4In6() {
		return false
	}
	var text [64]byte
	return string(ip.AppendTo(text[:0])) == s
}

// readIPv6 fills addr from up to eight groups and at most one "::".
func readIPv6(s string, addr *[16]byte) bool {
	n, gap := 0, -1
	if rest, ok := strings.CutPrefix(s, "::"); ok {
		s, gap = rest, 0
	}
	for s != "" {
		i, v := 0, 0
		for i < len(s) && i < 4 && isLowerHex(s[i]) {
			v = v<<4 | hexValue(s[i])
			i++
		}
		if i == 0 || n == len(addr) {
			return false
		}
		addr[n], addr[n+1] = byte(v>>8), byte(v)
		n += 2
		if s = s[i:]; s == "" {
			break
		}
		if s[0] != ':' || s == ":" {
			return false
		}
		if s = s[1:]; s[0] == ':' {
			if gap >= 0 {
				return false
			}
			s, gap = s[1:], n
		}
	}
	if gap < 0 {
		return n == len(addr)
	}
	tail := n - gap
	copy(addr[len(addr)-tail:], addr[gap:n])
	clear(addr[gap : len(addr)-tail])
	return n < len(addr)
}

func hexValue(c byte) int {
	if isDigit(c) {
		return int(c - '0')
	}
	return int(c-'a') + 10
}

// validPort accepts 1 to 65535 without leading zeros (rule 19).
func validPort(s string) bool {
	if s == "" || len(s) > maxPortBytes || s[0] == '0' {
		return false
	}
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

// defaultPort is the port that browsers leave out of an origin (URL standard, § special schemes).
func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	case "ftp":
		return "21"
	}
	return ""
}

// originFault names the reason why a value that is no tuple origin is denied.
func originFault(s string) Reason {
	switch {
	case len(s) > maxOriginBytes:
		return OriginMalformed // rule 13: without looking at it
	case s == nullOrigin:
		return OriginNull
	case strings.IndexByte(s, ',') >= 0 || strings.IndexByte(s, ' ') >= 0:
		return OriginMultiple
	}
	return OriginMalformed
}
