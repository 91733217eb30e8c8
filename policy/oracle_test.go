package policy

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The oracles: slow, obvious readings of the rules that share no code with the package.

// naiveOrigin reads a tuple origin with net/url and net/netip (rules 12–19).
func naiveOrigin(s string) (scheme, host, port string, ok bool) {
	if len(s) > 326 || strings.ToLower(s) != s {
		return "", "", "", false
	}
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune(`%"<>\^{|}`+"`", r) {
			return "", "", "", false
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme+"://"+u.Host != s || u.User != nil {
		return "", "", "", false
	}
	scheme, host, port = u.Scheme, u.Hostname(), u.Port()
	if len(scheme) > 64 || scheme == "file" || strings.HasSuffix(u.Host, ":") {
		return "", "", "", false
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		standard := map[string]uint64{"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}[scheme]
		if err != nil || n == 0 || n == standard || strconv.FormatUint(n, 10) != port {
			return "", "", "", false
		}
	}
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(host)
		return scheme, "[" + host + "]", port, err == nil && addr.Is6() && !addr.Is4In6() && addr.Zone() == "" && addr.String() == host
	}
	return scheme, host, port, naiveName(host)
}

func naiveName(host string) bool {
	name := strings.TrimSuffix(host, ".")
	if len(host) > 253 || name == "" {
		return false
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	digits, hexadecimal := strings.CutPrefix(last, "0x")
	alphabet := "0123456789"
	if hexadecimal {
		alphabet += "abcdef"
	}
	if strings.Trim(digits, alphabet) != "" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4()
}

// naiveMatch asks one canonical entry (rules 30–35).
func naiveMatch(entry, scheme, host, port string) bool {
	if entry == "*" {
		return true
	}
	es, rest, _ := strings.Cut(entry, "://")
	eh, ep := rest, ""
	if i := strings.LastIndex(rest, ":"); i > strings.LastIndex(rest, "]") {
		eh, ep = rest[:i], rest[i+1:]
	}
	if es != scheme || ep != "*" && ep != port {
		return false
	}
	if eh == "*" {
		return true
	}
	if !strings.HasPrefix(eh, "*.") {
		return eh == host
	}
	base := strings.Split(eh[2:], ".")
	labels := strings.Split(host, ".")
	return len(labels) > len(base) && slices.Equal(labels[len(labels)-len(base):], base)
}

// naiveAllows is the whole list, without credentials.
func naiveAllows(entries []string, value string) bool {
	value = strings.Trim(value, " \t")
	if value == "null" {
		return slices.Contains(entries, "*")
	}
	scheme, host, port, ok := naiveOrigin(value)
	if !ok {
		return false
	}
	for _, e := range entries {
		if naiveMatch(e, scheme, host, port) {
			return true
		}
	}
	return false
}

// naiveToken is RFC 9110 §5.6.2.
func naiveToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// naiveHeaders decides on Access-Control-Request-Headers with slices and maps
// (rules 42–44); authorization is just another name here. The zero Reason passes.
func naiveHeaders(listed []string, star bool, value string) Reason {
	if value == "" {
		return 0
	}
	elements := strings.Split(value, ",")
	var names []string
	for i := range elements {
		elements[i] = strings.Trim(elements[i], " \t")
		if elements[i] != "" {
			names = append(names, elements[i])
		}
	}
	if len(value) > 4096 || len(names) > 64 || len(elements) > 80 {
		return HeadersOversize
	}
	empties := 0
	for _, e := range elements {
		switch {
		case e == "":
			if empties++; empties > 16 {
				return HeadersOversize
			}
		case len(e) > 128 && naiveToken(e[:128]):
			return HeadersOversize
		case !naiveToken(e):
			return HeadersMalformed
		case !star && !slices.Contains(listed, strings.ToLower(e)):
			return HeadersNotListed
		}
	}
	return 0
}

// naiveEcho is what an echo of value has to say (rule 44a).
func naiveEcho(value string) string {
	var names []string
	for e := range strings.SplitSeq(value, ",") {
		if e = strings.ToLower(strings.Trim(e, " \t")); e != "" && !slices.Contains(names, e) {
			names = append(names, e)
		}
	}
	return strings.Join(names, ", ")
}

// naiveVary is rule 65.
func naiveVary(upstream string) string {
	var kept []string
	for e := range strings.SplitSeq(upstream, ",") {
		e = strings.Trim(e, " \t")
		if e == "*" || naiveToken(e) && strings.ToLower(e) == "origin" {
			return upstream
		}
		if naiveToken(e) {
			kept = append(kept, e)
		}
	}
	return strings.Join(append(kept, "Origin"), ", ")
}
