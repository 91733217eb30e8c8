package migratetest

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// Gateway is another gateway: how its configuration is written, and what it says that it does.
type Gateway struct {
	Name string
	// Kinds of origins that it has.
	Kinds []string
	// Write gives the configuration, for [Host].
	Write func(*Sample) []byte
	// Takes reports whether a matcher takes an origin.
	Takes func(o Origin, origin string) bool
	// answer completes the answer to an origin that is taken.
	answer func(*Sample, *Ask, *Answer)
}

// Gateways are all of them.
func Gateways() []Gateway {
	return []Gateway{
		{Name: "envoy", Kinds: []string{"exact", "prefix", "suffix", "contains", "regex"}, Write: writeEnvoy, Takes: envoyTakes, answer: envoyAnswer},
		{Name: "istio", Kinds: []string{"exact", "prefix", "regex"}, Write: writeIstio, Takes: envoyTakes, answer: envoyAnswer},
		{Name: "envoy-gateway", Kinds: []string{"glob"}, Write: writeSecurityPolicy, Takes: globTakes, answer: echoAnswer},
		{Name: "gateway-api", Kinds: []string{"glob"}, Write: writeHTTPRoute, Takes: specTakes, answer: specAnswer},
		{Name: "ingress-nginx", Kinds: []string{"label"}, Write: writeIngress, Takes: nginxTakes, answer: nginxAnswer},
	}
}

// Asked is what the gateway answers to a preflight, or to the request itself.
func (g *Gateway) Asked(s *Sample, a *Ask) *Answer {
	out := &Answer{Status: 200}
	for _, o := range s.Origins {
		if g.Takes(o, a.Origin) {
			out.Origin = a.Origin
			if s.Credentials {
				out.Credentials = "true"
			}
			g.answer(s, a, out)
			break
		}
	}
	return out
}

// envoyTakes is the string matcher of Envoy. In its CORS filter, one that takes the star takes everything.
func envoyTakes(o Origin, origin string) bool { return envoyMatch(o, "*") || envoyMatch(o, origin) }

func envoyMatch(o Origin, origin string) bool {
	text := o.Text
	if o.Fold && o.Kind != "regex" {
		text, origin = strings.ToLower(text), strings.ToLower(origin)
	}
	switch o.Kind {
	case "exact":
		return text == origin
	case "prefix":
		return strings.HasPrefix(origin, text)
	case "suffix":
		return strings.HasSuffix(origin, text)
	case "contains":
		return strings.Contains(origin, text)
	default:
		return regexp.MustCompile(`\A(?:` + text + `)\z`).MatchString(origin)
	}
}

func envoyAnswer(s *Sample, a *Ask, out *Answer) {
	out.Methods, out.Headers = strings.Join(s.Methods, ","), strings.Join(s.Headers, ",")
	if out.Methods == "*" {
		out.Methods = a.Method
	}
	if out.Headers == "*" {
		out.Headers = strings.Join(a.Headers, ",")
	}
}

// glob matches text with stars, each any text.
func glob(pattern, text string) bool {
	head, tail, ok := strings.Cut(pattern, "*")
	if !ok {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	for i := len(head); i <= len(text); i++ {
		if glob(tail, text[i:]) {
			return true
		}
	}
	return false
}

func globTakes(o Origin, origin string) bool { return glob(o.Text, origin) }

// echoAnswer repeats what is asked where any star is.
func echoAnswer(s *Sample, a *Ask, out *Answer) {
	envoyAnswer(s, a, out)
	if has(s.Methods, "*", false) {
		out.Methods = a.Method
	}
	if has(s.Headers, "*", false) {
		out.Headers = strings.Join(a.Headers, ",")
	}
}

// specTakes is what GEP-1767 says: scheme, host and port are compared, and a star is any labels of the host.
func specTakes(o Origin, origin string) bool {
	if o.Text == "*" {
		return true
	}
	cut := func(s string) (scheme, host, port string) {
		scheme, rest, _ := strings.Cut(s, "://")
		if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
			return scheme, rest[:i], rest[i+1:]
		}
		return scheme, rest, ""
	}
	scheme, host, port := cut(o.Text)
	s, h, p := cut(origin)
	return scheme == s && port == p && (host == h || strings.HasPrefix(host, "*") && strings.HasSuffix(h, host[1:]) && len(h) > len(host)-1)
}

// specAnswer may send the star itself where there are no credentials.
func specAnswer(s *Sample, a *Ask, out *Answer) {
	echoAnswer(s, a, out)
	if !s.Credentials && has(s.Headers, "*", false) {
		out.Headers = strings.Join(s.Headers, ",")
	}
}

// nginxTakes is the expression that ingress-nginx writes.
func nginxTakes(o Origin, origin string) bool {
	if o.Text == "*" {
		return true
	}
	label := strings.Replace(regexp.QuoteMeta(o.Text), `\*`, `[A-Za-z0-9\-]+`, 1)
	return regexp.MustCompile(`(?i)((` + label + `))$`).MatchString(origin)
}

func nginxAnswer(s *Sample, _ *Ask, out *Answer) {
	out.Methods, out.Headers = strings.Join(s.Methods, ", "), strings.Join(s.Headers, ", ")
	if len(s.Methods) == 0 || has(s.Methods, "*", false) {
		out.Methods = "GET, PUT, POST, DELETE, PATCH, OPTIONS"
	}
	if len(s.Headers) == 0 || has(s.Headers, "*", false) {
		out.Headers = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization"
	}
	for _, o := range s.Origins {
		if o.Text == "*" {
			out.Origin = "*"
		}
	}
}

// document is JSON, which is YAML.
func document(v any) []byte {
	out, _ := json.Marshal(v) // strings, numbers and lists cannot fail
	return out
}

type m = map[string]any

// EnvoyPolicy is the CorsPolicy of a sample.
func EnvoyPolicy(s *Sample) map[string]any {
	var origins []any
	for _, o := range s.Origins {
		one := m{o.Kind: o.Text}
		if o.Kind == "regex" {
			one = m{"safe_regex": m{"regex": o.Text}}
		} else if o.Fold {
			one["ignore_case"] = true
		}
		origins = append(origins, one)
	}
	p := m{
		"@type":                     "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
		"allow_origin_string_match": origins, "allow_methods": strings.Join(s.Methods, ","), "allow_headers": strings.Join(s.Headers, ","),
		"expose_headers": strings.Join(s.Expose, ","), "allow_credentials": s.Credentials, "forward_not_matching_preflights": false,
	}
	if s.MaxAge > 0 {
		p["max_age"] = strconv.Itoa(s.MaxAge)
	}
	return p
}

func writeEnvoy(s *Sample) []byte {
	return document(m{"name": "routes", "virtual_hosts": []any{m{
		"name": "api", "domains": []string{Host},
		"typed_per_filter_config": m{"envoy.filters.http.cors": EnvoyPolicy(s)},
		"routes":                  []any{m{"match": m{"prefix": "/"}, "route": m{"cluster": "app"}}},
	}}})
}
