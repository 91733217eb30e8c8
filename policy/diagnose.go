package policy

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// diagnose says what is wrong with an entry that [parsePattern] refused.
func diagnose(text string) fault {
	f := firstFault(text)
	if fix := canonicalEntry(text); fix != "" && f.code != CodeOriginNull {
		f.fix = "write " + fix
	}
	return f
}

// firstFault finds the first thing wrong, in the order in which people read an origin.
func firstFault(text string) fault {
	scheme, rest, found := strings.Cut(text, "://")
	switch {
	case text == "":
		return fault{code: CodeOriginEmpty, detail: "the entry is empty"}
	case len(text) > maxOriginBytes:
		return fault{code: CodeOriginTooLong, detail: "an origin has at most 326 bytes"}
	case equalFold(text, nullOrigin):
		return fault{code: CodeOriginNull, detail: "null is the origin of every sandboxed frame and local file, so it cannot be told apart", fix: "give the page an origin of its own"}
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fault{code: CodeOriginBytes, detail: "an origin holds no white space or control character"}
	case !found:
		return fault{code: CodeOriginScheme, detail: "the scheme is missing"}
	case scheme == "file":
		return fault{code: CodeOriginScheme, detail: "browsers send null as the origin of a local file"}
	case strings.Contains(rest, "@"):
		return fault{code: CodeOriginUserinfo, detail: "browsers send no user name in an origin"}
	case strings.ContainsAny(rest, `/\?#`):
		return fault{code: CodeOriginPath, detail: "an origin ends with the host or port; browsers send no slash or path"}
	case strings.ContainsFunc(text, func(r rune) bool { return r > '~' }):
		return fault{code: CodeOriginUnicode, detail: "browsers send internationalised names as A-labels"}
	case lowerASCII(text) != text:
		return fault{code: CodeOriginCase, detail: "browsers send origins in lower case"}
	case schemeEnd(scheme) != len(scheme):
		return fault{code: CodeOriginScheme, detail: "browsers send no such scheme in an origin"}
	}
	return hostFault(scheme, rest)
}

// hostFault finds what is wrong behind a good scheme.
func hostFault(scheme, rest string) fault {
	host, port := splitPort(rest)
	open := port == anyPort
	bare := strings.TrimPrefix(host, "*.")
	switch {
	case port != "" && !open && port == defaultPort(scheme):
		return fault{code: CodeOriginDefaultPort, detail: "browsers leave the default port out"}
	case strings.HasSuffix(rest, ":"), port != "" && !open && !validPort(port):
		return fault{code: CodeOriginPort, detail: "a port is a number from 1 to 65535 without leading zeros, or *"}
	case strings.Contains(bare, "*") && host != "*":
		return fault{code: CodeOriginWildcard, detail: "a star stands alone, for the labels below a name, or for the port; nothing else"}
	case (open || host != bare || host == "*") && !webScheme(scheme):
		return fault{code: CodeOriginWildcard, detail: "only http and https entries may hold a star"}
	case host != bare && hostEnd(bare) == len(bare) && bare != "":
		return fault{code: CodeOriginWildcard, detail: "there is nothing below an address"}
	case hostEnd(bare) == 0 && isNumericHost(bare):
		return fault{code: CodeOriginHost, detail: "the address is not written as browsers write it"}
	}
	return fault{code: CodeOriginHost, detail: "the host is not a valid name or address"}
}

// splitPort cuts rest at the colon before the port, if there is one.
func splitPort(rest string) (host, port string) {
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		return rest[:i], rest[i+1:]
	}
	return rest, ""
}

func isNumericHost(host string) bool {
	if strings.HasPrefix(host, "[") {
		return true
	}
	end, numeric := nameEnd(host)
	return numeric && end == len(host)
}

// canonicalEntry guesses the entry that was meant, in canonical form, or returns
// "". It is a proposal for people: nothing is ever compiled from it.
func canonicalEntry(text string) string {
	scheme, rest, found := strings.Cut(strings.TrimSpace(text), "://")
	if !found {
		scheme, rest = "https", scheme
	}
	if i := strings.IndexAny(rest, `/\?#`); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	scheme = lowerASCII(scheme)
	host, port := splitPort(rest)
	if port = strings.TrimLeft(port, "0"); port == defaultPort(scheme) {
		port = ""
	}
	guess := scheme + "://" + canonicalHost(host)
	if port != "" {
		guess += ":" + port
	}
	if _, ok := parsePattern(guess); !ok || guess == text {
		return ""
	}
	return guess
}

// canonicalHost lower-cases a host, turns it into A-labels, and shortens IPv6.
func canonicalHost(host string) string {
	star := ""
	if rest, ok := strings.CutPrefix(host, "*."); ok {
		star, host = "*.", rest
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil {
			return host
		}
		return "[" + addr.String() + "]"
	}
	host = lowerASCII(host)
	if strings.ContainsFunc(host, func(r rune) bool { return r > '~' }) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return host
		}
		host = ascii
	}
	return star + host
}
