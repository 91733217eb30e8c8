package tenant

import "strings"

// canonicalHost checks one entry of hosts: an exact host, "*.base" or "*".
func canonicalHost(entry string) (string, fault) {
	if entry == "*" {
		return "*", fault{}
	}
	host, isWildcard := strings.CutPrefix(entry, "*.")
	canonical, ok := NormalizeHost(host)
	prefix := ""
	if isWildcard {
		prefix = "*."
	}
	switch {
	case !ok:
		return "", hostFault(entry)
	case hasPort(host):
		return "", fault{codeHost, "has a port; a tenant has its host on every port", "write " + prefix + canonical}
	case isWildcard && (canonical[0] == '[' || allDigits(canonical[strings.LastIndexByte(canonical, '.')+1:])):
		return "", fault{codeHost, "is a wildcard below an address; only names have parents", ""}
	}
	return prefix + canonical, fault{}
}

// hostFault explains an entry that is no host, and what was probably meant.
func hostFault(entry string) fault {
	f := fault{code: codeHost, detail: "is not a host"}
	rest := entry
	if _, after, found := strings.Cut(rest, "://"); found {
		f.detail, rest = "has a scheme; hosts have none", after
	}
	if host, _, found := strings.Cut(rest, "/"); found {
		rest = host
	}
	if rest == entry {
		if strings.Contains(entry, "*") {
			f.detail = "has a wildcard in a place where none can be: only *.base and * are wildcards"
		}
		return f
	}
	prefix := ""
	if base, isWildcard := strings.CutPrefix(rest, "*."); isWildcard {
		prefix, rest = "*.", base
	}
	if canonical, ok := NormalizeHost(rest); ok {
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
