package policy

import (
	"slices"
	"strings"
	"time"
)

// chromiumMaxAge is the longest time for which Chromium remembers a preflight (rule 57).
const chromiumMaxAge = 7200 * time.Second

// Advise returns warnings about a legal but risky Spec, in document order. Values that
// [Compile] refuses are left to it.
func Advise(spec Spec) Problems {
	var warnings Problems
	adviseOrigins(&spec, &warnings)
	adviseLists(&spec, &warnings)
	adviseModes(&spec, &warnings)
	return warnings
}

// listed is one origin entry and where it stands.
type listed struct {
	path, text string
	pattern    pattern
}

func listOrigins(spec *Spec) []listed {
	var all []listed
	for i, text := range spec.Origins {
		all = append(all, listed{path: at("origins", i), text: text})
	}
	for i, t := range spec.TemporaryOrigins {
		all = append(all, listed{path: at("temporary_origins", i) + ".origin", text: t.Origin})
	}
	if len(all) > maxOrigins {
		return nil
	}
	for i := range all {
		all[i].pattern, _ = parsePattern(all[i].text)
	}
	return slices.DeleteFunc(all, func(l listed) bool { return l.pattern == pattern{} })
}

func adviseOrigins(spec *Spec, warnings *Problems) {
	all := listOrigins(spec)
	// wide are the entries that may make others needless.
	wide := originSet{index: map[string]uint16{}, permanent: maxOrigins}
	open := "" // the path of "*"
	first := map[string]string{}
	for i := range all {
		if p := &all[i].pattern; p.any && open == "" {
			open = all[i].path
		} else if !p.exact() {
			wide.add(i, all[i].text, p)
		}
	}
	for i := range all {
		l := &all[i]
		adviseRisk(l, warnings)
		if path, seen := first[l.text]; seen {
			warnings.add(l.path, l.text, fault{code: CodeDuplicate, detail: "the entry stands at " + path + " already", fix: "remove one"})
			continue
		}
		first[l.text] = l.path
		if by := subsumer(l, i, open, wide, all); by != "" {
			warnings.add(l.path, l.text, fault{code: CodeSubsumed, detail: "the entry at " + by + " covers this one", fix: "remove one"})
		}
	}
}

// subsumer returns the path of an entry that takes everything that l takes, or "".
func subsumer(l *listed, i int, open string, wide originSet, all []listed) string {
	switch {
	case l.pattern.any:
		return ""
	case open != "":
		return open
	case l.pattern.form == hostAny:
		return ""
	}
	// The base of a "*." entry is asked as if it were a host: what covers it and is
	// not the entry itself covers all below it, unless it is an entry of that very host.
	// A port of "*" finds only entries that take any port.
	if l.pattern.form == hostBelow {
		wide.shapes &^= shapeHost << 1
	}
	o := origin{scheme: l.pattern.scheme, host: l.pattern.host, port: l.pattern.port}
	text := o.scheme + "://" + o.host
	if o.port != "" {
		text += ":" + o.port
	}
	if by := wide.match(-1, text, &o, 0); by >= 0 && by != i {
		return all[by].path
	}
	return ""
}

func adviseRisk(l *listed, warnings *Problems) {
	p := &l.pattern
	if p.unbounded() {
		warnings.add(l.path, l.text, fault{code: CodeAnyOrigin, detail: "every site may read these responses"})
	}
	if p.insecure() {
		warnings.add(l.path, l.text, fault{code: CodeInsecureOrigin, detail: "whoever is on the network path can run scripts under a plain http origin"})
	}
	switch {
	case p.form != hostBelow:
	case p.publicSuffix():
		warnings.add(l.path, l.text, fault{code: CodePublicSuffix, detail: "anybody can register a name below " + p.host})
	default:
		warnings.add(l.path, l.text, fault{code: CodeWildcardOrigin, detail: "every host below " + p.host + " is trusted, an abandoned one that somebody takes over too"})
	}
}

func adviseLists(spec *Spec, warnings *Problems) {
	adviseStar("methods", spec.Methods, warnings)
	for i, m := range spec.Methods {
		if upper := strings.ToUpper(m); normalMethod(m) == m && m != upper && isToken(m) {
			warnings.add(at("methods", i), m, fault{code: CodeMethodCase, detail: "browsers send this method as the script spells it, and case counts", fix: "write " + upper})
		}
	}
	adviseStar("request_headers", spec.RequestHeaders, warnings)
	for i, name := range spec.RequestHeaders {
		if forbiddenRequestName(lowerASCII(name)) {
			warnings.add(at("request_headers", i), name, fault{code: CodeHeaderForbidden, detail: "no script can set this header, so no browser asks for it", fix: "remove it"})
		}
	}
	adviseStar("expose_headers", spec.ExposeHeaders, warnings)
	if spec.Credentials && slices.Contains(spec.ExposeHeaders, "*") {
		warnings.add("expose_headers", "*", fault{code: CodeExposeAll, detail: "with credentials the names are read from each response, which only designs A and B see"})
	}
}

// adviseStar warns about names beside "*", which covers them. The exception is
// authorization, which "*" alone may not cover (rule 44).
func adviseStar(field string, list []string, warnings *Problems) {
	star := slices.Index(list, "*")
	seen := map[string]bool{}
	for i, name := range list {
		key := lowerASCII(name)
		if field == "methods" {
			key = normalMethod(name)
		}
		switch {
		case seen[key]:
			warnings.add(at(field, i), name, fault{code: CodeDuplicate, detail: "the name stands in the list already", fix: "remove one"})
		case star >= 0 && i != star && !(field == "request_headers" && key == authorization):
			warnings.add(at(field, i), name, fault{code: CodeSubsumed, detail: "* covers this name", fix: "remove one"})
		}
		seen[key] = true
	}
}

func adviseModes(spec *Spec, warnings *Problems) {
	if spec.MaxAge != nil && *spec.MaxAge > chromiumMaxAge && *spec.MaxAge <= maxAgeLimit {
		warnings.add("max_age", spec.MaxAge.String(), fault{code: CodeMaxAgeCapped, detail: "Chromium remembers a preflight for at most 7200 seconds, WebKit for 600"})
	}
	switch spec.UpstreamHeaders {
	case Override:
	case Fill:
		warnings.add("upstream_headers", "FILL", fault{code: CodeUpstreamHeaders, detail: "the application's own headers stand where they agree with this policy"})
	case Passthru:
		warnings.add("upstream_headers", "PASSTHROUGH", fault{code: CodeUpstreamHeaders, detail: "the application's own CORS headers reach the browser whatever this policy says"})
	}
	if !spec.Preflight.DebugUntil.IsZero() {
		warnings.add("preflight.debug_until", spec.Preflight.DebugUntil.UTC().Format(time.RFC3339), fault{code: CodeDebugWindow, detail: "until then refused preflights of allowed origins disclose the policy"})
	}
	if spec.PrivateNetworkAccess {
		warnings.add("private_network_access", "true", fault{code: CodePrivateNetwork, detail: "public sites on the list may reach into private networks"})
	}
	for _, name := range spec.Dangerously.lifted() {
		warnings.add("dangerously_allow", strings.ToUpper(name), fault{code: CodeDangerous, detail: "a refusal of rules 46 and 47 is lifted"})
	}
}
