package document

import (
	"strings"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// canonicalHosts checks the hosts of a document and returns them canonical.
func canonicalHosts(c *collector, hosts []string) []string {
	var out []string
	seen := make(map[string]bool, len(hosts))
	for i, host := range hosts {
		p := policy.Problem{Path: element("hosts", i), Value: host}
		canonical, f := canonicalHost(host)
		if f.code == "" && seen[canonical] {
			f = fault{CodeHostRepeated, "the host is there twice", "remove one of the two"}
		}
		if f.code != "" {
			p.Code, p.Detail, p.Fix = f.code, f.detail, f.fix
			c.addAt(p)
			continue
		}
		seen[canonical] = true
		out = append(out, canonical)
	}
	return out
}

// canonicalHost checks one entry of hosts: an exact host, "*.base" or "*".
func canonicalHost(entry string) (string, fault) {
	if entry == "*" {
		return "*", fault{}
	}
	host, isWildcard := strings.CutPrefix(entry, "*.")
	canonical, ok := tenant.NormalizeHost(host)
	prefix := ""
	if isWildcard {
		prefix = "*."
	}
	switch {
	case !ok:
		return "", hostFault(entry)
	case hasPort(host):
		return "", fault{CodeHost, "a tenant has its host on every port", "write " + prefix + canonical}
	case isWildcard && (canonical[0] == '[' || allDigits(canonical[strings.LastIndexByte(canonical, '.')+1:])):
		return "", fault{CodeHost, "there is nothing below an address", ""}
	}
	return prefix + canonical, fault{}
}

// hostFault explains an entry that is no host, and what was probably meant.
func hostFault(entry string) fault {
	f := fault{code: CodeHost, detail: "a host is a name or an address"}
	rest := entry
	if _, after, found := strings.Cut(rest, "://"); found {
		f.detail, rest = "a host has no scheme", after
	}
	if host, _, found := strings.Cut(rest, "/"); found {
		rest = host
	}
	if rest == entry {
		if strings.Contains(entry, "*") {
			f.detail = "a star stands alone or for the labels below a name; nothing else"
		}
		return f
	}
	prefix := ""
	if base, isWildcard := strings.CutPrefix(rest, "*."); isWildcard {
		prefix, rest = "*.", base
	}
	if canonical, ok := tenant.NormalizeHost(rest); ok {
		f.fix = "write " + prefix + canonical
	}
	return f
}

func hasPort(host string) bool {
	return host[len(host)-1] != ']' && strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']')
}

func allDigits(label string) bool {
	return strings.Trim(label, "0123456789") == ""
}
